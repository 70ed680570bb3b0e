"""Celery tasks."""

from celery import shared_task
from django.core.management import call_command


@shared_task
def forget_ended_sessions() -> None:
    """Django leaves the rows of sessions that have run out to a command."""
    call_command("clearsessions")
