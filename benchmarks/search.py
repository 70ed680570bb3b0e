"""`make bench-search`: how long searches take in archives of 2,000, 20,000 and 100,000 stories, on both databases.

Every kind of query is asked with several words, with facets, snippets and the objects that a page shows. What is told is
CPU time, as a machine that does other things as well tells nothing by the clock: `database` is that of the database for
all statements of a search (on PostgreSQL that of its process for us, from /proc), `search` that of the whole search,
`page` that of the page through Django, each with the database's part. Arguments: other sizes, as in `2000 20000`.
"""

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import site

SIZES = (2_000, 20_000, 100_000)
MEASURES = ("database", "search", "page")
WORDS, TIMES = 10, 2  # of each kind of query
Report = dict[str, Any]
Statement = tuple[str, Any]


def main(arguments: list[str]) -> None:
    site.tidy_up_when_ended()
    sizes = [int(argument) for argument in arguments] or list(SIZES)
    report: Report = {"unit": "ms", "sizes": sizes}
    with tempfile.TemporaryDirectory(prefix="bench-search-") as name:
        folder = Path(name)
        report["sqlite"] = site.in_own_process(partial(measure, "", folder, sizes))
        sys.stdout.write(as_table("SQLite", report["sqlite"]))
        with site.scratch_postgresql() as url:
            report["postgresql"] = site.in_own_process(partial(measure, url, folder, sizes)) if url else None
        postgresql = report["postgresql"]
        sys.stdout.write(as_table("PostgreSQL", postgresql) if postgresql else "PostgreSQL: skipped, none answers.\n")
    site.say(json.dumps(report))


def measure(database_url: str, folder: Path, sizes: list[int]) -> Report:
    """What is measured at each size, by kind of query: of each measure median and 95th percentile."""
    site.set_up(folder, database_url=database_url, SECURE_SSL_REDIRECT="false")
    from django.conf import settings
    from django.db import connection

    from benchmarks.search_filling import Archive

    settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    archive, report = Archive(), {}
    for size in sizes:
        start = time.monotonic()
        archive.grow(size)
        sys.stderr.write(f"{connection.vendor}: {size} stories after {time.monotonic() - start:.0f} s\n")
        report[str(size)] = {kind: measure_kind(queries) for kind, queries in kinds_of_queries(archive).items()}
        for change in ("a few", "all"):
            report[str(size)][f"{change} words saved"] = measure_indexing(archive, change)
    return report


def kinds_of_queries(archive: Any) -> dict[str, list[str]]:
    def words(rank: int) -> list[str]:
        return list(archive.vocabulary[rank : rank + WORDS])

    def pairs(rank: int) -> list[str]:
        """Of words that stand next to each other somewhere, one of them of this rank."""
        wanted, found = set(archive.vocabulary[rank : rank + 20 * WORDS]), []
        for text, _ in archive.pool:
            each = text.split()
            place = next((n for n, word in enumerate(each[:-1]) if word in wanted), None)
            if place is not None:
                found.append(f'"{each[place]} {each[place + 1]}"')
        return found[:WORDS]

    common, topics = words(20), [f"{word} {n}" for n, word in enumerate(archive.vocabulary[1000 : 1000 + WORDS])]
    return {
        "very common": words(0),
        "common": words(100),
        "rare": words(20_000),
        "two common": [f"{one} {other}" for one, other in zip(common, words(60), strict=True)],
        "either of two": [f"{one} OR {other}" for one, other in zip(common, words(60), strict=True)],
        "without": [f"{one} -{other}" for one, other in zip(common, words(60), strict=True)],
        "phrase": pairs(0),
        "rare phrase": pairs(2_000),
        "prefix": [f"{word[:4]}*" for word in words(300)],
        "misspelt": [word[:3] + word[4:] for word in words(3_000)],
        "with a filter": [f'{word} topic:"{topic}"' for word, topic in zip(common, topics, strict=True)],
        "filter alone": [f'topic:"{topic}"' for topic in topics],
    }


