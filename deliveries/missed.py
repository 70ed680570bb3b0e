"""Who did not get an issue, and why: for the admin's list, its CSV file and the command line."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.db.models import Case, CharField, Count, Q, Value, When

from deliveries.claiming import NOTHING_CHOSEN, PAUSED
from deliveries.models import Delivery, DeliveryQuerySet, DeliveryState, Mailing
from subscribers.csv_files import csv_line

FAILED = Q(state=DeliveryState.FAILED)
SKIPPED = Q(state=DeliveryState.SKIPPED)


class Kind(NamedTuple):
    """A class of reasons. The first that fits counts."""

    name: str
    label: str
    fits: Q


# By the server's enhanced status code where it gave one (RFC 3463).
KINDS = (
    Kind("waiting", "Not yet: still in the queue", Q(state__in=[DeliveryState.QUEUED, DeliveryState.CLAIMED])),
    Kind("uncertain", "Uncertain: may have arrived", Q(state=DeliveryState.UNCERTAIN)),
    Kind("cancelled", "The mailing was cancelled", SKIPPED & Q(reason__startswith="The mailing was cancelled")),
    Kind("paused", "Has paused", SKIPPED & Q(reason=PAUSED)),
    Kind("chosen", "Nothing in it of what they chose", SKIPPED & Q(reason=NOTHING_CHOSEN)),
    Kind("left", "No longer an active subscriber", SKIPPED),
    Kind("given up", "Put off by the server until we gave up", FAILED & Q(reason__startswith="Given up after")),
    Kind("address", "No such address", FAILED & Q(reason__regex=r"^5[0-9][0-9][ -]5\.1\.")),
    Kind("mailbox", "The mailbox is full or closed", FAILED & Q(reason__regex=r"^5[0-9][0-9][ -]5\.2\.")),
    Kind("policy", "Refused by the server's policy", FAILED & Q(reason__regex=r"^5[0-9][0-9][ -]5\.7\.")),
    Kind("refused", "Refused for another reason", FAILED & Q(reason__regex=r"^5[0-9][0-9]")),
    Kind("failed", "No mail could be made or sent", FAILED),
)
LABELS = {kind.name: kind.label for kind in KINDS}
COLUMNS = ("email", "state", "why", "words", "attempts", "at")


def missed(mailing: Mailing, *, state: str = "", kind: str = "") -> DeliveryQuerySet:
    """The deliveries that did not arrive, as far as is known, each with its `kind` and its subscriber."""
    which = Case(*(When(each.fits, Value(each.name)) for each in KINDS), output_field=CharField())
    deliveries = Delivery.objects.filter(mailing=mailing).exclude(state=DeliveryState.SENT)
    chosen = {name: value for name, value in (("state", state), ("kind", kind)) if value}
    classed: Any = deliveries.annotate(kind=which)  # The types don't follow an annotation into a filter.
    rows: DeliveryQuerySet = classed.filter(**chosen).select_related("subscriber").order_by("pk")
    return rows


def counts(mailing: Mailing) -> list[tuple[str, str, int]]:
    """State, kind and how many, for the combinations that occur. One query."""
    deliveries: Any = missed(mailing)
    rows = deliveries.order_by().values_list("state", "kind").annotate(count=Count("pk"))
    order = list(LABELS)
    return sorted(rows, key=lambda row: (order.index(row[1]), row[0]))


def facts(delivery: Any) -> dict[str, Any]:
    """One row of `missed`, in the words of the files."""
    at = delivery.finished_at
    return {
        "email": delivery.subscriber.email,
        "state": delivery.state,
        "why": LABELS[delivery.kind],
        "words": delivery.reason,
        "attempts": delivery.attempts,
        "at": at.isoformat(timespec="seconds") if at else "",
    }


def csv_lines(deliveries: DeliveryQuerySet) -> Iterator[str]:
    """The lines of a CSV file, times in UTC; a cell that a spreadsheet would run has a ' before it. One query."""
    yield csv_line(COLUMNS)
    for delivery in deliveries.iterator():
        yield csv_line(map(str, facts(delivery).values()))
