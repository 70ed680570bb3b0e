"""`make drill`: 50,000 deliveries while everything breaks; nobody is lost, nobody gets two.

Workers are killed with SIGKILL twenty times at random moments; Redis and PostgreSQL, which the drill starts itself, are
killed and restarted twice each; the mail server answers 4xx and 5xx, hangs up before and after the end of a message, and
falls silent. Then the same on the embedded default: SQLite, and files as the broker. Fails unless nobody got two, nobody
was lost, and no more are uncertain than were under way when something broke.
"""

import argparse
import json
import os
import random
import re
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import site
from benchmarks.services import PostgreSQL, Redis
from benchmarks.site import say

WORKERS, CONNECTIONS = 2, 4
FAULTS = {"later": 0.01, "never": 0.003, "hang-up-before": 0.002, "hang-up-after": 0.001, "stall": 0.0002}
ROUND_TRIP = 5  # milliseconds, so that something is always under way
LONGEST = 1500  # seconds


@dataclass
class Drill:
    mails: int
    kills: int
    accidents: dict[int, tuple[str, Callable[[], None]]]  # after which kill
    workers: list[site.Process] = field(default_factory=list)
    resumed: int = 0

    def run(self) -> None:
        self.workers = [site.Process.worker(concurrency=1, quiet=True) for _ in range(WORKERS)]
        self.mailing = site.make_mailing(1)
        site.start(self.mailing)
        # Kills come at random points of the way, one in each of as many equal parts of it.
        moments = [(number + random.random()) / self.kills * 0.95 for number in range(self.kills)]  # noqa: S311
        until, killed = time.monotonic() + LONGEST, 0
        while killed < self.kills or self.patiently(self.remaining) != 0:
            if time.monotonic() > until:
                raise SystemExit(f"Not finished after {LONGEST} seconds.")
            done = self.patiently(self.look)
            if killed < self.kills and done is not None and done >= moments[killed] * self.mails:
                self.kill_one(killed)
                killed += 1
            time.sleep(0.05)
            self.patiently(self.tick)

    def remaining(self) -> int:
        return self.mailing.deliveries.remaining().count()

    def look(self) -> int:
        """How many have an outcome. The ledger has to add up whenever anybody looks."""
        from deliveries.ledger import ledger

        counted = ledger(self.mailing)
        if not counted.adds_up:
            raise SystemExit(f"The ledger does not add up: {counted}")
        return counted.done

    def tick(self) -> None:
        """What beat does once a minute, here all the time; waiting times pass at once; a pause is ended."""
        from django.utils import timezone

        from deliveries import queueing
        from deliveries.models import Mailing
        from deliveries.tasks import tick

        self.mailing.deliveries.queued().filter(due_at__gt=timezone.now()).update(due_at=timezone.now())
        tick()
        for paused in Mailing.objects.filter(state="paused"):
            self.resumed += 1
            queueing.resume(paused)

    def kill_one(self, number: int) -> None:
        """Kill a worker at a moment of chance; start another in its place."""
        from deliveries.tasks import send_batches

        time.sleep(random.random() * 0.5)  # noqa: S311
        place = random.randrange(WORKERS)  # noqa: S311
        self.workers[place].kill()
        self.workers[place] = site.Process.worker(concurrency=1, quiet=True)
        if number in self.accidents:
            name, accident = self.accidents[number]
            say(f"  after kill {number + 1}: {name}")
            accident()
        # Its task died with it; a mailing of which nobody takes care gets new ones within a minute anyway.
        self.patiently(lambda: send_batches.delay(self.mailing.pk))

    def patiently(self, step: Callable[[], object]) -> int | None:
        """Do it, unless database or broker are away at this moment."""
        from django.db import Error, connection
        from kombu.exceptions import OperationalError

        try:
            result = step()
        except (Error, OperationalError):
            connection.close()
            time.sleep(0.5)
            return None
        return result if isinstance(result, int) else None

    def stop(self) -> None:
        for worker in self.workers:
            worker.kill()


