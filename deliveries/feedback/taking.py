"""What happened to a mail is recorded once, and acted on once."""

import datetime
import hashlib
from contextlib import suppress
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, Max, OuterRef
from django.utils import timezone

from deliveries import queueing
from deliveries.errors import MailingError
from deliveries.models import (
    Delivery,
    DeliveryQuerySet,
    DeliveryState,
    EventType,
    MailEvent,
    Mailing,
    MailingState,
    Verdict,
)
from deliveries.server_words import without_addresses
from subscribers import signup
from subscribers.models import ConsentKind, Subscriber, SubscriberState

# A mail of which nothing came back for so long has arrived: servers give up within five days (RFC 5321 §4.5.4.1).
QUIET_AFTER = datetime.timedelta(days=5)
LATEST_REPORT = datetime.timedelta(days=30)
ARRIVED = [Verdict.DELIVERED, Verdict.COMPLAINT, Verdict.UNSUBSCRIBED]
# Of one complaint in a hundred mails nothing follows.
FEWEST_COMPLAINTS = 3
PROVEN = [ConsentKind.CONFIRMED, ConsentKind.CHANGED_ADDRESS]  # by a link in a mail to this address
LONGEST_EXCERPT = 500  # characters


@dataclass(frozen=True)
class Report:
    """What somebody tells of one mail to one subscriber, in Anymail's words and in ours."""

    subscriber: Subscriber
    mailing_id: int | None
    source: str
    event_id: str  # the same whenever the same thing is told again
    event_type: EventType
    verdict: Verdict
    words: str = ""  # the server's
    status: str = ""
    reject_reason: str = ""
    occurred_at: datetime.datetime | None = None  # None: now


def take(report: Report) -> bool:
    """Record a report and act on it; return whether it was new. Safe to call twice, from several processes.

    Nearly all mails arrive, so that one did is only recorded where it changes something.
    """
    if report.verdict == Verdict.DELIVERED and not _is_news(report):
        return False
    with transaction.atomic():
        event, is_new = MailEvent.objects.get_or_create(
            source=report.source,
            event_id=report.event_id,
            defaults={
                "subscriber": report.subscriber,
                "mailing_id": report.mailing_id,
                "event_type": report.event_type,
                "reject_reason": report.reject_reason,
                "verdict": report.verdict,
                "status": report.status,
                "excerpt": excerpt(report.words),
                "occurred_at": report.occurred_at or timezone.now(),
            },
        )
        if is_new:
            settle_uncertain(Delivery.objects.filter(mailing=event.mailing_id, subscriber=event.subscriber_id))
            _act(event)
    return is_new


def settle_uncertain(deliveries: DeliveryQuerySet) -> None:
    """Resolve those that are uncertain by what was heard of them. Two updates."""
    heard = MailEvent.objects.filter(mailing=OuterRef("mailing"), subscriber=OuterRef("subscriber"))
    arrived = heard.filter(verdict__in=ARRIVED)
    # Deferred: it is on its way, and may still arrive.
    refused = heard.exclude(verdict__in=ARRIVED).exclude(event_type=EventType.DEFERRED)
    said = "Uncertain at first; it was reported that it {}."
    uncertain = deliveries.uncertain()
    uncertain.filter(Exists(refused)).update(state=DeliveryState.FAILED, reason=said.format("bounced"))
    uncertain.filter(Exists(arrived)).update(state=DeliveryState.SENT, reason=said.format("arrived"))


def settle_recent(now: datetime.datetime) -> None:
    """For the tick: a report may come before its delivery is found to be uncertain."""
    recent = Mailing.objects.filter(started_at__gt=now - LATEST_REPORT)
    settle_uncertain(Delivery.objects.filter(mailing__in=recent))


def excerpt(words: str) -> str:
    """The server's words in one printable line, without addresses: they would outlive an erasure."""
    line = " ".join(words[: 4 * LONGEST_EXCERPT].split())
    printable = "".join(letter if letter.isprintable() else "\ufffd" for letter in line)
    return without_addresses(printable)[:LONGEST_EXCERPT]


def digest(*facts: object) -> str:
    """An event_id for what came without one."""
    return hashlib.sha256("\n".join(map(str, facts)).encode()).hexdigest()


