"""`make bench-send`: how fast an issue goes out, beside others that send the same to the same servers.

The engine of this project, Postfix's smtp-source (one constant message, no ledger: the limit), a batch of
EmailMultiAlternatives and one task for each reader take turns, in several rounds of one run. 45 KB of HTML and 8 KB of
text, 8 connections, two Celery workers, the ledger on PostgreSQL in a scratch database. Servers: Postfix's smtp-sink, which
reads octet by octet and so is the limit of every good sender, whatever its options; a lighter one (`light`), which shows how much
faster one sender is than another; the lighter one 50 ms away (`far`).
smtp-source, as it comes, connects anew for each message; with -d it keeps its connections, as we do. Before all that, a list
of 100 on the embedded default. The table shows medians, the last line is one JSON object: ratios are medians of the rounds'
own ratios, since the machine's speed changes between rounds.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psycopg
import redis

from benchmarks import site, small_list
from benchmarks.site import say
from scripts.run_tests import find_services

CONNECTIONS, WORKERS = 8, 2
ROUND_TRIP = 50  # milliseconds, of the server that is far away
LIGHT_SINK = (sys.executable, "-m", "benchmarks.sink")
BROKER_URL = "redis://127.0.0.1:6379/13"
# How many times as many messages a second the engine sends as each, into the same server, and the goal if there is one.
RATIOS: dict[str, float | None] = {
    "smtp-source": 1.0,
    "smtp-source -d": None,
    "batch": 20.0,
    "task each": 60.0,
    "smtp-source -d, light": None,
    "batch, light": 20.0,
    "task each, light": 60.0,
    "smtp-source -d, far": 3.5,
}
MOST_CPU, MOST_MEMORY = 120.0, 90.0  # microseconds a message, megabytes
# How many mails each takes a round: a few seconds' worth.
MAILS = {
    "engine": 24000,
    "smtp-source": 16000,
    "smtp-source -d": 16000,
    "batch": 600,
    "task each": 160,
    "engine, light": 24000,
    "smtp-source -d, light": 24000,
    "batch, light": 600,
    "task each, light": 160,
    "engine, far": 2400,
    "smtp-source -d, far": 320,
}


class Result(NamedTuple):
    rate: float  # messages a second
    cpu: float  # microseconds of the sending processes for a message
    database_cpu: float = 0.0


class Bench:
    def __init__(self, folder: Path, port: int, worker: site.Process, scale: float) -> None:
        self.port, self.worker, self.scale = port, worker, scale
        self.message = folder / "message"
        self.results: dict[str, list[Result]] = {name: [] for name in MAILS}
        self.issues = 0
        self.peak_of_few = self.peak = 0.0  # megabytes, after 100 mails and after the first round's
        self.together = 0.0  # megabytes of all processes of the worker, what they share counted once
        self.message_size = 0

    def warm_up(self) -> None:
        with self.server(*LIGHT_SINK, "--port", str(self.port)):
            self.mail(100, tasks=WORKERS)
        self.peak_of_few = self.worker.peak_megabytes()

    def run_round(self) -> None:
        user = ("-u", "nobody") if os.geteuid() == 0 else ()
        light = (*LIGHT_SINK, "--port", str(self.port))
        servers = {
            "": ("smtp-sink", *user, f"127.0.0.1:{self.port}", "256"),
            "light": light,
            "far": (*light, "--round-trip", str(ROUND_TRIP)),
        }
        for kind, command in servers.items():
            with self.server(*command):
                for name in MAILS:
                    if name.partition(", ")[2] == kind:
                        self.measure(name)

    @contextmanager
    def server(self, *command: str) -> Iterator[None]:
        process = site.Process(*command)
        site.wait_for_port(self.port)
        try:
            yield
        finally:
            process.kill()

    def measure(self, name: str) -> None:
        count = max(round(MAILS[name] * self.scale), 1)
        send: Callable[[int], Result] = {
            "engine": self.engine,
            "smtp-source": self.smtp_source,
            "smtp-source -d": lambda count: self.smtp_source(count, "-d"),
            "batch": self.batch,
            "task each": self.task_each,
        }[name.partition(", ")[0]]
        result = send(count)
        self.results[name].append(result)
        say(f"  {name:22} {result.rate:8,.0f} messages/s {result.cpu:8,.0f} µs")

    def smtp_source(self, count: int, *options: str) -> Result:
        """One reader's mail for all, so that the server has the same work."""
        command = ["smtp-source", *options, "-s", str(CONNECTIONS), "-m", str(count), "-F", str(self.message)]
        command += ["-f", "digest@example.org", "-t", "reader@example.org", f"127.0.0.1:{self.port}"]
        start = time.monotonic()
        child = subprocess.Popen(command)  # noqa: S603, our own
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - start
        if child.returncode:
            raise SystemExit("smtp-source failed.")
        return Result(count / seconds, (usage.ru_utime + usage.ru_stime) / count * 1e6)

    def engine(self, count: int) -> Result:
        """From the press of the button to the mailing's end."""
        result = self.mail(count, tasks=WORKERS)
        if not self.peak:  # before the other ways have used these processes
            self.peak, self.together = self.worker.peak_megabytes(), self.worker.proportional_megabytes()
        return result

    def batch(self, count: int) -> Result:
        from benchmarks.tasks import send_in_batches

        def enqueue(mailing_id: int, ids: list[int]) -> None:
            for part in (ids[::2], ids[1::2]):
                send_in_batches.delay(mailing_id, part)

        return self.mail(count, tasks=0, enqueue=enqueue)

    def task_each(self, count: int) -> Result:
        from benchmarks.tasks import send_one

        def enqueue(mailing_id: int, ids: list[int]) -> None:
            for each in ids:
                send_one.delay(mailing_id, each)

        return self.mail(count, tasks=0, enqueue=enqueue)

    def mail(self, count: int, *, tasks: int, enqueue: Callable[[int, list[int]], None] | None = None) -> Result:
        from django.conf import settings

        from deliveries import reconciling
        from deliveries.composing import Composer
        from deliveries.models import Delivery, Mailing

        settings.SENDING_TASKS = tasks
        set_audience(count)
        self.issues += 1
        mailing = site.make_mailing(self.issues)
        cpu, database_cpu, start = self.worker.cpu_seconds(), site.cpu_seconds(site.database_pids()), time.monotonic()
        site.start(mailing)
        if enqueue:
            enqueue(mailing.pk, list(Delivery.objects.filter(mailing=mailing).values_list("pk", flat=True)))
        remaining = Delivery.objects.filter(mailing=mailing).remaining()
        site.wait_for(lambda: not remaining.exists(), 240)
        seconds = time.monotonic() - start
        cpu, database_cpu = self.worker.cpu_seconds() - cpu, site.cpu_seconds(site.database_pids()) - database_cpu
        reconciling.finish()
        sent = mailing.deliveries.filter(state="sent").count()
        if sent != count:
            raise SystemExit(f"Of {count} mails, {sent} were sent.")
        content = Composer(Mailing.objects.get(pk=mailing.pk)).message_for(1, "reader1@example.org")
        self.message.write_bytes(content.replace(b"\r\n", b"\n"))
        self.message_size = len(content)
        return Result(count / seconds, cpu / count * 1e6, database_cpu / count * 1e6)


