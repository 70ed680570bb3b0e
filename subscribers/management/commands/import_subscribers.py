import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from subscribers.errors import BadFile, ListChanged
from subscribers.importing import Report, import_file


class Command(BaseCommand):
    help = "Import subscribers from a CSV file, as other newsletter systems export them (docs/subscribers.md)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--consent",
            required=True,
            metavar="SENTENCE",
            help="when, where and to which words these people agreed; it is kept with each of them",
        )
        parser.add_argument("--dry-run", action="store_true", help="report what would happen, and change nothing")
        parser.add_argument(
            "--refused",
            type=Path,
            metavar="FILE",
            help="where rows go that are wrong, with the reason; by default beside the file, as NAME-refused.csv",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(
        self, *, file: Path, consent: str, dry_run: bool, refused: Path | None, json: bool, **options: Any
    ) -> None:
        if not consent.strip():
            raise CommandError("--consent is empty. Say when, where and to which words these people agreed.")
        refused = refused or file.with_name(f"{file.stem}-refused.csv")
        if refused.exists() and refused.samefile(file):
            raise CommandError("--refused names the file that is read. Name another.")
        report = self._import(file, consent=consent.strip(), dry_run=dry_run, refused=refused)
        self.stdout.write(as_json(report, refused) if json else as_table(report))
        if report.left_elsewhere:
            self.stderr.write(
                f"{report.left_elsewhere} are active here, although the file says that they left there. They stay "
                "active: whether they signed up here later, only you know."
            )
        if report.refused:
            raise CommandError(f"{report.refused} refused. Mend them in {refused}, and import that file as it is.")

    def _import(self, file: Path, *, consent: str, dry_run: bool, refused: Path) -> Report:
        try:
            size = file.stat().st_size if file.exists() else 0
            with tqdm(total=size, unit="B", unit_scale=True, disable=None, leave=False) as bar:
                return import_file(
                    file,
                    consent=consent,
                    dry_run=dry_run,
                    refused_path=refused,
                    progress=lambda bytes_read: show(bar, bytes_read),
                )
        except (BadFile, ListChanged) as error:
            raise CommandError(str(error)) from error


def show(bar: "tqdm[Any]", bytes_read: int) -> None:
    bar.update(bytes_read - bar.n)


def as_json(report: Report, refused: Path) -> str:
    file = {"refused_file": str(refused)} if report.refused else {}
    return json.dumps({**report.as_dict(), **file}, ensure_ascii=False)


def as_table(report: Report) -> str:
    counts = [
        *((f"added: {state}", number) for state, number in report.added.items()),
        *((f"already there: {state}", number) for state, number in report.known.items()),
        *((f"left out: {reason}", number) for reason, number in report.left_out.items()),
        ("refused", report.refused),
    ]
    width = max(len(name) for name, _ in counts)
    lines = [
        f"{report.format}, {report.encoding}, {report.rows:,} rows",
        *(["Nothing was changed: this was a dry run."] if report.dry_run else []),
        *(f"  {name:{width}} {number:>11,}" for name, number in counts),
        *(f"  line {line}: {reason}" for line, reason in report.first_refusals),
    ]
    if report.refused > len(report.first_refusals):
        lines.append(f"  … and {report.refused - len(report.first_refusals):,} more")
    return "\n".join(lines)
