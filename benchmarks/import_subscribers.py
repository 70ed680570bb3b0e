"""`make bench-import`: how long subscribers take to come in from a CSV file, beside a bare COPY of the same file.

On PostgreSQL 100,000 and 1,000,000 rows, on SQLite 100,000, into empty tables, each way three times by turns, each time in
a process of its own. The file has the columns of Ghost's export. The ways:

- bare: COPY of the file into a temporary table, INSERT … ON CONFLICT DO NOTHING into the table of subscribers; on SQLite
  executemany from Python's csv. Nothing is looked at.
- bare, with history: the same, and for each subscriber the line in the consent history.
- import: what `manage.py import_subscribers` does: encoding and format found out, addresses and dates checked, counts,
  erased ones kept out, lines in the history.
- again: the same file once more, of which everybody is in the list by then.

Told are medians: seconds by the clock, CPU seconds of the process and of PostgreSQL's process for it, and the peak memory
of the process. Arguments: other sizes for PostgreSQL, as in `20000`.
"""

import csv
import json
import random
import resource
import statistics
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import site

SIZES = (100_000, 1_000_000)
SQLITE_SIZE = 100_000
ROUNDS = 3
WAYS = ("bare", "bare, with history", "import", "again")
GOAL = 2.0  # times the bare way
CONSENT = "They agreed on our old site, by double opt-in."
NAMES = ["ada", "grace", "alan", "edsger", "barbara", "donald", "john", "margaret", "leslie", "frances", "radia"]
HOSTS = (
    ["gmail.com"] * 40 + ["outlook.com"] * 12 + ["icloud.com"] * 8 + [f"company{number}.org" for number in range(60)]
)
COLUMNS = (
    "id,email,name,note,subscribed_to_emails,complimentary_plan,stripe_customer_id,created_at,deleted_at,labels,tiers"
)
Report = dict[str, Any]


def main(arguments: list[str]) -> None:
    sizes = [int(argument) for argument in arguments] or list(SIZES)
    report: Report = {"rounds": ROUNDS, "goal": GOAL}
    with tempfile.TemporaryDirectory(prefix="bench-import-") as name:
        folder = Path(name)
        report["sqlite"] = {SQLITE_SIZE: compare("SQLite", f"sqlite:///{folder}/db.sqlite3", folder, SQLITE_SIZE)}
        with site.scratch_postgresql() as url:
            if url:
                report["postgresql"] = {size: compare("PostgreSQL", url, folder, size) for size in sizes}
            else:
                site.say("PostgreSQL: skipped, none answers.")
    site.say(json.dumps(report))


def compare(name: str, url: str, folder: Path, size: int) -> Report:
    file = folder / f"{size}.csv"
    write_file(file, size)
    rounds: dict[str, list[Report]] = {way: [] for way in WAYS}
    for _ in range(ROUNDS):
        for way in WAYS:
            rounds[way].append(site.in_own_process(partial(measure, url, folder, way, file)))
    file.unlink()
    medians = {way: {key: statistics.median(each[key] for each in of) for key in of[0]} for way, of in rounds.items()}
    for way in WAYS:
        medians[way]["rows_per_second"] = size / medians[way]["seconds"]
        # Of the same round each, so that what else the machine does weighs on both.
        medians[way]["ratio"] = statistics.median(
            each["seconds"] / bare["seconds"] for each, bare in zip(rounds[way], rounds["bare"], strict=True)
        )
        medians[way]["cpu_ratio"] = medians[way]["cpu"] / medians["bare"]["cpu"]
    sys.stdout.write(as_table(f"{name}, {size:,} rows", medians))
    return medians


def write_file(path: Path, size: int) -> None:
    """Addresses in no order, as people sign up; the same at every call."""
    chance = random.Random(size)  # noqa: S311
    numbers = list(range(size))
    chance.shuffle(numbers)
    with path.open("w", newline="") as file:
        file.write(COLUMNS + "\n")
        for number in numbers:
            name, day = chance.choice(NAMES), f"20{chance.randrange(10, 26)}-{chance.randrange(1, 13):02}-15"
            address = f"{name}.{number:x}@{chance.choice(HOSTS)}"
            file.write(f"{number:024x},{address},{name.title()},,true,false,,{day}T10:30:00.123Z,,,\n")