def set_audience(count: int) -> None:
    from subscribers.models import Subscriber

    last = Subscriber.objects.order_by("pk").values_list("pk", flat=True)[count - 1]
    Subscriber.objects.filter(pk__lte=last).exclude(state="active").update(state="active")
    Subscriber.objects.filter(pk__gt=last).exclude(state="pending").update(state="pending")


def report(bench: Bench) -> dict[str, object]:
    """Print the table; return ratios and figures."""
    say(f"\n{'':22}{'messages/s':>12}{'CPU a message':>16}{'PostgreSQL':>12}")
    medians = {}
    for name, results in bench.results.items():
        rate, cpu, database_cpu = (statistics.median(values) for values in zip(*results, strict=True))
        medians[name] = Result(rate, cpu, database_cpu)
        database = f"{database_cpu:,.0f} µs" if database_cpu else ""
        say(f"{name:22}{rate:12,.0f}{cpu:13,.0f} µs{database:>12}")
    say(f"\n{'engine ÷':22}{'messages/s':>12}{'goal':>8}{'CPU a message':>18}")
    figures: dict[str, object] = {}
    for name, goal in RATIOS.items():
        ours = ", ".join(["engine", *name.split(", ")[1:]])
        pairs = zip(bench.results[ours], bench.results[name], strict=True)
        ratio = round(statistics.median(each.rate / other.rate for each, other in pairs), 2)
        cpu = round(medians[name].cpu / medians[ours].cpu, 1)
        say(f"{name:22}{ratio:12,.2f}{f'{goal:.1f}' if goal else '':>8}{f'1 / {cpu:,.1f}':>18}")
        figures[name] = {"ratio": ratio, "cpu": cpu} | ({"goal": goal, "met": ratio >= goal} if goal else {})
    say(
        f"\nPeak memory of a sending process: {bench.peak_of_few:.0f} MB after 100 mails, {bench.peak:.0f} MB after many. "
        f"With the one above them, the {WORKERS} take {bench.together:.0f} MB together."
    )
    say(f"One message: {bench.message_size:,} bytes.")
    spent = medians["engine"].cpu
    figures["cpu_microseconds"] = {"value": round(spent), "goal": MOST_CPU, "met": spent <= MOST_CPU}
    figures["peak_megabytes"] = {"value": round(bench.peak), "goal": MOST_MEMORY, "met": bench.peak <= MOST_MEMORY}
    figures["megabytes_together"] = round(bench.together)
    figures["messages_per_second"] = {name: round(result.rate) for name, result in medians.items()}
    return figures


