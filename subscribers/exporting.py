"""All subscribers with their consent history as CSV, which `importing` reads."""

import json
from collections.abc import Iterator, Sequence

from subscribers.csv_files import csv_line
from subscribers.models import AGREED, ConsentEvent, ConsentKind, Subscriber, SubscriberQuerySet

COLUMNS = (
    "email",
    "state",
    "since",
    "last_change",
    "paused_until",
    "choice",
    "consent",
    "consent_at",
    "consent_source",
    "consent_wording",
    "history",
)
BATCH = 2_000  # subscribers held in memory


def export_lines(subscribers: SubscriberQuerySet | None = None) -> Iterator[str]:
    """Yield the lines of a CSV file, in the order of the addresses' numbers.

    Times are in UTC; `history` is a JSON list. A cell that a spreadsheet would run has a ' before it, which the
    importer takes back. Two queries for each 2,000 subscribers, and memory for as many.
    """
    yield csv_line(COLUMNS)
    subscribers = Subscriber.objects.all() if subscribers is None else subscribers
    for subscriber in subscribers.order_by("pk").prefetch_related("consent_events").iterator(chunk_size=BATCH):
        yield csv_line(_cells(subscriber))


def _cells(subscriber: Subscriber) -> list[str]:
    history = list(subscriber.consent_events.all())
    return [
        subscriber.email,
        subscriber.state,
        subscriber.created_at.isoformat(),
        subscriber.updated_at.isoformat(),
        subscriber.paused_until.isoformat() if subscriber.paused_until else "",
        subscriber.choice,
        *_consent(history),
        json.dumps([_facts(event) for event in history], ensure_ascii=False),
    ]


def _consent(history: Sequence[ConsentEvent]) -> tuple[str, str, str, str]:
    """The last time that somebody agreed: what happened, when, through what, to which words."""
    wording, agreed = "", ("", "", "", "")
    for event in history:
        if event.kind == ConsentKind.SIGNED_UP:
            wording = event.wording
        elif event.kind in AGREED:
            agreed = (event.kind, event.created_at.isoformat(), event.source, event.wording or wording)
    return agreed


def _facts(event: ConsentEvent) -> dict[str, str]:
    return {
        "at": event.created_at.isoformat(),
        "what": event.kind,
        "source": event.source,
        "wording": event.wording,
    }
