"""`manage.py export_site DIR`: the public pages as files."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from tqdm import tqdm

from dynamically_typed import page_export


class Command(BaseCommand):
    help = "Write all public pages into a folder, with .gz and .br beside each, for a web server to answer them itself."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path)

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        addresses = page_export.addresses()
        with tqdm(total=len(addresses), unit="page", disable=None) as bar:
            report = page_export.export(folder, addresses, progress=lambda path: bar.update())
        self.stdout.write(f"{report.written} written, {report.unchanged} as they were, {report.removed} removed.")