def measure_kind(queries: list[str]) -> Report:
    from django.test import Client

    from issues.search import parse, search

    measured: dict[str, list[float]] = {name: [] for name in MEASURES}
    search(parse(queries[0]))  # so that no first time is among them
    for text in queries * TIMES:
        statements: list[Statement] = []
        measured["search"].append(cpu_time(partial(search, parse(text)), statements))
        measured["database"].append(database_time(statements))
        measured["page"].append(cpu_time(partial(Client().get, "/search/", {"q": text}), []))
    return {name: summary(values) for name, values in measured.items()}


def cpu_time(work: Callable[[], object], statements: list[Statement]) -> float:
    """Of our thread and PostgreSQL's for it, in milliseconds; `statements` gets what is asked of the database."""
    return sum(cpu_times(work, statements))


def cpu_times(work: Callable[[], object], statements: list[Statement]) -> tuple[float, float]:
    """The same, each by itself."""
    from django.db import connection

    def noted(execute: Any, statement: str, parameters: Any, *context: Any) -> Any:
        statements.append((statement, parameters))
        return execute(statement, parameters, *context)

    with connection.execute_wrapper(noted):
        start, before = time.thread_time(), backend_time()
        work()
        return 1000 * (time.thread_time() - start), backend_time() - before


def database_time(statements: list[Statement]) -> float:
    """The same statements again, without Django's part in them, in milliseconds."""
    from django.db import connection

    start, before = time.thread_time(), backend_time()
    if connection.vendor == "sqlite":
        for statement, parameters in statements:
            connection.create_cursor().execute(statement, parameters).fetchall()
        return 1000 * (time.thread_time() - start)
    with connection.connection.transaction():
        for statement, parameters in statements:
            if "SAVEPOINT" not in statement:
                connection.connection.execute(statement, parameters)
    return backend_time() - before


def backend_time() -> float:
    """CPU time of PostgreSQL's process for our connection so far, in milliseconds; on SQLite none."""
    from django.db import connection

    if connection.vendor == "sqlite":
        return 0
    connection.ensure_connection()
    schedule = Path(f"/proc/{connection.connection.info.backend_pid}/schedstat")  # Its first figure: nanoseconds.
    return int(schedule.read_text().split()[0]) / 1e6


def measure_indexing(archive: Any, change: str) -> Report:
    """What indexing adds to the transaction that saves a published story: with its commit, in Python and the database.

    Of the story's 500 words a few have changed, or all. SQLite's part can't be told from Python's.
    """
    from django.db import connection, transaction

    from issues.models import Story
    from issues.search.indexing import index_stories

    def save(story: Story, text: str, *, indexed: bool) -> tuple[float, float]:
        def write() -> None:
            with transaction.atomic():
                story.body_html = f"<p>{text}</p>"
                story.save(update_fields=["body_html"])
                if indexed:
                    index_stories([story.pk])

        return cpu_times(write, [])

    measured: dict[str, list[float]] = {"search": [], "database": []}
    for number in range(WORDS * TIMES + 1):
        story = Story.objects.get(pk=archive.size - number)
        text, other = archive.pool[number][0], archive.pool[-number - 1][0]
        save(story, text, indexed=True)
        text = other if change == "all" else f"{text} once more"
        ours, databases = save(story, f"{text} alone", indexed=False)
        ours_indexed, databases_indexed = save(story, text, indexed=True)
        measured["search"].append(ours_indexed + databases_indexed - ours - databases)
        measured["database"].append(databases_indexed - databases)
    told = ["search", "database"] if connection.vendor == "postgresql" else ["search"]
    return {name: summary(measured[name][1:]) for name in told}  # the first is the slower for being the first


def summary(values: list[float]) -> dict[str, float]:
    return {"median": round(statistics.median(values), 2), "p95": round(statistics.quantiles(values, n=20)[-1], 2)}


def as_table(name: str, report: Report) -> str:
    lines = [f"\n{name}: median / 95th percentile of CPU time, ms"]
    lines.append(f"{'':10}{'':18}" + "".join(f"{measure:>18}" for measure in MEASURES))
    for size, kinds in report.items():
        for kind, measured in kinds.items():
            cells = (measured.get(each) for each in MEASURES)
            texts = (f"{cell['median']:.1f} / {cell['p95']:.1f}" if cell else "" for cell in cells)
            lines.append(f"{int(size):>9,} {kind:18}" + "".join(f"{text:>18}" for text in texts))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main(sys.argv[1:])
