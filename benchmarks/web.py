"""`make bench-web`: how fast pages are read, beside nginx with the same bytes as files, in one run.

First the CPU that a page takes where nothing is kept, in archives of 2,000 and 100,000 stories, on SQLite and on a PostgreSQL
that answers; then wrk asks the site as it runs in production (two web processes), nginx, and the same server with an
application that does nothing (`constant`: no page can be faster there) by turns, in several rounds, of which the medians
count. The last line is one JSON object. It needs wrk and nginx, and as root installs them by apt-get.
"""

import argparse
import json
import os
import re
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.site import (
    Process,
    free_port,
    in_own_process,
    say,
    scratch_postgresql,
    tidy_up_when_ended,
    wait_for_port,
)
from benchmarks.web_clients import SlowClients, fetch, wrk
from benchmarks.web_pages import KINDS, Report, measure_cpu, provide_site, table_of_cpu
from benchmarks.web_servers import CONSTANT, GRANIAN, GUNICORN, nginx, serve

PROGRAMS = {"wrk": "wrk", "nginx": "nginx-light"}
DRAWN = 2_000  # pages
CONNECTIONS = 20
CHANGES, REQUESTS_AFTER = 20, 10
GHOSTS_SHARE = 0.0004  # of nginx: the best of its pages, as measured once
MOST_QUERIES = {"home": 8, "story": 7, "issue": 7, "topic": 4, "feed": 2}


def main() -> None:
    tidy_up_when_ended()
    options = parse()
    provide()
    with tempfile.TemporaryDirectory(prefix="bench-web-") as name, scratch_postgresql() as postgresql:
        folder = Path(name)
        known = {"sqlite": f"sqlite:///{folder}/db.sqlite3"} | ({"postgresql": postgresql} if postgresql else {})
        databases = {vendor: url for vendor, url in known.items() if vendor in options.databases}
        report: Report = {"cpu": {}}
        for vendor, url in databases.items():
            report["cpu"][vendor] = in_own_process(partial(measure_cpu, url, folder, options.sizes))
            say(table_of_cpu(vendor, report["cpu"][vendor]))
        provide_site(list(databases.values())[-1], folder)
        report |= measure_servers(folder, options)
    report["goals"] = goals(report)
    say(table_of_servers(report))
    say(json.dumps(report))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="How fast pages are read, beside nginx.")
    parser.add_argument("--sizes", type=int, nargs="+", default=[2_000, 100_000], help="of the archives, in stories")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of each measurement in a round")
    parser.add_argument("--databases", nargs="+", choices=["sqlite", "postgresql"], default=["sqlite", "postgresql"])
    parser.add_argument(
        "--server", choices=[GRANIAN, GUNICORN], default=GRANIAN, help="another one, if it is installed"
    )
    return parser.parse_args()


def provide() -> None:
    missing = [package for program, package in PROGRAMS.items() if not shutil.which(program)]
    if not missing:
        return
    if os.geteuid() != 0:
        raise SystemExit(f"Install Debian's packages {' and '.join(missing)} first.")
    environ = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update", "-q"], ["install", "-qy", "--no-install-recommends", *missing]):
        subprocess.run(["apt-get", *words], env=environ, check=True, stdout=subprocess.DEVNULL)  # noqa: S603, S607


# The site and nginx


def measure_servers(folder: Path, options: argparse.Namespace) -> Report:
    paths = [f"/stories/story-{options.sizes[-1] - number}/" for number in range(min(DRAWN, options.sizes[-1]))]
    page = f"/issues/{options.sizes[-1] // 5 - 1}/"
    ports = {name: free_port() for name in ("kept", "unkept", "constant", "nginx")}
    export_pages(folder / "pages", [page, *paths])
    processes = [
        serve(options.server, ports["kept"]),
        serve(options.server, ports["unkept"], PAGE_CACHE_MEGABYTES="0"),
        serve(options.server, ports["constant"], CONSTANT, CONSTANT_BODY=f"{folder}/pages{page}index.html.gz"),
        nginx(folder, ports["nginx"], application=ports["kept"]),
    ]
    try:
        for port in ports.values():
            wait_for_port(port)
        at = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
        warm(at, page, paths)
        report: Report = {"server": options.server, "page_bytes": len(fetch(at["kept"] + page).body)}
        report["requests_per_second"] = by_turns(cases(folder, at, page, paths), options)
        report["shares"] = shares(report["requests_per_second"])
        report["beside_slow_clients"] = waiting_times(at, page, options.seconds)
        report["memory_mb"] = memory(processes[0])
        report["stale_answers"] = stale_answers(at["kept"], options.sizes[-1])
        return report
    finally:
        for process in processes:
            process.stop()


def export_pages(folder: Path, paths: Sequence[str]) -> None:
    """What nginx serves: the site's own bytes."""
    from dynamically_typed.page_export import export

    export(folder, paths)


def cases(folder: Path, at: dict[str, str], page: str, paths: Sequence[str]) -> dict[str, Callable[[int], float]]:
    def measure(address: str, seconds: int, **options: Any) -> float:
        return wrk(address, seconds=seconds, connections=CONNECTIONS, **options).per_second

    pages = {"nginx": f"{at['nginx']}/files{page}", "kept": at["kept"] + page}
    drawn = folder / "paths.txt"
    drawn.write_text("\n".join(paths))
    tags = {name: fetch(address).etag for name, address in pages.items()}
    return {
        "nginx": partial(measure, pages["nginx"]),
        "nginx, 304": partial(measure, pages["nginx"], if_none_match=tags["nginx"]),
        "nginx, drawn": partial(measure, at["nginx"], drawn_from=drawn),
        "exported": partial(measure, at["nginx"] + page),
        "constant": partial(measure, at["constant"] + page),
        "kept": partial(measure, at["kept"] + page),
        "kept, 304": partial(measure, at["kept"] + page, if_none_match=tags["kept"]),
        "kept, drawn": partial(measure, at["kept"], drawn_from=drawn),
        "unkept": partial(measure, at["unkept"] + page),
    }