def require_tools() -> None:
    """smtp-sink and smtp-source come with Postfix."""
    os.environ["PATH"] += ":/usr/sbin"
    if shutil.which("smtp-sink") and shutil.which("smtp-source"):
        return
    if os.geteuid() != 0:
        raise SystemExit(
            "smtp-sink and smtp-source are missing: install Debian's package postfix, or run this as root."
        )
    say("Installing postfix, for smtp-sink and smtp-source…")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", "postfix"]):
        subprocess.run(["apt-get", *command], env=environment, check=True, stdout=subprocess.DEVNULL)  # noqa: S603, S607


def find_broker(folder: Path) -> str:
    """Redis, of which an unusual database is emptied; or files."""
    try:
        with redis.Redis.from_url(BROKER_URL, socket_connect_timeout=2) as client:
            client.flushdb()
    except redis.RedisError as error:
        say(f"No Redis answers ({error}): the broker is a folder in {folder}.")
        return "filesystem://"
    return BROKER_URL


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare ways to send an issue.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of mails")
    parser.add_argument("--small-list", action="store_true", help="only the list of 100 on the embedded default")
    options = parser.parse_args()
    site.tidy_up_when_ended()
    small = measure_small_list()
    if options.small_list:
        say(json.dumps(small))
        return
    require_tools()
    server_url, _, trouble = find_services()
    if trouble:
        raise SystemExit(f"This needs PostgreSQL and can't go on, {trouble}.")
    with tempfile.TemporaryDirectory() as folder, site.scratch_database(server_url) as database_url:
        bench = run(Path(folder), database_url, options)
    say(json.dumps(report(bench) | small))


def measure_small_list() -> dict[str, object]:
    seconds = site.in_own_process(small_list.measure)
    say(f"A list of {small_list.READERS} on the embedded default, from the button to the last mail: {seconds} s")
    median = statistics.median(seconds)
    return {"small_list_seconds": {"value": median, "goal": small_list.GOAL, "met": median < small_list.GOAL}}


def run(folder: Path, database_url: str, options: argparse.Namespace) -> Bench:
    port = site.free_port()
    site.set_up(
        folder,
        database_url=database_url,
        broker_url=find_broker(folder),
        email_url=f"smtp://127.0.0.1:{port}",
        SENDING_TASKS=WORKERS,
        SENDING_CONNECTIONS=CONNECTIONS // WORKERS,
    )
    site.make_readers(max(100, round(max(MAILS.values()) * options.scale)))
    worker = site.Process.worker(concurrency=WORKERS)
    try:
        bench = Bench(folder, port, worker, options.scale)
        bench.warm_up()
        for number in range(1, options.rounds + 1):
            say(f"Round {number} of {options.rounds}, load {os.getloadavg()[0]:.1f}")
            bench.run_round()
    finally:
        worker.stop()
    return bench


if __name__ == "__main__":
    try:
        main()
    except psycopg.OperationalError as error:
        raise SystemExit(f"PostgreSQL: {error}") from error
