from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from tqdm import tqdm

from subscribers.models import ConsentEvent, ConsentKind, Subscriber, SubscriberState

BATCH = 5_000


class Command(BaseCommand):
    help = "Make N active subscribers, reader-000001@example.org and so on, for trials. Only with DEBUG."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("number", type=int, metavar="N")

    def handle(self, *, number: int, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError("These subscribers are invented, so they are made with DEBUG=true only.")
        made = 0
        with tqdm(total=number, unit=" subscribers", disable=None) as progress:
            for first in range(1, number + 1, BATCH):
                last = min(first + BATCH - 1, number)
                made += _make(first, last)
                progress.update(last - first + 1)
        self.stdout.write(f"{made} made, {number - made} were there already.")


@transaction.atomic
def _make(first: int, last: int) -> int:
    """Make those that are missing; return how many. Two INSERTs and a SELECT."""
    addresses = {f"reader-{number:06}@example.org" for number in range(first, last + 1)}
    missing = addresses - set(Subscriber.objects.filter(email__in=addresses).values_list("email", flat=True))
    subscribers = Subscriber.objects.bulk_create(
        Subscriber(email=address, state=SubscriberState.ACTIVE) for address in sorted(missing)
    )
    ConsentEvent.objects.bulk_create(
        ConsentEvent(subscriber=subscriber, kind=ConsentKind.ADDED, source="test data") for subscriber in subscribers
    )
    return len(subscribers)
