"""What subscribers change themselves, by the link that only their mailbox has: each with its line in the history."""

from collections.abc import Iterable
from datetime import date, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from subscribers import tasks
from subscribers.errors import AlreadyKnown, UsedToken
from subscribers.history import change_state, note
from subscribers.models import AddressChange, ConsentKind, LinkRequest, Subscriber, SubscriberState
from subscribers.tokens import read_address_change_token

A_DAY = timedelta(days=1)
SOURCE = "preference page"
LEFT = [SubscriberState.UNSUBSCRIBED, SubscriberState.BOUNCED, SubscriberState.COMPLAINED]


def pause(subscriber: Subscriber, until: date, *, wording: str) -> None:
    """Send nothing before that day (UTC). The subscriber stays active: mails come again by themselves."""
    _change(subscriber, ConsentKind.PAUSED, wording, paused_until=until)


def resume(subscriber: Subscriber, *, wording: str) -> None:
    _change(subscriber, ConsentKind.RESUMED, wording, paused_until=None)


def choose(subscriber: Subscriber, keys: Iterable[str], *, wording: str, source: str = SOURCE) -> None:
    """Send only the stories that have one of the keys; none: each issue as a whole."""
    _change(subscriber, ConsentKind.CHOSEN, wording, source, choice=" ".join(sorted(set(keys))))


def come_back(subscriber: Subscriber, *, wording: str) -> bool:
    """Make somebody active who had left, or whose mail had come back; return whether that changed anything."""
    with transaction.atomic():
        changed = change_state(subscriber, only_from=LEFT, to=SubscriberState.ACTIVE)
        if changed:
            note(subscriber, ConsentKind.CONFIRMED, SOURCE, wording)
    return changed


def ask_for_link(address: str) -> None:
    """Let a mail with the link go to this address, if it is somebody's.

    The steps and their time are the same for every address; who has it, the task finds out.
    """
    with transaction.atomic():
        request = LinkRequest.objects.create(address=address)
        # Robust: if the broker is away, the next round of tasks.answer_forgotten_sign_ups does it.
        transaction.on_commit(lambda: tasks.answer_link_request.delay(request.pk), robust=True)


def ask_to_move(subscriber: Subscriber, address: str) -> None:
    """Ask the new address to confirm, once a day at most. Nothing changes until it does."""
    with transaction.atomic():
        known = AddressChange.objects.select_for_update().filter(subscriber=subscriber, former="").first()
        yesterday = timezone.now() - A_DAY
        if known and known.address == address and known.mailed_at and known.mailed_at > yesterday:
            return
        change, _ = AddressChange.objects.update_or_create(
            subscriber=subscriber,
            former="",  # Of one that is made, the old address has still to hear: that one stays.
            defaults={"address": address, "mailed_at": None, "created_at": timezone.now()},
        )
        transaction.on_commit(lambda: tasks.answer_address_change.delay(change.pk), robust=True)


def move(token: str, *, wording: str) -> Subscriber:
    """Change the address as the owner of the token's mailbox confirms; the old address is told.

    Somebody with the new address who never confirmed makes room. Raises BadToken or one of its kinds, and AlreadyKnown
    if the address belongs to another subscriber.
    """
    with transaction.atomic():
        change = read_address_change_token(token)
        subscriber, former = change.subscriber, change.subscriber.email
        Subscriber.objects.with_address(change.address).filter(state=SubscriberState.PENDING).delete()
        _take_address(subscriber, change.address)
        note(subscriber, ConsentKind.CHANGED_ADDRESS, "link in the mail to the new address", wording)
        if not AddressChange.objects.filter(pk=change.pk, former="").update(former=former):
            raise UsedToken
        transaction.on_commit(lambda: tasks.answer_address_change.delay(change.pk), robust=True)
    return subscriber


def _take_address(subscriber: Subscriber, address: str) -> None:
    try:
        with transaction.atomic():
            subscriber.email = address
            subscriber.save(update_fields=["email"])
    except IntegrityError as error:
        raise AlreadyKnown(
            "This address is in our list by itself, so there is nothing to move. You can unsubscribe the other one."
        ) from error


def _change(subscriber: Subscriber, kind: ConsentKind, wording: str, source: str = SOURCE, **fields: object) -> None:
    """Write the fields and the line in the history, unless they are so already or the address was erased meanwhile."""
    with transaction.atomic():
        current = Subscriber.objects.select_for_update().exclude(state=SubscriberState.ERASED).filter(pk=subscriber.pk)
        if all(getattr(each, name) == value for each in current for name, value in fields.items()):
            return
        for each in current:
            for name, value in fields.items():
                setattr(each, name, value)
                setattr(subscriber, name, value)
            each.save(update_fields=list(fields))
            note(each, kind, source, wording)
