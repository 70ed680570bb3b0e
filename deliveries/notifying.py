"""Telling those who may send by mail that a mailing stopped by itself, and why."""

from django.contrib.auth.models import User
from django.urls import reverse

from deliveries.ledger import ledger
from deliveries.models import Mailing
from issues.addresses import absolute
from issues.notifying import MODEL_BACKEND, mail_each


def tell_of_pause(mailing: Mailing) -> int:
    """Return how many mails left. Raises OSError if the mail server can't be reached: it may be what stopped the mailing."""
    users = User.objects.with_perm("deliveries.send_mailing", backend=MODEL_BACKEND)
    counted = ledger(mailing)
    what = f"The mailing of issue {mailing.issue} has paused by itself"
    facts = f"It waits for somebody to resume or cancel it. Sent: {counted.sent:,}, remaining: {counted.remaining:,}."
    if mailing.is_held:
        what, facts = f"The mailing of issue {mailing.issue} has not started", "Nothing has left."
    address = absolute(reverse("admin:deliveries_mailing_change", args=[mailing.pk]))
    body = "\n\n".join([f"{what}.", mailing.pause_reason, facts, address]) + "\n"
    return mail_each(users.filter(is_staff=True).exclude(email=""), what, body)