def _act(event: MailEvent) -> None:
    if event.verdict == Verdict.HARD or (event.verdict == Verdict.SOFT and _is_one_too_many(event)):
        signup.suppress(event.subscriber, SubscriberState.BOUNCED, mailed_at=_mailed_at(event), source=event.source)
    elif event.verdict == Verdict.COMPLAINT:
        signup.suppress(event.subscriber, SubscriberState.COMPLAINED, mailed_at=_mailed_at(event), source=event.source)
        if event.mailing_id:
            _pause_if_too_many_complain(event.mailing_id)
    elif event.verdict == Verdict.UNSUBSCRIBED:
        signup.unsubscribe(event.subscriber, source=event.source)


def _is_one_too_many(event: MailEvent) -> bool:
    """Whether the soft bounces of this subscriber reach the limit.

    Each day and each mail counts once; what is older than the last success, or than SOFT_BOUNCE_DAYS, is forgiven.
    """
    since = event.occurred_at - datetime.timedelta(days=settings.SOFT_BOUNCE_DAYS)
    successes = [since, *filter(None, _successes(event.subscriber, before=event.occurred_at))]
    soft = MailEvent.objects.filter(
        subscriber=event.subscriber,
        verdict=Verdict.SOFT,
        occurred_at__gt=max(successes),
        occurred_at__lte=event.occurred_at,
    )
    bounces = soft.values_list("occurred_at", "mailing")
    days = {occurred_at.date() for occurred_at, _ in bounces}
    mails = {mailing_id or occurred_at.date() for occurred_at, mailing_id in bounces}
    return bool(min(len(days), len(mails)) >= settings.SOFT_BOUNCE_LIMIT)


def _successes(subscriber: Subscriber, *, before: datetime.datetime) -> list[datetime.datetime | None]:
    """When a mail last arrived: by report, by a confirmation, and by silence after it was accepted. Three queries."""
    reported = subscriber.mail_events.filter(verdict=Verdict.DELIVERED, occurred_at__lt=before)
    confirmed = subscriber.consent_events.filter(kind__in=PROVEN, created_at__lt=before)
    came_back = MailEvent.objects.filter(mailing=OuterRef("mailing"), subscriber=OuterRef("subscriber"))
    quiet = subscriber.deliveries.filter(
        ~Exists(came_back), state=DeliveryState.SENT, finished_at__lt=before - QUIET_AFTER
    )
    return [
        reported.aggregate(at=Max("occurred_at"))["at"],
        confirmed.aggregate(at=Max("created_at"))["at"],
        quiet.aggregate(at=Max("finished_at"))["at"],
    ]


def _is_news(report: Report) -> bool:
    """Whether it matters that a mail arrived: its delivery was not known to, or soft bounces are to be forgiven."""
    soft = MailEvent.objects.filter(subscriber=report.subscriber, verdict=Verdict.SOFT)
    delivery = Delivery.objects.filter(mailing=report.mailing_id, subscriber=report.subscriber)
    return delivery.exclude(state=DeliveryState.SENT).exists() or soft.exists()


def _mailed_at(event: MailEvent) -> datetime.datetime:
    delivery = Delivery.objects.filter(mailing=event.mailing_id, subscriber=event.subscriber_id)
    finished_at = delivery.values_list("finished_at", flat=True).first()
    return finished_at or event.occurred_at


def _pause_if_too_many_complain(mailing_id: int) -> None:
    """Pause a mailing that is being sent, when more than COMPLAINT_PAUSE_RATE of those who got it complain."""
    mailing = Mailing.objects.filter(pk=mailing_id, state=MailingState.SENDING).select_related("issue").first()
    if not mailing or not settings.COMPLAINT_PAUSE_RATE:
        return
    complained = MailEvent.objects.filter(mailing=mailing, verdict=Verdict.COMPLAINT)
    complaints = complained.values("subscriber").distinct().count()
    sent = mailing.deliveries.filter(state=DeliveryState.SENT).count()
    if complaints < FEWEST_COMPLAINTS or complaints <= settings.COMPLAINT_PAUSE_RATE * sent:
        return
    reason = (
        f"{complaints} of {sent} readers complained that this is spam. Mailbox providers turn senders away for that. "
        "Find out why before you resume; another complaint pauses it again."
    )
    with suppress(MailingError):  # Somebody else was faster.
        queueing.pause(mailing, reason=reason)