def measure(url: str, folder: Path, way: str, file: Path) -> Report:
    """Empty the tables unless they are to be full, then work; return what it took."""
    site.set_up(folder, database_url=url)
    if way != "again":
        empty_tables()
    work = {"import": take_in, "again": take_in}.get(way) or (lambda file: bare(file, with_history=way != "bare"))
    start, cpu = time.perf_counter(), time.process_time() + backend_time()
    work(file)
    seconds, cpu = time.perf_counter() - start, time.process_time() + backend_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # MB; Linux counts in kB
    return {"seconds": seconds, "cpu": cpu, "peak": peak}


def empty_tables() -> None:
    from django.db import connection

    from subscribers.models import ConsentEvent, Subscriber

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"TRUNCATE {ConsentEvent._meta.db_table}, {Subscriber._meta.db_table} CASCADE")
            cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
            if cursor.fetchone()[0]:
                cursor.execute("CHECKPOINT")  # Nobody pays for the writes of the one before.
        else:
            cursor.execute(f"DELETE FROM {ConsentEvent._meta.db_table}")  # noqa: S608
            cursor.execute(f"DELETE FROM {Subscriber._meta.db_table}")  # noqa: S608


def take_in(file: Path) -> None:
    from subscribers.importing import import_file

    report = import_file(file, consent=CONSENT)
    if sum(report.added.values()) + sum(report.known.values()) != report.rows or not report.rows:
        raise SystemExit(f"Not everybody came in: {report}")


def bare(file: Path, *, with_history: bool) -> None:
    from django.db import connection, transaction

    columns = COLUMNS.split(",")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE bare ({', '.join(f'{column} text' for column in columns)})")
        fill = copy_file if connection.vendor == "postgresql" else insert_file
        fill(cursor, file)
        now, since = ("now()", "created_at::timestamptz")
        if connection.vendor == "sqlite":
            now, since = ("datetime('now')", "replace(substr(created_at, 1, 19), 'T', ' ')")
        cursor.execute(f"""
            INSERT INTO subscribers_subscriber (email, state, suppression_hash, created_at, updated_at)
            SELECT email, 'active', '', {since}, {now} FROM bare WHERE true ON CONFLICT DO NOTHING
        """)  # noqa: S608
        if with_history:
            cursor.execute(
                f"""
                INSERT INTO subscribers_consentevent (subscriber_id, kind, source, wording, created_at)
                SELECT id, 'imported', 'bare', %s, {now} FROM subscribers_subscriber
                """,  # noqa: S608
                [CONSENT],
            )
        cursor.execute("DROP TABLE bare")


def copy_file(cursor: Any, file: Path) -> None:
    with file.open("rb") as data, cursor.copy("COPY bare FROM STDIN (FORMAT csv, HEADER true)") as copy:
        while block := data.read(1 << 16):
            copy.write(block)


def insert_file(cursor: Any, file: Path) -> None:
    with file.open(newline="") as text:
        rows = csv.reader(text)
        width = len(next(rows))
        cursor.executemany(f"INSERT INTO bare VALUES ({', '.join(['%s'] * width)})", rows)  # noqa: S608


def backend_time() -> float:
    """CPU seconds of PostgreSQL's process for our connection so far; none where it is on another machine."""
    from django.db import connection

    if connection.vendor != "postgresql":
        return 0
    connection.ensure_connection()
    backend: Any = connection.connection
    schedule = Path(f"/proc/{backend.info.backend_pid}/schedstat")  # Its first figure: nanoseconds.
    return int(schedule.read_text().split()[0]) / 1e9 if schedule.exists() else 0


def as_table(title: str, medians: Report) -> str:
    lines = [f"\n{title:28}{'seconds':>9}{'rows/s':>10}{'ratio':>8}{'CPU s':>8}{'ratio':>8}{'peak MB':>9}"]
    for way, of in medians.items():
        times = f"{of['seconds']:9.2f}{of['rows_per_second']:10,.0f}{of['ratio']:8.2f}"
        lines.append(f"{way:28}{times}{of['cpu']:8.2f}{of['cpu_ratio']:8.2f}{of['peak']:9.0f}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main(sys.argv[1:])
