"""The mails around the preference page: the link to it, and both ends of a change of address."""

from datetime import datetime, timedelta

from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.utils import timezone

from subscribers import letters
from subscribers.addresses import masked
from subscribers.models import AddressChange, ConsentEvent, ConsentKind, LinkRequest, Subscriber, SubscriberState
from subscribers.tokens import CONFIRMATION_LIFETIME, address_change_url, requested_url
from transactional.sending import MailServerUnavailable, send

A_DAY = timedelta(days=1)
# Anybody may ask for it: who left, or whose mails bounce, must not get one each day for ever.
MOST_TO_THE_GONE, LATELY = 3, timedelta(days=90)
UNCONFIRMED = SubscriberState.PENDING  # They get nothing but the mail that asks to confirm.


def answer_link_request(request_id: int) -> None:
    """Send the link to who has the address, if anybody has, once a day at most. Safe to call twice.

    The mail is noted before it leaves: when a worker dies in between, one too few is sent, never one too many.
    Raises MailServerUnavailable when nothing left: call again later.
    """
    request = LinkRequest.objects.filter(pk=request_id).first()
    if request is None:
        return
    if note := _claim_link(request.address):
        context = {"preferences_url": requested_url(note.subscriber)}
        try:
            note.source = send(letters.build("preferences_link", note.subscriber.email, context))
        except MailServerUnavailable:
            note.delete()
            raise
        note.save(update_fields=["source"])
    request.delete()


def answer_address_change(change_id: int) -> None:
    """Ask the new address to confirm or, when it has, tell the old one. Safe to call twice.

    The question is noted before it leaves, as above; of the news to the old address one too many is sent, if any.
    Raises MailServerUnavailable when nothing left: call again later.
    """
    change = AddressChange.objects.select_related("subscriber").filter(pk=change_id).first()
    if change is None:
        return
    if change.former:
        send(letters.build("address_changed", change.former, {"new_address": masked(change.address)}))
        change.delete()
        return
    asked = AddressChange.objects.filter(pk=change.pk, address=change.address, former="")
    if asked.filter(mailed_at=None).update(mailed_at=timezone.now()):
        try:
            send(_question(change))
        except MailServerUnavailable:
            asked.update(mailed_at=None)
            raise


def forgotten(now: datetime) -> tuple[list[int], list[int]]:
    """Return the link requests and address changes that have waited for ten minutes: their tasks were lost."""
    before = now - timedelta(minutes=10)
    changes = AddressChange.objects.filter(created_at__lt=before)
    waiting = changes.filter(mailed_at=None) | changes.exclude(former="")
    return (
        list(LinkRequest.objects.filter(created_at__lt=before).values_list("pk", flat=True)),
        list(waiting.values_list("pk", flat=True)),
    )


def _claim_link(address: str) -> ConsentEvent | None:
    with transaction.atomic():
        known = Subscriber.objects.with_address(address).exclude(state=UNCONFIRMED).select_for_update().first()
        if known is None:
            return None
        sent = known.consent_events.filter(kind=ConsentKind.LINK_SENT)
        if sent.filter(created_at__gt=timezone.now() - A_DAY).exists():
            return None
        lately = sent.filter(created_at__gt=timezone.now() - LATELY)
        if known.state != SubscriberState.ACTIVE and lately.count() >= MOST_TO_THE_GONE:
            return None
        return ConsentEvent.objects.create(subscriber=known, kind=ConsentKind.LINK_SENT, source="mail")


def _question(change: AddressChange) -> EmailMultiAlternatives:
    """To the new address. If it is a subscriber's already, the mail says that, and the page has said nothing."""
    others = Subscriber.objects.with_address(change.address).exclude(state=UNCONFIRMED)
    if others.exists():
        return letters.build("address_known", change.address, {"other": masked(change.subscriber.email)})
    context = {
        "other": masked(change.subscriber.email),
        "confirmation_url": address_change_url(change),
        "days": CONFIRMATION_LIFETIME.days,
    }
    return letters.build("confirm_address", change.address, context)
