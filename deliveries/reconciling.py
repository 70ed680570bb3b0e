"""Tidying up after processes that ended in the middle of their work, and closing what is done."""

import datetime

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Value
from django.db.models.functions import Concat
from django.utils import timezone

from audit.models import Action
from audit.recording import WORKER, record
from deliveries import journals
from deliveries.journals import Orphan, Outcome
from deliveries.models import Delivery, DeliveryState, Mailing, MailingState
from deliveries.sending import give_back, write_down


def settle_journals() -> None:
    """Bring the database up to what the journals of dead processes say, where they can be seen from here.

    What was under way becomes uncertain, what was not begun goes back into the queue. Cheap when there is nothing to do.
    """
    with journals.hold_orphans() as orphans:
        for orphan in orphans:
            _settle(orphan)


def _settle(orphan: Orphan) -> None:
    rows = Delivery.objects.filter(mailing=orphan.mailing_id).of_batch(orphan.name)
    doubt = Outcome(DeliveryState.UNCERTAIN, f"Worker {orphan.name} ended while it was handing this mail over.")
    write_down(rows, orphan.ended | dict.fromkeys(orphan.begun, doubt))
    rest = rows.exclude(pk__in=[*orphan.ended, *orphan.begun])
    if orphan.is_complete:
        give_back(orphan.mailing_id, rest)
    else:
        reason = f"The machine of worker {orphan.name} went down; this mail was claimed then, and perhaps sent."
        rest.update(state=DeliveryState.UNCERTAIN, reason=reason, lease_expires_at=None, finished_at=timezone.now())


def expire_leases(now: datetime.datetime) -> None:
    """Give up on claims of workers of which nothing can be seen from here: each of their mails may have been sent."""
    expired = Delivery.objects.claimed().filter(lease_expires_at__lt=now)
    expired.exclude(claimed_by__in=journals.held()).update(
        state=DeliveryState.UNCERTAIN,
        reason=Concat(Value("Worker "), F("claimed_by"), Value(" was not heard of again after it claimed this mail.")),
        lease_expires_at=None,
        finished_at=now,
    )


def finish() -> None:
    """Close the mailings of which nothing remains.

    They are looked at twice, the second time with their rows locked: somebody may have queued a delivery again.
    """
    remaining = Delivery.objects.remaining().filter(mailing=OuterRef("pk"))
    done = Mailing.objects.sending().filter(~Exists(remaining)).order_by("pk")
    with transaction.atomic():
        locked = list(done.select_for_update().values_list("pk", flat=True))
        finished = list(done.filter(pk__in=locked).select_related("issue").without_contents())
        Mailing.objects.filter(pk__in=[mailing.pk for mailing in finished]).update(
            state=MailingState.SENT, finished_at=timezone.now()
        )
        for mailing in finished:
            record(Action.FINISHED, mailing, by=WORKER)
