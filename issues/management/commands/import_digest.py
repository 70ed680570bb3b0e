from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from issues.errors import BadFile
from issues.importing.digests import digest_files, import_digest
from issues.importing.reports import Outcome, Report


class Command(BaseCommand):
    help = (
        "Read a folder of Markdown stories (docs/digest-format.md) into the database. Doing it twice changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--dry-run", action="store_true", help="report what would happen, and change nothing")

    def handle(self, *, folder: Path, dry_run: bool, **options: Any) -> None:
        try:
            with tqdm(total=len(digest_files(folder)), unit="file", disable=None, leave=False) as bar:
                report = import_digest(folder, dry_run=dry_run, progress=lambda name: show(bar, name))
        except BadFile as error:
            raise CommandError(str(error)) from error
        self.stdout.write("Nothing was changed: this was a dry run.\n" if dry_run else "", ending="")
        self.stdout.write(as_table(report))
        for warning in report.warnings:
            self.stdout.write(f"note: {warning}")
        for refusal in report.refused:
            self.stderr.write(self.style.ERROR(f"refused: {refusal}"))
        if report.refused:
            raise CommandError(
                f"{len(report.refused)} refused. Mend what is named above and import again: the rest is unchanged then."
            )


def show(bar: "tqdm[Any]", name: str) -> None:
    bar.set_postfix_str(name, refresh=False)
    bar.update()


def as_table(report: Report) -> str:
    outcomes: tuple[Outcome, ...] = ("created", "updated", "unchanged")
    kinds = list(dict.fromkeys(kind for kind, _ in report.counts))
    rows = [f"{'':12}" + "".join(f"{outcome:>11}" for outcome in outcomes)]
    rows += [f"{kind:12}" + "".join(f"{report.counts[kind, outcome]:11}" for outcome in outcomes) for kind in kinds]
    return "\n".join([*rows, f"{'refused':12}{len(report.refused):11}"])
