from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from papers.csl import Outcome
from papers.errors import BadRecord
from papers.importing import Report, import_records, read_records


class Command(BaseCommand):
    help = "Read a bibliography, BibTeX (.bib) or CSL-JSON (.json), into the database. Doing it twice changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--dry-run", action="store_true", help="report what would happen, and change nothing")

    def handle(self, *, file: Path, dry_run: bool, **options: Any) -> None:
        try:
            number, records = read_records(file)
        except BadRecord as error:
            raise CommandError(str(error)) from error
        with tqdm(total=number, unit="paper", disable=None, leave=False) as bar:
            report = import_records(records, dry_run=dry_run, progress=bar.update)
        self.stdout.write("Nothing was changed: this was a dry run.\n" if dry_run else "", ending="")
        self.stdout.write(as_table(report))
        for refusal in report.refused:
            self.stderr.write(self.style.ERROR(f"refused: {refusal}"))
        if report.refused:
            raise CommandError(
                f"{len(report.refused)} refused. Mend what is named above and import again: the rest is unchanged then."
            )


def as_table(report: Report) -> str:
    outcomes: tuple[Outcome, ...] = ("created", "updated", "unchanged")
    head = f"{'':12}" + "".join(f"{outcome:>11}" for outcome in outcomes)
    row = f"{'paper':12}" + "".join(f"{report.counts[outcome]:11}" for outcome in outcomes)
    return "\n".join([head, row, f"{'refused':12}{len(report.refused):11}"])
