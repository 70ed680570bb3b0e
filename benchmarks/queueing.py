"""`make bench-queue`: how long a mailing to 1,000,000 readers takes to be queued, and how much memory.

From the press of the button to the end of its transaction: the issue is published, and one INSERT … SELECT makes the
deliveries. On PostgreSQL and on SQLite, in scratch databases; several rounds, each for another issue, so that the table
grows as it does in years. Told are medians. Memory is the peak of this process, and of PostgreSQL's process for it with the
shared buffers that it touched. The last line is one JSON object.
"""

import argparse
import json
import resource
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from benchmarks import site
from benchmarks.site import say
from scripts.run_tests import find_services

GOAL = 15.0  # seconds for 1,000,000 readers
FILL = """
    INSERT INTO subscribers_subscriber (email, state, suppression_hash, created_at, updated_at)
    WITH RECURSIVE numbers(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < %s)
    SELECT 'reader' || number || '@example.org', 'active', '', CURRENT_TIMESTAMP, CURRENT_TIMESTAMP FROM numbers
"""
Report = dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure how long a mailing takes to be queued.")
    parser.add_argument("--readers", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=["postgresql", "sqlite"])
    options = parser.parse_args()
    site.tidy_up_when_ended()
    reports: dict[str, object] = {"readers": options.readers, "rounds": options.rounds, "goal_seconds": GOAL}
    say(f"{'':12}{'seconds':>10}{'CPU':>10}{'memory':>12}{'of PostgreSQL':>16}")
    for kind in [options.only] if options.only else ["postgresql", "sqlite"]:
        report = site.in_own_process(partial(measured, kind, options))
        memory, of_server = f"{report['peak_megabytes']:.0f} MB", f"{report.get('server_peak_megabytes', 0):.0f} MB"
        say(f"{kind:12}{report['seconds']:10.1f}{report['cpu_seconds']:10.1f}{memory:>12}{of_server:>16}")
        reports[kind] = report | {"met": report["seconds"] <= GOAL}
    say(json.dumps(reports))


def measured(kind: str, options: argparse.Namespace) -> Report:
    with tempfile.TemporaryDirectory() as folder, database(kind, Path(folder)) as url:
        return measure(Path(folder), url, options)


@contextmanager
def database(kind: str, folder: Path) -> Iterator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'db.sqlite3'}"
        return
    server_url, _, trouble = find_services()
    if trouble:
        raise SystemExit(f"This needs PostgreSQL and can't go on, {trouble}.")
    with site.scratch_database(server_url) as url:
        yield url


def measure(folder: Path, url: str, options: argparse.Namespace) -> Report:
    site.set_up(folder, database_url=url, SENDING_TASKS=1)
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(FILL, [options.readers])
        cursor.execute("ANALYZE")
    servers = site.database_pids()
    rounds = [queue(number, options.readers, servers) for number in range(1, options.rounds + 1)]
    seconds, cpu_seconds = (round(statistics.median(values), 1) for values in zip(*rounds, strict=True))
    report = {"seconds": seconds, "cpu_seconds": cpu_seconds}
    report["peak_megabytes"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    if servers:
        report["server_peak_megabytes"] = round(site.peak_megabytes(servers))
    return report


def queue(number: int, readers: int, servers: list[int]) -> tuple[float, float]:
    """Seconds by the clock, and of CPU."""
    from deliveries import queueing

    mailing = site.make_mailing(number)
    start, cpu_start = time.monotonic(), time.process_time() + site.cpu_seconds(servers)
    queueing.start(mailing)
    seconds, cpu_seconds = time.monotonic() - start, time.process_time() + site.cpu_seconds(servers) - cpu_start
    if mailing.deliveries.queued().count() != readers:
        raise SystemExit(f"{mailing.deliveries.count()} deliveries were queued for {readers} readers.")
    return seconds, cpu_seconds


if __name__ == "__main__":
    main()
