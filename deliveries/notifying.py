"""Telling those who may send by mail that a mailing stopped by itself, or will not start, and why."""

from functools import partial

from django.contrib.auth.models import User
from django.db import transaction
from django.urls import reverse

from deliveries.ledger import ledger
from deliveries.models import Mailing, MailingState
from issues.addresses import absolute
from issues.notifying import MODEL_BACKEND, mail_each


def tell_after_commit(mailing_id: int) -> None:
    """Not worth an error: the mailing's page says the same."""
    from deliveries.tasks import tell_of_stop  # By way of others, that module imports this one.

    transaction.on_commit(partial(tell_of_stop.delay, mailing_id), robust=True)


def tell_of_stop(mailing: Mailing, only: list[int] | None = None) -> list[int]:
    """Mail those who may send, or of these the ones with these numbers; return the numbers of those to try again later.

    The mail server may be what stopped the mailing.
    """
    users = User.objects.with_perm("deliveries.send_mailing", backend=MODEL_BACKEND).filter(is_staff=True)
    if only is not None:
        users = users.filter(pk__in=only)
    counted = ledger(mailing)
    what = f"The mailing of issue {mailing.issue} has paused by itself"
    facts = f"It waits for somebody to resume or cancel it. Sent: {counted.sent:,}, remaining: {counted.remaining:,}."
    if mailing.state == MailingState.VOID:
        what, facts = (
            f"The approval of issue {mailing.issue} is void",
            "Nothing has left. See what changed, and approve again.",
        )
    elif mailing.is_held:
        what, facts = f"The mailing of issue {mailing.issue} has not started", "Nothing has left."
    address = absolute(reverse("admin:deliveries_mailing_change", args=[mailing.pk]))
    body = "\n\n".join([f"{what}.", mailing.pause_reason, facts, address]) + "\n"
    return [user.pk for user in mail_each(users.exclude(email=""), what, body)]
