"""`make drill`: 50,000 deliveries while everything breaks; nobody is lost, nobody gets two.

Workers are killed with SIGKILL twenty times at random moments; Redis and PostgreSQL, which the drill starts itself, are
killed and restarted twice each; the mail server answers 4xx and 5xx, hangs up before and after the end of a message, and
falls silent. Then the same on the embedded default: SQLite, and files as the broker. Fails unless nobody got two, nobody
was lost (neither received nor failed, skipped or uncertain), nobody received one who counts as failed, skipped or waiting,
and no more are uncertain than were under way when something broke (`at most`: the connections of the killed workers, and the
mails to which the server never answered). The last line is one JSON object.
"""

import argparse
import json
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
from functools import partial
from pathlib import Path

from benchmarks import site
from benchmarks.services import PostgreSQL, Redis
from benchmarks.site import say

WORKERS, CONNECTIONS = 2, 4
FAULTS = {"later": 0.01, "never": 0.003, "hang-up-before": 0.002, "hang-up-after": 0.001, "stall": 0.0002}
ROUND_TRIP = 5  # milliseconds, so that something is always under way
LONGEST = 900  # seconds, for each of the two drills
Counts = dict[str, int]


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


def drill(options: argparse.Namespace, *, embedded: bool) -> Counts:
    port = site.free_port()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o711)  # PostgreSQL runs as somebody else when we are root
        report = folder / "report.json"
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
        seconds = round(time.monotonic() - start)
        sink.popen.send_signal(signal.SIGTERM)
        sink.popen.wait(20)
        say(f"  the mailing paused itself {running.resumed} times")
        return count(json.loads(report.read_text()), options) | {"seconds": seconds}


def accidents_of(postgresql: PostgreSQL, redis: Redis, kills: int) -> dict[int, tuple[str, Callable[[], None]]]:
    places = [kills * part // 5 for part in (1, 2, 3, 4)]
    steps: list[tuple[str, Callable[[], None]]] = [
        ("Redis is killed, and comes back empty", lambda: redis.restart(signal.SIGKILL)),
        ("PostgreSQL crashes and recovers", lambda: postgresql.restart(PostgreSQL.CRASH)),
        ("PostgreSQL is restarted", lambda: postgresql.restart(PostgreSQL.FAST)),
        ("Redis is killed, and comes back empty", lambda: redis.restart(signal.SIGKILL)),
    ]
    return dict(zip(places, steps, strict=True))


def count(report: dict[str, dict[str, int]], options: argparse.Namespace) -> Counts:
    """Hold what the server saw against the ledger."""
    from deliveries.models import Delivery

    received, happened = report["received"], report["happened"]
    states = dict(Delivery.objects.values_list("subscriber__email", "state"))
    say(f"  the server: {happened}")
    say(f"  the ledger: {dict(Counter(states.values()))}")
    reasons = Delivery.objects.uncertain().values_list("reason", flat=True)
    say(f"  the doubts: {dict(Counter(re.sub(r'^Worker [^ ]+', 'A worker', reason) for reason in reasons))}")
    settled = {"failed", "skipped", "uncertain"}
    return {
        "candidates": len(states),
        "received": len(received),
        "twice": sum(times > 1 for times in received.values()),
        "lost": sum(email not in received and state not in settled for email, state in states.items()),
        "uncertain": sum(state == "uncertain" for state in states.values()),
        "at most": options.kills * CONNECTIONS + happened.get("hang_up_after", 0) + happened.get("stall", 0),
        "miscounted": sum(states[email] not in ("sent", "uncertain") for email in received),
    }


def is_well(counts: Counts, options: argparse.Namespace) -> bool:
    wrong = counts["twice"] + counts["lost"] + counts["miscounted"]
    return not wrong and counts["uncertain"] <= counts["at most"] and counts["candidates"] == options.mails


def main() -> None:
    parser = argparse.ArgumentParser(description="Break everything while mail goes out.")
    parser.add_argument("--mails", type=int, default=50_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--only", choices=["services", "embedded"])
    options = parser.parse_args()
    site.tidy_up_when_ended()
    drills: dict[str, Counts] = {}
    for name in [options.only] if options.only else ["services", "embedded"]:
        say(f"{'PostgreSQL and Redis' if name == 'services' else 'SQLite and files'}, two workers")
        drills[name] = site.in_own_process(partial(drill, options, embedded=name == "embedded"))
    columns = list(next(iter(drills.values())))
    say("\n" + "".join(f"{column:>12}" for column in ["", *columns]))
    for name, counts in drills.items():
        say(f"{name:>12}" + "".join(f"{counts[column]:12,}" for column in columns))
    well = all(is_well(counts, options) for counts in drills.values())
    say("All well." if well else "FAILED: somebody got two, or none, or more are uncertain than were under way.")
    say(json.dumps(drills | {"well": well}))
    sys.exit(0 if well else 1)


if __name__ == "__main__":
    main()
