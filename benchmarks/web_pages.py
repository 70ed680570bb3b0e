"""What a page costs where nothing is kept: a part of `benchmarks.web`."""

import statistics
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.search import cpu_time
from benchmarks.site import set_up

ADDRESSES_OF_A_KIND = 20  # of which each is asked for
KINDS = ("home", "story", "issue", "topic", "feed")
Report = dict[str, Any]


def provide_site(database_url: str, folder: Path) -> None:
    """Make this process and its children the site that is measured, with its static files."""
    set_up(
        folder / "var",
        database_url=database_url,
        STATIC_ROOT=folder / "static",
        SITE_URL="http://127.0.0.1",
        SECURE_SSL_REDIRECT="false",
    )
    from django.core.management import call_command

    call_command("collectstatic", verbosity=0, interactive=False)


def measure_cpu(database_url: str, folder: Path, sizes: Sequence[int]) -> Report:
    """By size and kind of page, with the database's part: median of the CPU in ms, queries, bytes."""
    provide_site(database_url, folder)
    from django.conf import settings
    from django.db import connection

    from benchmarks.web_filling import ReadableArchive

    settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.MIDDLEWARE.remove("whitenoise.middleware.WhiteNoiseMiddleware")
    archive, report = ReadableArchive(), {}
    for size in sizes:
        start = time.monotonic()
        archive.grow(size)
        sys.stderr.write(f"{connection.vendor}: {size} stories after {time.monotonic() - start:.0f} s\n")
        report[str(size)] = {kind: measure_page(addresses(kind, size)) for kind in KINDS}
    return report


def addresses(kind: str, size: int) -> list[str]:
    from benchmarks.search_filling import STORIES_PER_ISSUE
    from issues.models import Topic

    numbers = range(ADDRESSES_OF_A_KIND)
    if kind == "story":
        return [f"/stories/story-{size - number}/" for number in numbers]
    if kind == "issue":
        return [f"/issues/{size // STORIES_PER_ISSUE - number}/" for number in numbers]
    if kind == "topic":
        return [topic.get_absolute_url() for topic in Topic.objects.order_by("name")[:ADDRESSES_OF_A_KIND]]
    return [{"home": "/", "feed": "/feed.atom"}[kind]] * ADDRESSES_OF_A_KIND


def measure_page(paths: Sequence[str]) -> Report:
    from django.test import Client

    client, times = Client(), []
    statements: list[tuple[str, Any]] = []
    client.get(paths[-1])  # so that no first time is among them
    for path in paths:
        statements = []
        times.append(cpu_time(partial(client.get, path), statements))
    answer = client.get(paths[-1])
    if answer.status_code != 200:
        raise SystemExit(f"{paths[-1]} answered with {answer.status_code}.")
    return {"ms": round(statistics.median(times), 2), "queries": len(statements), "bytes": len(answer.content)}


def table_of_cpu(vendor: str, sizes: Report) -> str:
    lines = [f"\n{vendor}: CPU of a page that isn't kept, with the database's part"]
    for size, kinds in sizes.items():
        for kind, page in kinds.items():
            lines.append(
                f"{int(size):>9,} {kind:8}{page['ms']:>8.2f} ms{page['queries']:>4} queries{page['bytes'] / 1000:>8.1f} KB"
            )
    return "\n".join(lines)
