"""Taking the next deliveries of a mailing, so that no other process does."""

import datetime
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from deliveries.journals import Journal
from deliveries.models import Delivery, DeliveryQuerySet, DeliveryState, Mailing
from issues.variants import select
from subscribers.models import SubscriberState

PAUSED = "The subscriber has paused."
NOTHING_CHOSEN = "No story of this issue is in the sections and topics that the subscriber chose."
SMALLEST_SHARE = 20  # deliveries


class Reader(NamedTuple):
    """A claimed delivery, and to whom it goes."""

    delivery_id: int
    attempts: int
    subscriber_id: int
    email: str
    state: str
    paused_until: datetime.date | None
    choice: str

    def why_not(self, mailing: Mailing, today: datetime.date) -> str:
        """Why this mailing is not for them now; empty: it is."""
        if self.state != SubscriberState.ACTIVE:
            return f"The subscriber is {SubscriberState(self.state).label.lower()}."
        if self.paused_until and today < self.paused_until:
            return PAUSED
        return NOTHING_CHOSEN if self.choice and not select(mailing.stories, self.choice) else ""


@dataclass(frozen=True)
class Batch:
    """What one process has claimed, under the name of its journal, which no other batch has."""

    mailing: Mailing
    journal: Journal
    readers: list[Reader]
    skipped: int

    @property
    def rows(self) -> DeliveryQuerySet:
        return Delivery.objects.of_batch(self.journal.name)


def claim(mailing_id: int, journal: Journal, size: int) -> Batch | None:
    """Take up to `size` deliveries that are due, if the mailing is being sent; skip who may not be written to now.

    None: nothing is due. The journal has to be there before: it tells of a process that dies after the commit.
    """
    now = timezone.now()
    with durable_transaction():
        # Changed first, so that claims wait for a pause or cancellation under way, and these for a claim.
        if not Mailing.objects.sending().filter(pk=mailing_id).update(claimed_at=now):
            return None
        ids = _lock_due(mailing_id, size, now)
        if not ids:
            return None
        Delivery.objects.among(ids).update(
            state=DeliveryState.CLAIMED, claimed_by=journal.name, lease_expires_at=lease_end(now)
        )
        mailing = Mailing.objects.select_related("issue").get(pk=mailing_id)
        readers = _readers(ids)
        reasons = {reader.delivery_id: reader.why_not(mailing, now.date()) for reader in readers}
        wanted = [reader for reader in readers if not reasons[reader.delivery_id]]
        if len(wanted) < len(readers):
            _skip(reasons, now)
    return Batch(mailing, journal, wanted, len(readers) - len(wanted))


def lease_end(now: datetime.datetime) -> datetime.datetime:
    return now + datetime.timedelta(seconds=settings.SENDING_LEASE_SECONDS)


def _lock_due(mailing_id: int, size: int, now: datetime.datetime) -> list[int]:
    """The next ones; near the end only this task's share of what is left, so that all tasks end at the same time."""
    due = Delivery.objects.filter(mailing=mailing_id).due(now).order_by("due_at").values_list("pk", flat=True)
    left = due[: size * settings.SENDING_TASKS].count()
    share = max(SMALLEST_SHARE, left // settings.SENDING_TASKS)
    return list(due.select_for_update(skip_locked=True)[: min(size, share)])


def _readers(ids: list[int]) -> list[Reader]:
    """As they are now: also who left since the mailing was queued."""
    of_subscriber = [f"subscriber__{name}" for name in ("email", "state", "paused_until", "choice")]
    rows = Delivery.objects.among(ids).order_by().values_list("pk", "attempts", "subscriber_id", *of_subscriber)
    return [Reader(*row) for row in rows]


def _skip(reasons: Mapping[int, str], now: datetime.datetime) -> None:
    """Skip the deliveries that have a reason, one statement for each different one."""
    for reason in set(reasons.values()) - {""}:
        Delivery.objects.among([delivery_id for delivery_id, each in reasons.items() if each == reason]).update(
            state=DeliveryState.SKIPPED, reason=reason, lease_expires_at=None, finished_at=now
        )


@contextmanager
def durable_transaction() -> Iterator[None]:
    """A transaction that even a power cut can't undo.

    On SQLite others may lose their end (`synchronous=NORMAL`). An outcome that is lost becomes a doubt; a claim that is
    lost would send mails twice.
    """
    sqlite = connection.vendor == "sqlite" and not connection.in_atomic_block
    if sqlite:
        _set_synchronous("FULL")
    try:
        with transaction.atomic():
            yield
    finally:
        if sqlite:
            _set_synchronous("NORMAL")


def _set_synchronous(mode: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA synchronous={mode}")
