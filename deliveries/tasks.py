"""Celery's way in. Every task may be lost or run twice: the database says what is to be done."""

import time

from celery import shared_task
from django.utils import timezone

from deliveries import queueing, sending

# Short, so that a worker that is asked to stop does so soon, and other mail gets its turn.
SECONDS_PER_TASK = 5.0


@shared_task
def send_batches(mailing_id: int) -> None:
    """Send for a few seconds, then let the next task go on."""
    until = time.monotonic() + SECONDS_PER_TASK
    while sending.send_batch(mailing_id):
        if time.monotonic() > until:
            send_batches.delay(mailing_id)
            return
    sending.finish()


@shared_task
def tick() -> None:
    """Once a minute: start what is due, pick up what was left behind, close what is done."""
    now = timezone.now()
    sending.expire_leases(now)
    queueing.skip_rest_of_cancelled()
    queueing.start_due(now)
    queueing.enqueue_stalled(now)
    sending.finish()
