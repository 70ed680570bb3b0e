import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from deliveries.errors import MailboxUnavailable
from deliveries.feedback.reading import read_bounces


class Command(BaseCommand):
    help = "Read the bounces and complaints in BOUNCE_MAILBOX_URL. The worker does so every five minutes."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, **options: Any) -> None:
        try:
            tally = read_bounces()
        except MailboxUnavailable as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            json.dumps(asdict(tally))
            if options["json"]
            else f"{tally.taken} taken, {tally.ignored} ignored, {tally.aside} put aside."
        )