def drill(folder: Path, options: argparse.Namespace, *, embedded: bool) -> bool:
    """Returns whether all is well. Runs in a process of its own, since Django can be set up only once."""
    port, report = site.free_port(), folder / "report.json"
    with ExitStack() as stack:
        database_url, broker_url, accidents = f"sqlite:///{folder / 'db.sqlite3'}", "filesystem://", {}
        if not embedded:
            postgresql, redis = PostgreSQL(folder / "postgresql"), Redis(folder / "redis")
            for service in (postgresql, redis):
                service.start()
                stack.callback(service.stop)
            database_url, broker_url = postgresql.url, redis.url
            accidents = accidents_of(postgresql, redis, options.kills)
        arguments = ["--port", str(port), "--round-trip", str(ROUND_TRIP), "--report", str(report)]
        faults = [word for name, chance in FAULTS.items() for word in (f"--{name}", str(chance))]
        sink = site.Process.python("-m", "benchmarks.sink", *arguments, *faults)
        stack.callback(sink.kill)
        site.set_up(
            folder / "var",
            database_url=database_url,
            broker_url=broker_url,
            email_url=f"smtp://127.0.0.1:{port}",
            EMAIL_TIMEOUT=2,
            SENDING_CONNECTIONS=CONNECTIONS,
        )
        site.make_readers(options.mails)
        running = Drill(options.mails, options.kills, accidents)
        stack.callback(running.stop)
        start = time.monotonic()
        running.run()
        sink.popen.send_signal(signal.SIGTERM)
        sink.popen.wait(20)
        say(f"  {time.monotonic() - start:.0f} seconds; the mailing paused itself {running.resumed} times")
        return judge(json.loads(report.read_text()), options)


def accidents_of(postgresql: PostgreSQL, redis: Redis, kills: int) -> dict[int, tuple[str, Callable[[], None]]]:
    places = [kills * part // 5 for part in (1, 2, 3, 4)]
    steps: list[tuple[str, Callable[[], None]]] = [
        ("Redis is killed, and comes back empty", lambda: redis.restart(signal.SIGKILL)),
        ("PostgreSQL crashes and recovers", lambda: postgresql.restart(PostgreSQL.CRASH)),
        ("PostgreSQL is restarted", lambda: postgresql.restart(PostgreSQL.FAST)),
        ("Redis is killed, and comes back empty", lambda: redis.restart(signal.SIGKILL)),
    ]
    return dict(zip(places, steps, strict=True))


def judge(report: dict[str, dict[str, int]], options: argparse.Namespace) -> bool:
    from deliveries.models import Delivery

    received, happened = report["received"], report["happened"]
    rows = Delivery.objects.values_list("subscriber__email", "state")
    states = dict(rows)
    settled = {"failed", "skipped", "uncertain"}
    lost = [email for email, state in states.items() if email not in received and state not in settled]
    twice = [email for email, times in received.items() if times > 1]
    unsent = [email for email in received if states[email] not in ("sent", "uncertain")]
    counts = {state: sum(1 for each in states.values() if each == state) for state in sorted(set(states.values()))}
    doubts = counts.get("uncertain", 0)
    bound = options.kills * CONNECTIONS + happened.get("hang_up_after", 0) + happened.get("stall", 0)
    reasons = Delivery.objects.uncertain().values_list("reason", flat=True)
    kinds = Counter(re.sub(r"^Worker \S+", "A worker", reason) for reason in reasons)
    say(f"  the server: {happened}")
    say(f"  the doubts: {dict(kinds)}")
    say(f"  the ledger: {counts}")
    say(
        f"  candidates {len(states)}, received {len(received)}, twice {len(twice)}, lost {len(lost)}, "
        f"uncertain {doubts} (at most {bound} were under way when something broke), received but not so counted {len(unsent)}"
    )
    return not twice and not lost and not unsent and doubts <= bound and len(states) == options.mails


def main() -> None:
    parser = argparse.ArgumentParser(description="Break everything while mail goes out.")
    parser.add_argument("--mails", type=int, default=50_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--only", choices=["services", "embedded"])
    options = parser.parse_args()
    fine = True
    for name in [options.only] if options.only else ["services", "embedded"]:
        say(f"{'PostgreSQL and Redis' if name == 'services' else 'SQLite and files'}, two workers")
        child = os.fork()
        if not child:
            with tempfile.TemporaryDirectory() as folder:
                Path(folder).chmod(0o711)
                sys.exit(0 if drill(Path(folder), options, embedded=name == "embedded") else 1)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        fine = fine and status == 0
        say("  All well." if status == 0 else "  FAILED")
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
