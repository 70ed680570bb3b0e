from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from issues.errors import BadFile
from issues.exporting import export_digest


class Command(BaseCommand):
    help = "Write the whole digest as a folder of Markdown stories (docs/digest-format.md), which import_digest reads."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path)

    def handle(self, *, folder: Path, **options: Any) -> None:
        try:
            with tqdm(unit="file", disable=None, leave=False) as bar:
                written = export_digest(folder, progress=lambda name: bar.update())
        except BadFile as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{written} files written to {folder}.")
