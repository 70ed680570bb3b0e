"""Celery tasks. They carry the subscriber's number, never an address: a broker is no place for those."""

from celery import shared_task
from django.utils import timezone

from subscribers import erasure, mail, preference_mail, uploads
from transactional.sending import MailServerUnavailable

AGAIN = {
    "autoretry_for": [MailServerUnavailable],
    "retry_backoff": 60,  # seconds, doubled each time
    "retry_backoff_max": 3600,  # seconds
    "max_retries": 6,
}


@shared_task(**AGAIN)
def answer_sign_up(subscriber_id: int) -> None:
    mail.answer_sign_up(subscriber_id)


@shared_task(**AGAIN)
def answer_link_request(request_id: int) -> None:
    preference_mail.answer_link_request(request_id)


@shared_task(**AGAIN)
def answer_address_change(change_id: int) -> None:
    preference_mail.answer_address_change(change_id)


@shared_task
def answer_forgotten_sign_ups() -> None:
    """Ask again for the mails whose own tasks were lost: to new readers, with a link, or about a change of address."""
    now = timezone.now()
    for subscriber_id in mail.unanswered(now):
        answer_sign_up.delay(subscriber_id)
    requests, changes = preference_mail.forgotten(now)
    for request_id in requests:
        answer_link_request.delay(request_id)
    for change_id in changes:
        answer_address_change.delay(change_id)


@shared_task
def forget_unconfirmed() -> None:
    erasure.forget_unconfirmed()


@shared_task(soft_time_limit=3000, time_limit=3300)  # seconds, below the broker's visibility timeout
def work_on_import(run_id: int) -> None:
    uploads.work(run_id)


@shared_task
def delete_old_imports() -> None:
    uploads.delete_old()
