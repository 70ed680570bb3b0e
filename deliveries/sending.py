"""Sending a mailing: a batch is claimed in the database, each mail handed over, each outcome written down.

Before the talk about a mail begins, that is committed, together with the outcome of the mail before: one commit a mail.
So when a process is killed, one delivery at most is in doubt for each process that was sending: the one whose talk had
begun. It becomes uncertain when its lease runs out; the others of its batch go back into the queue.
"""

import datetime
import os
import secrets
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Value
from django.db.models.functions import Concat
from django.urls import reverse
from django.utils import timezone

from deliveries import queueing
from deliveries.composing import FrozenMessage, freeze_message, message_for, sample_message
from deliveries.errors import (
    BadAddress,
    Deferred,
    InDoubt,
    Lost,
    MailingError,
    Misconfigured,
    Refused,
    TransportError,
    Unavailable,
)
from deliveries.headers import ascii_address
from deliveries.models import Delivery, DeliveryQuerySet, DeliveryState, Mailing, MailingState
from deliveries.transports import Transport, open_transport
from subscribers.models import SubscriberState

# After 1, 2, 4, … minutes and at most half a day: the last attempt comes four days after the first.
MOST_ATTEMPTS = 18
LONGEST_WAIT = datetime.timedelta(hours=12)
# When so many go wrong one after the other, it is the server's fault or ours, not the readers': the mailing pauses.
MOST_FAILURES = 5
MOST_REFUSALS = 20


@dataclass(frozen=True)
class Outcome:
    state: DeliveryState
    reason: str = ""
    due_at: datetime.datetime | None = None


@dataclass
class Batch:
    """What one process has claimed, under a name that no other batch has."""

    mailing: Mailing
    name: str
    deliveries: list[Delivery]
    skipped: int
    ends_at: float  # on the monotonic clock: well before the lease runs out
    refusals: int = 0  # in a row

    @property
    def rows(self) -> DeliveryQuerySet:
        return Delivery.objects.filter(mailing=self.mailing, claimed_by=self.name)


def send_batch(mailing_id: int) -> int:
    """Send the next deliveries that are due. Return how many were dealt with; 0: there is nothing to do for now.

    Many processes may do this at once. What was claimed and could not be begun goes back into the queue.
    """
    batch = claim(mailing_id)
    if batch is None:
        return 0
    if not batch.deliveries:
        return batch.skipped
    try:
        with open_transport() as transport:
            return batch.skipped + send_claimed(batch, transport)
    except Unavailable as error:
        batch.rows.release()  # Also the one that was begun: nothing of it has left.
        note_failure(batch, error)
        return 0
    finally:
        batch.rows.not_begun().release()


def claim(mailing_id: int) -> Batch | None:
    """Take the next deliveries that are due, if the mailing is still being sent; skip who may not be written to now.

    Touching the mailing first makes claims wait for a pause or cancellation under way, and these for a claim.
    """
    now = timezone.now()
    name = f"{socket.gethostname()[:40]}/{os.getpid()}/{secrets.token_hex(8)}"
    with transaction.atomic():
        if not Mailing.objects.sending().filter(pk=mailing_id).update(claimed_at=now):
            return None
        mailing = Mailing.objects.select_related("issue").get(pk=mailing_id)
        due = Delivery.objects.filter(mailing=mailing).due(now).select_related("subscriber").order_by()
        found = list(due.select_for_update(skip_locked=True, of=("self",))[: settings.SENDING_BATCH_SIZE])
        if not found:
            return None
        deliveries = [each for each in found if each.subscriber.state == SubscriberState.ACTIVE]
        Delivery.objects.filter(pk__in=[each.pk for each in deliveries]).update(
            state=DeliveryState.CLAIMED, claimed_by=name, lease_expires_at=lease_end(now)
        )
        skipped = skip_inactive([each for each in found if each.subscriber.state != SubscriberState.ACTIVE], now)
    return Batch(mailing, name, deliveries, skipped, time.monotonic() + settings.SENDING_LEASE_SECONDS / 2)


def lease_end(now: datetime.datetime) -> datetime.datetime:
    return now + datetime.timedelta(seconds=settings.SENDING_LEASE_SECONDS)


def skip_inactive(deliveries: list[Delivery], now: datetime.datetime) -> int:
    for each in deliveries:
        each.state, each.finished_at = DeliveryState.SKIPPED, now
        each.reason = f"The subscriber is {each.subscriber.get_state_display().lower()}."
    return Delivery.objects.bulk_update(deliveries, ["state", "reason", "finished_at"])


def send_claimed(batch: Batch, transport: Transport) -> int:
    """Hand over the batch's mails, one after the other. Return how many got an outcome. Raises Unavailable."""
    frozen = freeze_message(batch.mailing)
    count = 0
    pending: tuple[Delivery, Outcome] | None = None  # known, and written down together with the next beginning
    for delivery in batch.deliveries:
        if time.monotonic() > batch.ends_at:
            break
        with transaction.atomic():
            if pending:
                record(batch, *pending)
            is_ours = begin(batch, delivery)
        pending = (delivery, hand_over(batch, delivery, frozen, transport)) if is_ours else None
        count += is_ours
    if pending:
        record(batch, *pending)
    return count


