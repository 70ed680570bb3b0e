"""The one mail that answers a sign-up: it asks to confirm, or says that the address is subscribed already.

It belongs to no list and has no List-* header. While an issue is being sent, its task takes turns with that one's, which
are cut to some seconds each.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.utils import timezone

from subscribers import letters
from subscribers.models import AGREED, ConsentEvent, ConsentKind, Subscriber, SubscriberState
from subscribers.tokens import CONFIRMATION_LIFETIME, confirmation_url, preferences_url
from transactional.sending import MailServerUnavailable, send

A_DAY = timedelta(days=1)
MOST_CONFIRMATIONS = 3  # to an address that does not confirm
MAILS = [ConsentKind.CONFIRMATION_SENT, ConsentKind.REMINDER_SENT]


def answer_sign_up(subscriber_id: int) -> bool:
    """Send the mail that is due to this subscriber; return whether one was handed over. Safe to call twice.

    The mail is noted before it leaves: when a worker dies in between, one too few is sent, never one too many.
    Raises MailServerUnavailable when nothing left: call again later.
    """
    note = _claim(subscriber_id)
    if note is None:
        return False
    try:
        note.source = send(_build(note))
    except MailServerUnavailable:
        note.delete()
        raise
    note.save(update_fields=["source"])
    return True


def unanswered(now: datetime) -> list[int]:
    """Return the subscribers whose sign-up of the last day has waited for ten minutes: their task was lost, or the
    mail server was away. `answer_sign_up` decides whether a mail is due to them."""
    asked = ConsentEvent.objects.filter(kind=ConsentKind.SIGNED_UP, created_at__gt=now - A_DAY)
    answered = ConsentEvent.objects.filter(kind__in=MAILS, created_at__gt=now - A_DAY)
    waiting = asked.filter(created_at__lt=now - timedelta(minutes=10)).exclude(
        subscriber__in=answered.values("subscriber")
    )
    return list(waiting.values_list("subscriber", flat=True).distinct())


def _claim(subscriber_id: int) -> ConsentEvent | None:
    with transaction.atomic():
        subscriber = Subscriber.objects.select_for_update().filter(pk=subscriber_id).first()
        if subscriber is None or not _is_due(subscriber, subscriber.consent_events.all(), timezone.now()):
            return None
        active = subscriber.state == SubscriberState.ACTIVE
        kind = ConsentKind.REMINDER_SENT if active else ConsentKind.CONFIRMATION_SENT
        return ConsentEvent.objects.create(subscriber=subscriber, kind=kind, source="mail")


def _is_due(subscriber: Subscriber, history: Iterable[ConsentEvent], now: datetime) -> bool:
    """Whether a sign-up waits for its mail, within the limits: one a day, and three until somebody confirms."""
    waiting, last_mail, confirmations = False, None, 0
    for event in history:
        if event.kind == ConsentKind.SIGNED_UP:
            waiting = True
        elif event.kind in MAILS:
            waiting, last_mail = False, event.created_at
            confirmations += event.kind == ConsentKind.CONFIRMATION_SENT
        elif event.kind in AGREED:
            waiting, confirmations = False, 0
    if not waiting or subscriber.state == SubscriberState.ERASED or (last_mail and last_mail > now - A_DAY):
        return False
    return subscriber.state == SubscriberState.ACTIVE or confirmations < MOST_CONFIRMATIONS


def _build(note: ConsentEvent) -> EmailMultiAlternatives:
    subscriber = note.subscriber
    if note.kind == ConsentKind.REMINDER_SENT:
        context = {"preferences_url": preferences_url(subscriber)}
        return letters.build("already_subscribed", subscriber.email, context)
    return letters.build(
        "confirmation",
        subscriber.email,
        {
            "confirmation_url": confirmation_url(subscriber),
            "days": CONFIRMATION_LIFETIME.days,
            "state": subscriber.state,
        },
    )
