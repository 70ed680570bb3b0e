"""Subscribers out of a CSV file: read, judged row by row, put into a staging table, and taken in by one transaction.

Nobody who unsubscribed, bounced, complained or was erased here becomes active again by an import, whatever the file says:
only they themselves can sign up again. And people whom the file calls unsubscribed are taken in as such, so that a later
file cannot make them active either.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from django.utils import timezone

from subscribers import staging
from subscribers.addresses import suppression_hashes
from subscribers.csv_files import CsvFile
from subscribers.csv_formats import STATES, Entry, entry_reader, recognise
from subscribers.errors import BadAddress, BadRow
from subscribers.models import Subscriber
from subscribers.plain_addresses import normalise_quickly
from subscribers.refused_rows import RefusedRows
from subscribers.staging import StagedRow

BATCH = 5_000  # rows held in memory
SOURCE = "import: "  # begins the source of every line in the consent history that an import wrote
LONGEST_SOURCE = 100  # characters, ConsentEvent.source
ERASED_HERE = "erased here at their wish"
TWICE = "twice in the file"
RANKS = {state: rank for rank, state in enumerate(STATES)}

Progress = Callable[[int], None]


@dataclass
class Report:
    """What an import did, or would do; all numbers are of rows."""

    format: str
    encoding: str
    dry_run: bool
    rows: int = 0
    added: dict[str, int] = field(default_factory=dict)  # by state
    known: dict[str, int] = field(default_factory=dict)  # in the list already, by the state that they keep
    left_elsewhere: int = 0  # of the known: active here, although the file says that they left
    left_out: dict[str, int] = field(default_factory=dict)  # by reason
    refused: int = 0
    first_refusals: list[tuple[int, str]] = field(default_factory=list)  # line and reason; no addresses

    def leave_out(self, reason: str, number: int = 1) -> None:
        self.left_out[reason] = self.left_out.get(reason, 0) + number

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def import_file(
    path: Path,
    *,
    consent: str,
    name: str = "",
    refused_path: Path | None = None,
    dry_run: bool = False,
    progress: Progress = lambda bytes_read: None,
) -> Report:
    """Import a file of one of the formats in csv_formats, or only say what would happen.

    `consent` is the operator's sentence on where consent came from; `name` is what the history calls the file.
    `progress` is told the bytes read so far, every few thousand rows. Refused rows go to `refused_path`, which is made
    only if there are any. Memory does not grow with the rows. Raises BadFile, or ListChanged.
    """
    file = CsvFile(path)
    format = recognise(file.header)
    report = Report(format.name, file.encoding, dry_run)
    now = timezone.now()
    erased = _erased()
    with RefusedRows(refused_path, file) as refused, staging.staging() as stage:
        rows = _staged_rows(file, entry_reader(format, file.header, now), report, refused, erased)
        while batch := list(islice(rows, BATCH)):
            stage(batch)
            progress(file.bytes_read)
    progress(file.size)
    if dry_run:
        outcome = staging.preview()
    else:
        source = f"{SOURCE}{format.name}, {name or path.name}"[:LONGEST_SOURCE]
        outcome = staging.take_in(consent=consent, source=source, now=now, unchanged=lambda: _erased() == erased)
    report.added = dict(sorted(outcome.added.items(), key=lambda each: -RANKS[each[0]]))  # the active ones first
    report.known, report.left_elsewhere = outcome.known, outcome.left_elsewhere
    settled = sum(report.added.values()) + sum(report.known.values()) + sum(report.left_out.values()) + report.refused
    if report.rows > settled:
        report.leave_out(TWICE, report.rows - settled)
    return report


def _staged_rows(
    file: CsvFile, read: Callable[[list[str]], Entry], report: Report, refused: RefusedRows, erased: frozenset[str]
) -> Iterator[StagedRow]:
    for line, row in file.rows():
        report.rows += 1
        try:
            address, verdict, since, proof = read(row)
            rank = RANKS.get(verdict)
            email = normalise_quickly(address) if rank is not None else ""
        except (BadRow, BadAddress) as error:
            report.refused += 1
            refused.add(line, row, str(error))
            continue
        if rank is None:
            report.leave_out(verdict)
        elif erased and not erased.isdisjoint(suppression_hashes(email)):
            report.leave_out(ERASED_HERE)
        else:
            yield StagedRow(email, rank, since, proof)
    report.first_refusals = refused.first


def _erased() -> frozenset[str]:
    """The hashes of erased addresses: few, as people seldom ask for it."""
    hashes = Subscriber.objects.exclude(suppression_hash="").order_by().values_list("suppression_hash", flat=True)
    return frozenset(hashes.iterator())
