"""`make bench-papers`: how long a bibliography of 10,000 papers takes to come in from BibTeX, and to go out again.

On SQLite and on PostgreSQL, each in an empty database. The papers have what bibliographies have: particles and suffixes,
groups, accents as TeX and as letters, formulas and capitals in titles, arXiv identifiers, DOIs, missing fields. What is
exported as BibTeX, RIS and CSL-JSON is counted by pybtex, rispy and json; what is exported as BibTeX and CSL-JSON is
imported once more, and has to change nothing. Argument: another number of papers.
"""

import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import site

SIZE = 10_000
WORDS = [
    "attention", "deep", "learning", "of", "language", "models", "with", "few-shot", "priors", "for", "protein", "graphs",
    "and", "sparse", "vision",
]  # fmt: skip
NAMES = [
    "Brown, Tom B.", "van der Maaten, Laurens", "King, Jr., Martin Luther", "{{OpenAI Team}}", r"Sch{\"o}lkopf, Bernhard",
    "Daumé III, Hal", r"Erd\H{o}s, P{\'a}l", "Ng, Andrew", "de la Cruz, José María", "Håstad, Johan", "Li, Fei-Fei",
]  # fmt: skip
TITLES = [
    r"{BERT} and $O(n^2)$",
    r"Poincar{\'e} embeddings",
    r"50\% fewer labels \& more",
    "{GPT}-{3}",
    "$\\alpha$-models",
]
Report = dict[str, Any]


def main(arguments: list[str]) -> None:
    size = int(arguments[0]) if arguments else SIZE
    report: Report = {"papers": size}
    with tempfile.TemporaryDirectory(prefix="bench-papers-") as name:
        folder = Path(name)
        (folder / "papers.bib").write_text("\n".join(entries(size)), encoding="utf-8")
        with site.scratch_postgresql() as postgresql:
            urls = {"SQLite": f"sqlite:///{folder}/db.sqlite3", "PostgreSQL": postgresql}
            for database, url in urls.items():
                if not url:
                    site.say(f"{database}: skipped, none answers.")
                    continue
                report[database] = site.in_own_process(partial(measure, url, folder))
                sys.stdout.write(as_table(f"{database}, {size:,} papers", report[database]))
    site.say(json.dumps(report))
    if not all(report[name]["equal"] for name in urls if name in report):
        raise SystemExit("What was exported reads otherwise than what was imported.")


def entries(size: int) -> Iterator[str]:
    """The same at every call."""
    chance = random.Random(size)  # noqa: S311
    for number in range(size):
        title = f"{chance.choice(TITLES)} {' '.join(chance.sample(WORDS, 5))} {number}"
        authors = " and ".join(chance.sample(NAMES, chance.randint(1, 6)))
        fields = {"title": title, "author": authors, "year": str(chance.randint(1990, 2025)), "month": "may"}
        if number % 3 == 0:
            fields |= {
                "eprint": f"{2001 + number // 10_000 % 12:04}.{number % 10_000 + 10_000}",
                "archiveprefix": "arXiv",
            }
            kind = "misc"
        elif number % 3 == 1:
            fields |= {
                "doi": f"10.1000/bench.{number}",
                "journal": "Journal of Learning",
                "volume": "7",
                "pages": "1--20",
            }
            kind = "article"
        else:
            fields |= {"doi": f"10.1000/(bench){number}", "booktitle": "Proceedings of the Conference on Learning"}
            kind = "inproceedings"
        if number % 7 == 0:
            del fields["month"]
        yield (
            f"@{kind}{{key{number},\n"
            + ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items())
            + "\n}\n"
        )


def measure(database_url: str, folder: Path) -> Report:
    site.set_up(folder, database_url=database_url)
    report: Report = {}
    report["import"], first = timed(lambda: take_in(folder / "papers.bib"))
    report["again"], again = timed(lambda: take_in(folder / "papers.bib"))
    for form in ("bib", "ris", "json"):
        report[f"export .{form}"], _ = timed(partial(export, folder / f"exported.{form}", form))
    backs = {form: take_in(folder / f"exported.{form}") for form in ("bib", "json")}
    report["counted"] = counted(folder)
    report["refused"], report["changed by what was exported"] = (
        len(first.refused),
        {
            form: sum(back.counts.values()) - back.counts["unchanged"] + len(back.refused)
            for form, back in backs.items()
        },
    )
    number = first.counts["created"]
    report["equal"] = (
        again.counts["unchanged"] == number
        and not any(report["changed by what was exported"].values())
        and set(report["counted"].values()) == {number}
    )
    return report


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = work()
    return round(time.perf_counter() - start, 2), result


def take_in(path: Path) -> Any:
    from tqdm import tqdm

    from papers.importing import import_records, read_records

    number, records = read_records(path)
    with tqdm(total=number, unit="paper", disable=None, leave=False) as bar:
        return import_records(records, progress=bar.update)


def export(path: Path, form: str) -> None:
    """As the archive's bibliography is streamed."""
    from issues.bibliographies import bibliography
    from papers.models import Paper

    with path.open("wb") as file:
        file.writelines(bibliography(Paper.objects.order_by("pk"), form, "papers"))


def counted(folder: Path) -> dict[str, int]:
    """How many papers other programs find in the files."""
    import rispy
    from pybtex.database import parse_file

    with (folder / "exported.ris").open(encoding="utf-8") as file:
        ris = len(rispy.load(file))
    rows = json.loads((folder / "exported.json").read_text(encoding="utf-8"))
    return {"pybtex": len(parse_file(str(folder / "exported.bib")).entries), "rispy": ris, "json": len(rows)}


def as_table(title: str, report: Report) -> str:
    lines = [title, *(f"  {name:14}{report[name]:8.2f} s" for name in report if isinstance(report[name], float))]
    lines.append(
        f"  read by others {report['counted']}, changed by what was exported {report['changed by what was exported']}"
    )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main(sys.argv[1:])
