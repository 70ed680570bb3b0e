"""Celery tasks. They carry the subscriber's number, never an address: a broker is no place for those."""

from celery import shared_task
from django.utils import timezone

from subscribers import erasure, mail, uploads
from subscribers.errors import MailServerUnavailable


@shared_task(
    autoretry_for=[MailServerUnavailable],
    retry_backoff=60,  # seconds, doubled each time
    retry_backoff_max=3600,  # seconds
    max_retries=6,
)
def answer_sign_up(subscriber_id: int) -> None:
    mail.answer_sign_up(subscriber_id)


@shared_task
def answer_forgotten_sign_ups() -> None:
    for subscriber_id in mail.unanswered(timezone.now()):
        answer_sign_up.delay(subscriber_id)


@shared_task
def forget_unconfirmed() -> None:
    erasure.forget_unconfirmed()


@shared_task(soft_time_limit=3000, time_limit=3300)  # seconds, below the broker's visibility timeout
def work_on_import(run_id: int) -> None:
    uploads.work(run_id)


@shared_task
def delete_old_imports() -> None:
    uploads.delete_old()
