"""Forgetting people: at their wish, or because they never confirmed."""

from datetime import timedelta

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.utils import timezone

from subscribers.addresses import suppression_hashes
from subscribers.models import AddressChange, ConsentEvent, ConsentKind, Subscriber, SubscriberState

UNCONFIRMED_LIFETIME = timedelta(days=7)
# Their words tell something about the person: an editor's note, or what they like to read and when.
PERSONAL = [ConsentKind.ADDED, ConsentKind.CHOSEN, ConsentKind.PAUSED]


def erase(subscriber: Subscriber, *, source: str) -> bool:
    """Forget the address; return whether there was one. What stays names nobody.

    The row holds the ledger of deliveries together; the consent history keeps times and the form's words, but not the
    notes that editors wrote; a keyed hash keeps editors from adding the address again.
    """
    with transaction.atomic():
        # Locked and read anew, as the address may have changed since `subscriber` was read.
        known = Subscriber.objects.select_for_update().filter(pk=subscriber.pk).exclude(state=SubscriberState.ERASED)
        address = known.values_list("email", flat=True).first()
        if address is None:
            return False
        Subscriber.objects.filter(pk=subscriber.pk).update(
            email="",
            state=SubscriberState.ERASED,
            paused_until=None,
            choice="",
            suppression_hash=suppression_hashes(address)[0],
            updated_at=timezone.now(),
        )
        subscriber.refresh_from_db()
        subscriber.consent_events.filter(kind__in=PERSONAL).update(wording="")
        AddressChange.objects.filter(subscriber=subscriber).delete()
        ConsentEvent.objects.create(subscriber=subscriber, kind=ConsentKind.ERASED, source=source)
        in_admin = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(Subscriber))
        in_admin.filter(object_id=str(subscriber.pk)).update(object_repr=str(subscriber))
    return True


def forget_unconfirmed() -> int:
    """Delete who did not confirm within seven days of the last sign-up; return how many.

    With them go the new addresses that nobody confirmed.
    """
    last_call = timezone.now() - UNCONFIRMED_LIFETIME
    AddressChange.objects.filter(former="", created_at__lt=last_call).delete()
    with transaction.atomic():
        # Locked, as Django deletes by the keys that it has read: nobody may sign up again between the two.
        late = Subscriber.objects.select_for_update().filter(state=SubscriberState.PENDING, updated_at__lt=last_call)
        Subscriber.objects.filter(pk__in=[subscriber.pk for subscriber in late]).delete()
    return len(late)
