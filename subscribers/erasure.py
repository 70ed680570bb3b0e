"""Forgetting people: at their wish, or because they never confirmed."""

from datetime import timedelta

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.utils import timezone

from subscribers.addresses import suppression_hashes
from subscribers.models import ConsentEvent, ConsentKind, Subscriber, SubscriberState

UNCONFIRMED_LIFETIME = timedelta(days=7)


def erase(subscriber: Subscriber, *, source: str) -> bool:
    """Forget the address; return whether there was one. What stays names nobody.

    The row holds the ledger of deliveries together; the consent history keeps times and the form's words, but not the
    notes that editors wrote; a keyed hash keeps editors from adding the address again.
    """
    with transaction.atomic():
        known = Subscriber.objects.filter(pk=subscriber.pk).exclude(state=SubscriberState.ERASED)
        erased = known.update(
            email="",
            state=SubscriberState.ERASED,
            suppression_hash=suppression_hashes(subscriber.email)[0],
            updated_at=timezone.now(),
        )
        if not erased:
            return False
        subscriber.refresh_from_db()
        subscriber.consent_events.filter(kind=ConsentKind.ADDED).update(wording="")
        ConsentEvent.objects.create(subscriber=subscriber, kind=ConsentKind.ERASED, source=source)
        in_admin = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(Subscriber))
        in_admin.filter(object_id=str(subscriber.pk)).update(object_repr=str(subscriber))
    return True


def forget_unconfirmed() -> int:
    """Delete who did not confirm within seven days of the last sign-up; return how many."""
    last_call = timezone.now() - UNCONFIRMED_LIFETIME
    _, deleted = Subscriber.objects.filter(state=SubscriberState.PENDING, updated_at__lt=last_call).delete()
    return deleted.get(Subscriber._meta.label, 0)