def by_turns(measured: dict[str, Callable[[int], float]], options: argparse.Namespace) -> dict[str, float]:
    """The medians of all rounds, in requests a second."""
    found: dict[str, list[float]] = {name: [] for name in measured}
    for number in range(options.rounds):
        for name, measure in measured.items():
            found[name].append(measure(options.seconds))
        sys.stderr.write(f"Round {number + 1} of {options.rounds}\n")
    return {name: round(statistics.median(values), 1) for name, values in found.items()}


def shares(rates: dict[str, float]) -> dict[str, float]:
    """Of what nginx answers with the same bytes from files, asked in the same way."""
    beside = {
        "exported": "nginx",
        "constant": "nginx",
        "kept": "nginx",
        "kept, 304": "nginx, 304",
        "kept, drawn": "nginx, drawn",
        "unkept": "nginx",
    }
    return {name: round(rates[name] / rates[other], 4) for name, other in beside.items()}


def waiting_times(at: dict[str, str], page: str, seconds: int) -> dict[str, dict[str, float]]:
    """The 99th percentile, and what failed, while as many clients as ask send their requests a byte a second."""
    slow = [SlowClients(at[name], with_body=name == "nginx") for name in ("kept", "unkept", "nginx")]
    with slow[0], slow[1], slow[2]:
        found = {name: wrk(at[name] + page, seconds=seconds, connections=CONNECTIONS) for name in ("kept", "unkept")}
    return {name: {"p99_ms": run.p99, "errors": run.errors} for name, run in found.items()}


def warm(at: dict[str, str], page: str, paths: Sequence[str]) -> None:
    """Every process has answered, and keeps nearly all pages; the rest comes with the first round."""
    for path in (page, *paths):
        for _ in range(5):
            fetch(at["kept"] + path)
    for _ in range(20):
        fetch(at["unkept"] + page)


def memory(process: Process) -> float:
    """Of all its processes in MB; what they share counts once."""
    told = "".join(Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in process.pids())
    return round(sum(map(int, re.findall(r"^Pss:\s+(\d+)", told, re.MULTILINE))) / 1024, 1)


def stale_answers(address: str, size: int) -> int:
    """How many of the requests that follow a change, over all web processes, are answered as it was before."""
    from django.db import transaction

    from issues.models import Story

    story, stale = Story.objects.get(pk=size), 0
    for number in range(CHANGES):
        story.title = f"Title {number} {secrets.token_hex(4)}"
        with transaction.atomic():
            story.save(update_fields=["title"])
        pages = [fetch(f"{address}/stories/{story.slug}/").text for _ in range(REQUESTS_AFTER)]
        stale += len([page for page in pages if story.title not in page])
    return stale


# What is told


def goals(report: Report) -> dict[str, bool]:
    share, cpu = report["shares"], report["cpu"]
    found = {
        "a kept page: 0.45 of nginx": share["kept"] >= 0.45,
        "a kept page: 1,000 times Ghost's share": share["kept"] >= 1000 * GHOSTS_SHARE,
        "a page drawn from 2,000: 0.35 of nginx": share["kept, drawn"] >= 0.35,
        "exported pages: 0.9 of nginx": share["exported"] >= 0.9,
        "two processes with 2,000 pages: 200 MB": report["memory_mb"] <= 200,
        "no stale answer": report["stale_answers"] == 0,
        "beside slow clients 99 of 100 answers within 500 ms": all(
            run["p99_ms"] < 500 and not run["errors"] for run in report["beside_slow_clients"].values()
        ),
    }
    for vendor, sizes in cpu.items():
        smallest, largest = next(iter(sizes.values())), list(sizes.values())[-1]
        for kind in KINDS:
            found[f"{vendor}, {kind}: 6 ms"] = largest[kind]["ms"] <= 6
            found[f"{vendor}, {kind}: 1.2 times the smallest archive's"] = (
                largest[kind]["ms"] <= 1.2 * smallest[kind]["ms"]
            )
            found[f"{vendor}, {kind}: {MOST_QUERIES[kind]} queries"] = largest[kind]["queries"] <= MOST_QUERIES[kind]
    return found


def table_of_servers(report: Report) -> str:
    lines = [f"\n{report['server']}, two processes; a page of {report['page_bytes']:,} bytes as sent"]
    for name, rate in report["requests_per_second"].items():
        share = report["shares"].get(name)
        lines.append(f"{name:16}{rate:>10,.0f} requests/s{'' if share is None else f'{share:>9.4f} of nginx'}")
    for name, run in report["beside_slow_clients"].items():
        lines.append(f"{name:16} beside slow clients: 99th percentile {run['p99_ms']:.0f} ms, {run['errors']} errors")
    lines.append(f"Memory: {report['memory_mb']} MB. Stale answers: {report['stale_answers']}.")
    lines += [f"{'met   ' if met else 'MISSED'}  {goal}" for goal, met in report["goals"].items()]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
