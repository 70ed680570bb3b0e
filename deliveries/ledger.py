"""What became of a mailing, in numbers that add up at every moment."""

import datetime
from dataclasses import dataclass

from django.db.models import Case, Count, When
from django.utils import timezone

from deliveries.models import DeliveryState, Mailing


@dataclass(frozen=True)
class Ledger:
    candidates: int
    sent: int
    failed: int
    skipped: int
    uncertain: int
    remaining: int
    put_off: int  # of the remaining: tried before, and again later

    @property
    def done(self) -> int:
        return self.sent + self.failed + self.skipped + self.uncertain

    @property
    def adds_up(self) -> bool:
        return self.candidates == self.done + self.remaining


def ledger(mailing: Mailing) -> Ledger:
    """Count the deliveries of a mailing. One query, which an index alone answers: it asks for no other column.

    The candidates are the number that was queued at its start.
    """
    later = Case(When(state=DeliveryState.QUEUED, due_at__gt=timezone.now(), then=1))
    by_state = mailing.deliveries.order_by().values_list("state")
    rows = list(by_state.annotate(count=Count("*"), later=Count(later)))
    counts: dict[str, int] = {state: count for state, count, _ in rows}
    return Ledger(
        candidates=mailing.candidates,
        sent=counts.get(DeliveryState.SENT, 0),
        failed=counts.get(DeliveryState.FAILED, 0),
        skipped=counts.get(DeliveryState.SKIPPED, 0),
        uncertain=counts.get(DeliveryState.UNCERTAIN, 0),
        remaining=counts.get(DeliveryState.QUEUED, 0) + counts.get(DeliveryState.CLAIMED, 0),
        put_off=sum(count for *_, count in rows),
    )


def deliveries_per_second(mailing: Mailing, counted: Ledger, now: datetime.datetime) -> float:
    """The average since the start, pauses included; 0 before the first."""
    if mailing.started_at is None:
        return 0.0
    seconds = ((mailing.finished_at or now) - mailing.started_at).total_seconds()
    return counted.done / max(seconds, 1.0)


def time_left(mailing: Mailing, counted: Ledger, now: datetime.datetime) -> datetime.timedelta | None:
    """How long what is due will take at this rate; None if that can't be known yet."""
    rate = deliveries_per_second(mailing, counted, now)
    return datetime.timedelta(seconds=round((counted.remaining - counted.put_off) / rate)) if rate else None
