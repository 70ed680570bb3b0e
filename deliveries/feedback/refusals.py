"""What servers refused for good while an issue was being sent, taken as bounces."""

import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from deliveries import ledger
from deliveries.feedback.statuses import judge
from deliveries.feedback.taking import Report, digest, take
from deliveries.models import Delivery, DeliveryQuerySet, DeliveryState, EventType, MailEvent, Mailing, MailingState

SOURCE = "sending"
GIVEN_UP = "Given up after"
# By the words that `sending.outcome_of` writes: a reply, or the last of many.
REFUSED = Q(reason__regex=r"^5[0-9][0-9] ") | Q(reason__startswith=GIVEN_UP)
LOOK_BACK = datetime.timedelta(days=2)  # after the last attempts
BLOCK = 200


def take_refusals() -> int:
    """Take what was not taken yet as bounces; return how many.

    Only of mailings of which no more were refused than accepted: else something is wrong with our server, not with so
    many readers. Neither of paused ones, while an editor looks into it.
    """
    taken = 0
    since = timezone.now() - LOOK_BACK - datetime.timedelta(hours=settings.SENDING_DEADLINE_HOURS)
    recent = Mailing.objects.filter(started_at__gt=since).without_contents()
    for mailing in recent.filter(state__in=[MailingState.SENDING, MailingState.SENT, MailingState.CANCELLED]):
        if _refusals(mailing).exists() and _is_trusted(mailing):
            taken += _take_all(mailing)
    return taken


def _take_all(mailing: Mailing) -> int:
    """In blocks: one by one they would wait for the disk each time, all at once they would keep others waiting."""
    taken = 0
    while block := list(_refusals(mailing)[:BLOCK]):
        with transaction.atomic():
            new = sum(take(_report(delivery)) for delivery in block)
        if not new:  # Another worker is at it.
            break
        taken += new
    return taken


def _refusals(mailing: Mailing) -> DeliveryQuerySet:
    known = MailEvent.objects.filter(
        mailing=mailing, subscriber=OuterRef("subscriber"), source=SOURCE, occurred_at=OuterRef("finished_at")
    )
    failed = Delivery.objects.filter(REFUSED, ~Exists(known), mailing=mailing, state=DeliveryState.FAILED)
    return failed.select_related("subscriber").order_by("pk")


def _is_trusted(mailing: Mailing) -> bool:
    counted = ledger.ledger(mailing)
    return counted.sent >= counted.failed


def _report(delivery: Delivery) -> Report:
    answer = judge(delivery.reason)
    return Report(
        subscriber=delivery.subscriber,
        mailing_id=delivery.mailing_id,
        source=SOURCE,
        event_id=digest(delivery.pk, delivery.finished_at),
        event_type=EventType.BOUNCED,
        reject_reason="timed_out" if delivery.reason.startswith(GIVEN_UP) else "bounced",
        verdict=answer.verdict,
        status=answer.status,
        words=delivery.reason,
        occurred_at=delivery.finished_at,
    )
