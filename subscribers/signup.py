"""What changes a subscriber's state, each step with its line in the consent history.

A change is one conditional update, so that of two at once only one happens and is noted. Addresses that come in here
have gone through `addresses.normalise`.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from subscribers import tasks
from subscribers.addresses import suppression_hashes
from subscribers.errors import AlreadyKnown, UsedToken
from subscribers.history import change_state, note
from subscribers.models import ConsentEvent, ConsentKind, Subscriber, SubscriberState
from subscribers.tokens import read_confirmation_token

A_DAY = timedelta(days=1)


def sign_up(address: str, *, wording: str, source: str) -> None:
    """Note that somebody typed this address into a form that showed `wording`; a mail to the address follows.

    The steps and their time are the same for a new, pending, active, unsubscribed or suppressed address, so that
    nobody learns from the answer who subscribes: the mail tells it (see mail.answer_sign_up), after the commit.
    """
    with transaction.atomic():
        Subscriber.objects.bulk_create([Subscriber(email=address)], ignore_conflicts=True)
        subscriber = Subscriber.objects.with_address(address).select_for_update().get()
        # One line a day is proof enough, and who hammers the form can't fill the table.
        today = ConsentEvent.objects.filter(created_at__gt=timezone.now() - A_DAY, kind=ConsentKind.SIGNED_UP)
        if not today.filter(subscriber=subscriber).exists():
            note(subscriber, ConsentKind.SIGNED_UP, source, wording)
        subscriber.save(update_fields=["updated_at"])
        # Robust: if the broker is away, the visitor gets the usual answer and the next round of
        # tasks.answer_forgotten_sign_ups the mail.
        transaction.on_commit(lambda: tasks.answer_sign_up.delay(subscriber.pk), robust=True)


def confirm(token: str, *, source: str) -> Subscriber:
    """Make the owner of a confirmation token active, whatever they were: it came from their mailbox.

    Raises BadToken or one of its kinds; UsedToken also when another request was faster.
    """
    with transaction.atomic():
        subscriber = read_confirmation_token(token)
        if not change_state(subscriber, only_from=[subscriber.state], to=SubscriberState.ACTIVE):
            raise UsedToken
        note(subscriber, ConsentKind.CONFIRMED, source)
    return subscriber


def unsubscribe(subscriber: Subscriber, *, source: str) -> bool:
    """Write to this subscriber no more; return whether anything changed. Safe to call twice."""
    before = [SubscriberState.PENDING, SubscriberState.ACTIVE, SubscriberState.BOUNCED]
    with transaction.atomic():
        changed = change_state(subscriber, only_from=before, to=SubscriberState.UNSUBSCRIBED)
        if changed:
            note(subscriber, ConsentKind.UNSUBSCRIBED, source)
    return changed


def suppress(subscriber: Subscriber, state: SubscriberState, *, mailed_at: datetime, source: str) -> bool:
    """Write to this subscriber no more, because a mail of `mailed_at` bounced for good or was complained of.

    `state` is BOUNCED or COMPLAINED. Returns whether anything changed. Who confirmed since that mail has shown that the
    mailbox works, and a complaint stands above leaving by oneself.
    """
    if state == SubscriberState.BOUNCED:
        before = [SubscriberState.ACTIVE]
        confirmed = [ConsentKind.CONFIRMED, ConsentKind.CHANGED_ADDRESS]
        if subscriber.consent_events.filter(kind__in=confirmed, created_at__gt=mailed_at).exists():
            return False
    else:
        before = [
            SubscriberState.PENDING,
            SubscriberState.ACTIVE,
            SubscriberState.UNSUBSCRIBED,
            SubscriberState.BOUNCED,
        ]
    with transaction.atomic():
        changed = change_state(subscriber, only_from=before, to=state)
        if changed:
            note(subscriber, ConsentKind(state), source)
    return changed


def add(address: str, *, consent: str, source: str) -> Subscriber:
    """Make an active subscriber of somebody who agreed elsewhere; `consent` says how and when.

    Raises AlreadyKnown (see `refuse_known`).
    """
    refuse_known(address)
    with transaction.atomic():
        subscriber = Subscriber.objects.create(email=address, state=SubscriberState.ACTIVE)
        note(subscriber, ConsentKind.ADDED, source, consent)
    return subscriber


def refuse_known(address: str) -> None:
    """Raise AlreadyKnown, with a sentence for the editor, if the address is in the list in any state, or erased.

    Only its owner can then come back, through the form.
    """
    if Subscriber.objects.filter(suppression_hash__in=suppression_hashes(address)).exists():
        raise AlreadyKnown("Whoever has this address had it erased. They can come back through the sign-up form.")
    known = Subscriber.objects.with_address(address).first()
    if known is not None:
        raise AlreadyKnown(
            f"This address is in the list already: {known.get_state_display().lower()}. "
            "Its owner can change that through the sign-up form."
        )