def begin(batch: Batch, delivery: Delivery) -> bool:
    """Note that the talk begins; false if the delivery was taken back by a pause, a cancellation or a lost lease."""
    now = timezone.now()
    ours = batch.rows.claimed().not_begun().filter(pk=delivery.pk)
    delivery.attempts += 1
    return bool(
        ours.update(handover_started_at=now, lease_expires_at=lease_end(now), attempts=F("attempts") + 1, reason="")
    )


def hand_over(batch: Batch, delivery: Delivery, frozen: FrozenMessage, transport: Transport) -> Outcome:
    """Talk with the mail server, and tell what came of it. Raises Unavailable."""
    subscriber, mailing = delivery.subscriber, batch.mailing
    try:
        content = message_for(frozen, mailing, subscriber)
        transport.send(ascii_address(mailing.from_email), ascii_address(subscriber.email), content)
    except BadAddress as error:
        return Outcome(DeliveryState.FAILED, str(error))
    except Refused as error:
        note_refusal(batch, error)
        return Outcome(DeliveryState.FAILED, str(error))
    except Deferred as error:
        return later(delivery, error)
    except Lost as error:
        note_failure(batch, error)
        return later(delivery, error)
    except InDoubt as error:
        note_failure(batch, error)
        return Outcome(DeliveryState.UNCERTAIN, f"The connection broke after the mail was complete: {error}")
    note_success(batch)
    return Outcome(DeliveryState.SENT)


def later(delivery: Delivery, error: TransportError) -> Outcome:
    if delivery.attempts >= MOST_ATTEMPTS:
        return Outcome(DeliveryState.FAILED, f"Given up after {delivery.attempts} attempts. The last answer: {error}")
    wait = min(datetime.timedelta(minutes=2 ** (delivery.attempts - 1)), LONGEST_WAIT)
    return Outcome(DeliveryState.QUEUED, str(error), due_at=timezone.now() + wait)


def record(batch: Batch, delivery: Delivery, outcome: Outcome) -> None:
    """Write an outcome down, unless somebody decided otherwise; that a lease ran out meanwhile is no decision."""
    fields: dict[str, Any] = {
        "state": outcome.state,
        "reason": outcome.reason,
        "due_at": outcome.due_at,
        "lease_expires_at": None,
        "finished_at": timezone.now(),
    }
    if outcome.state == DeliveryState.QUEUED:
        fields |= {"finished_at": None, "claimed_by": "", "handover_started_at": None}
    open_states = [DeliveryState.CLAIMED, DeliveryState.UNCERTAIN]
    batch.rows.filter(pk=delivery.pk, state__in=open_states).update(**fields)


def note_success(batch: Batch) -> None:
    batch.refusals = 0
    if batch.mailing.failures_in_a_row:
        batch.mailing.failures_in_a_row = 0
        batch.mailing.save(update_fields=["failures_in_a_row"])


def note_failure(batch: Batch, error: TransportError) -> None:
    """Count it for all workers, and pause the mailing when it was one too many."""
    mailing = Mailing.objects.filter(pk=batch.mailing.pk)
    mailing.update(failures_in_a_row=F("failures_in_a_row") + 1)
    batch.mailing.refresh_from_db(fields=["failures_in_a_row"])
    failures = batch.mailing.failures_in_a_row
    if isinstance(error, Misconfigured):
        pause(batch, f"The mail server does not let us in: {error}")
    elif failures >= MOST_FAILURES:
        pause(batch, f"The mail server could not be used {failures} times in a row. The last time: {error}")


def note_refusal(batch: Batch, error: Refused) -> None:
    batch.refusals += 1
    if batch.refusals >= MOST_REFUSALS:
        pause(batch, f"The mail server refused {batch.refusals} mails in a row. The last time: {error}")


def pause(batch: Batch, reason: str) -> None:
    with suppress(MailingError):  # Somebody else was faster.
        queueing.pause(batch.mailing, reason=reason)


def send_sample(mailing: Mailing, to: str) -> None:
    """Send one person, an editor, what readers will get. Raises BadAddress or TransportError."""
    content = sample_message(mailing, to=to, unsubscribe_url=sample_unsubscribe_url())
    with open_transport() as transport:
        transport.send(ascii_address(mailing.from_email), ascii_address(to), content)


def sample_unsubscribe_url() -> str:
    """Stands in tests and previews where readers have their own link; whoever follows it reads that nothing happens."""
    return settings.SITE_URL + reverse("deliveries:sample_unsubscribe")


def expire_leases(now: datetime.datetime) -> None:
    """Take back what workers left behind that were killed: into the queue if its talk had not begun, else uncertain."""
    expired = Delivery.objects.claimed().filter(lease_expires_at__lt=now)
    expired.not_begun().release()
    expired.update(
        state=DeliveryState.UNCERTAIN,
        reason=Concat(Value("Worker "), F("claimed_by"), Value(" ended while it was handing this mail over.")),
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
        done.filter(pk__in=locked).update(state=MailingState.SENT, finished_at=timezone.now())
