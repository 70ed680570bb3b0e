"""Bringing a bibliography into the database: BibTeX or CSL-JSON. What can't be read is reported, and the rest is taken in."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from django.db import transaction

from papers.bibtex import read_bibtex
from papers.csl import Outcome
from papers.errors import BadRecord
from papers.storing import store

MAX_BYTES = 200_000_000
BATCH = 200  # papers in one transaction, so that others can write meanwhile
Record = tuple[str, Mapping[str, Any] | BadRecord]


@dataclass
class Report:
    """How many papers were created, updated and unchanged, and what was refused and why."""

    counts: Counter[Outcome] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)


def read_records(path: Path) -> tuple[int, Iterator[Record]]:
    """How many records a .bib or .json file holds, and each with its place. Raises BadRecord if it isn't such a file."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise BadRecord(f"{path.name} has over {MAX_BYTES // 1_000_000} MB. Split it.")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadRecord(f"{path} can't be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise BadRecord(f"{path.name} is not in UTF-8. Save it so.") from error
    if path.suffix.lower() == ".bib":
        return read_bibtex(text)
    if path.suffix.lower() == ".json":
        return read_csl_json(path.name, text)
    raise BadRecord(f"{path.name} has to end in .bib (BibTeX) or .json (CSL-JSON).")


def read_csl_json(name: str, text: str) -> tuple[int, Iterator[Record]]:
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadRecord(f"{name} is not JSON: {error}.") from error
    if isinstance(rows, dict):
        rows = rows.get("items", [rows])
    if not isinstance(rows, list):
        raise BadRecord(f"{name} has to hold a list of records.")

    def each() -> Iterator[Record]:
        for number, row in enumerate(rows, start=1):
            yield f"record {number}", row if isinstance(row, dict) else BadRecord("It is no record.")

    return len(rows), each()


def import_records(
    records: Iterable[Record], *, dry_run: bool = False, progress: Callable[[], object] = lambda: None
) -> Report:
    """Store each record as `record_paper` does; a dry run changes nothing and reports the same.

    Each batch is one transaction; a dry run is one in all. `progress` is called after each record.
    """
    report = Report()
    records = iter(records)
    with transaction.atomic() if dry_run else nullcontext():
        while batch := list(islice(records, BATCH)):
            with transaction.atomic():
                take_in(batch, report, progress)
        if dry_run:
            transaction.set_rollback(True)
    return report


def take_in(batch: list[Record], report: Report, progress: Callable[[], object]) -> None:
    """One batch. Papers that are new are stored together, the others one by one."""
    readable = []
    for place, record in batch:
        if isinstance(record, BadRecord):
            report.refused.append(f"{place}: {record}")
            progress()
        else:
            readable.append((place, record))
    for (place, _), outcome in zip(readable, store([record for _, record in readable]), strict=True):
        if isinstance(outcome, BadRecord):
            report.refused.append(f"{place}: {outcome}")
        else:
            report.counts[outcome] += 1
        progress()
