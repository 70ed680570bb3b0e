"""A subscriber's state, and the consent history in which each change of it is a line."""

from collections.abc import Sequence

from django.utils import timezone

from subscribers.models import ConsentEvent, ConsentKind, Subscriber, SubscriberState


def change_state(subscriber: Subscriber, *, only_from: Sequence[str], to: SubscriberState) -> bool:
    """Return whether it changed: one conditional update, so that of two at once only one does."""
    rows = Subscriber.objects.filter(pk=subscriber.pk, state__in=only_from)
    if not rows.update(state=to, updated_at=timezone.now()):
        return False
    subscriber.state = to
    return True


def note(subscriber: Subscriber, kind: ConsentKind, source: str, wording: str = "") -> None:
    """Write a line; `wording` is what the person was shown. In the transaction of what it tells about."""
    ConsentEvent.objects.create(subscriber=subscriber, kind=kind, source=source, wording=wording)
