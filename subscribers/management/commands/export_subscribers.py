import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from subscribers.exporting import export_lines
from subscribers.models import Subscriber, SubscriberState


class Command(BaseCommand):
    help = "Export subscribers with their consent history as CSV, which import_subscribers reads."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="where to; - for standard output")
        parser.add_argument("--state", choices=SubscriberState.values, help="only those in this state")

    def handle(self, *, file: str, state: str | None, **options: Any) -> None:
        subscribers = Subscriber.objects.filter(state=state) if state else Subscriber.objects.all()
        if file == "-":
            self.stdout.writelines(export_lines(subscribers))
            return
        with tqdm(export_lines(subscribers), total=subscribers.count() + 1, unit=" lines", disable=None) as lines:
            _write(Path(file), lines)
        self.stdout.write(f"{lines.n - 1:,} exported to {file}.")


def _write(path: Path, lines: Iterable[str]) -> None:
    """For the eyes of its owner only."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        raise CommandError(f"{path} can’t be written: {error.strerror}.") from error
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        file.writelines(lines)
