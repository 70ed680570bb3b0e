"""Celery's way in. Every task may be lost or run twice: the database says what is to be done."""

import logging
from typing import Any

from celery import shared_task
from django.db import OperationalError
from django.utils import timezone

from deliveries import approvals, notifying, queueing, reconciling, sending
from deliveries.errors import MailboxUnavailable
from deliveries.feedback import reading, refusals, taking
from deliveries.models import Mailing, MailingState

# Short, so that a worker that is asked to stop does so soon, and other mail gets its turn.
SECONDS_PER_TASK = 5.0
WAITS_TO_TELL = (300, 600, 1200)  # seconds, below the broker's visibility timeout
logger = logging.getLogger(__name__)


@shared_task(autoretry_for=(OperationalError,), retry_backoff=5, max_retries=5)  # seconds
def send_batches(mailing_id: int) -> None:
    """Send for a few seconds, then let the next task go on."""
    reconciling.settle_journals()
    if sending.send(mailing_id, seconds=SECONDS_PER_TASK):
        send_batches.delay(mailing_id)
    else:
        reconciling.finish()


@shared_task
def tick() -> None:
    """Once a minute: start what is due, pick up what was left behind, close what is done, void what changed."""
    now = timezone.now()
    reconciling.settle_journals()
    reconciling.expire_leases(now)
    queueing.skip_rest_of_cancelled()
    queueing.start_due(now)
    queueing.enqueue_stalled(now)
    reconciling.finish()
    taking.settle_recent(now)
    approvals.void_changed()


@shared_task(bind=True)
def tell_of_stop(self: Any, mailing_id: int, users: list[int] | None = None) -> None:
    """Unless it goes on meanwhile. Who could not be told is tried again after 5, 10 and 20 minutes."""
    stopped = Mailing.objects.filter(state__in=[MailingState.PAUSED, MailingState.VOID])
    mailing = stopped.filter(pk=mailing_id).select_related("issue").first()
    if mailing is None:
        return
    later = notifying.tell_of_stop(mailing, users)
    if later:
        logger.warning("%d could not be told that mailing %d has stopped.", len(later), mailing_id)
        if self.request.retries < len(WAITS_TO_TELL):
            self.retry(args=[mailing_id, later], countdown=WAITS_TO_TELL[self.request.retries])


@shared_task
def take_refusals() -> None:
    refusals.take_refusals()


@shared_task
def read_bounces() -> None:
    """Every five minutes, where there is a bounce mailbox."""
    try:
        reading.read_bounces()
    except MailboxUnavailable as error:
        logger.error("%s", error)
