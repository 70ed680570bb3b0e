"""The one mail that answers a sign-up: it asks to confirm, or says that the address is subscribed already.

It belongs to no list and has no List-* header. While an issue is being sent, its task takes turns with that one's, which
are cut to some seconds each.
"""

import smtplib
from collections.abc import Iterable
from datetime import datetime, timedelta
from email.utils import format_datetime, formataddr, make_msgid
from typing import Any, Protocol

from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.message import utf8_charset_qp
from django.db import transaction
from django.http import HttpRequest
from django.template import Engine
from django.template.loader import render_to_string
from django.utils import timezone

from subscribers.errors import MailServerUnavailable
from subscribers.models import ConsentEvent, ConsentKind, Subscriber, SubscriberState
from subscribers.tokens import CONFIRMATION_LIFETIME, confirmation_url

A_DAY = timedelta(days=1)
MOST_CONFIRMATIONS = 3  # to an address that does not confirm
MAILS = [ConsentKind.CONFIRMATION_SENT, ConsentKind.REMINDER_SENT]
AGREED = [ConsentKind.CONFIRMED, ConsentKind.ADDED, ConsentKind.IMPORTED]


class Publication(Protocol):
    """What a mail says of who sends it."""

    @property
    def sender(self) -> str: ...
    @property
    def from_email(self) -> str: ...
    @property
    def reply_to(self) -> str: ...


def answer_sign_up(subscriber_id: int) -> bool:
    """Send the mail that is due to this subscriber; return whether one was handed over. Safe to call twice.

    The mail is noted before it leaves: when a worker dies in between, one too few is sent, never one too many.
    Raises MailServerUnavailable when nothing left: call again later.
    """
    note = _claim(subscriber_id)
    if note is None:
        return False
    try:
        note.source = _send(_build(note))
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
    context = _shared_context()
    publication: Publication = context["publication"]
    if note.kind == ConsentKind.REMINDER_SENT:
        folder = "emails/already_subscribed"
    else:
        folder = "emails/confirmation"
        context |= {
            "confirmation_url": confirmation_url(subscriber),
            "days": CONFIRMATION_LIFETIME.days,
            "state": subscriber.state,
        }
    message = EmailMultiAlternatives(
        subject=render_to_string(f"{folder}/subject.txt", context).strip(),
        body=render_to_string(f"{folder}/body.txt", context).strip() + "\n",
        from_email=formataddr((publication.sender, publication.from_email)),
        to=[subscriber.email],
        reply_to=[publication.reply_to] if publication.reply_to else None,
        headers={
            # Django would write the zone as -0000, and this machine's name into the Message-ID.
            "Date": format_datetime(timezone.now()),
            "Message-ID": make_msgid(domain=publication.from_email.rpartition("@")[2]),
            "Auto-Submitted": "auto-generated",
        },
    )
    message.attach_alternative(render_to_string(f"{folder}/body.html", context), "text/html")
    message.encoding = utf8_charset_qp  # 7-bit-safe, in lines of at most 76 characters
    return message


def _shared_context() -> dict[str, Any]:
    """What every page knows, by the template engine's context processors, with the publication among it.

    A mail has no request, and this app doesn't know whose model the publication is; an empty request asks the same
    processors that the pages go through, so nothing else has to be wired.
    """
    context: dict[str, Any] = {}
    for processor in Engine.get_default().template_context_processors:
        context |= processor(HttpRequest())
    return context


def _send(message: EmailMultiAlternatives) -> str:
    """Return what became of the mail, in a few words; the same mail must not be sent again.

    Raises MailServerUnavailable when nothing left: the server was not reached, or said "not now" (4xx).
    """
    connection = get_connection()
    try:
        connection.open()
    except OSError as error:  # Every SMTPException is one.
        raise MailServerUnavailable from error
    try:
        connection.send_messages([message])
    except OSError as error:
        codes = _reply_codes(error)
        if any(400 <= code < 500 for code in codes):
            raise MailServerUnavailable from error
        return f"mail, refused with {codes[0]}" if codes else "mail, lost its connection on the way"
    finally:
        connection.close()
    return "mail"


def _reply_codes(error: OSError) -> list[int]:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return [code for code, _ in error.recipients.values()]
    return [error.smtp_code] if isinstance(error, smtplib.SMTPResponseException) else []
