"""Test mails: what readers would get, to an address that an editor types in."""

import datetime

from django.contrib.auth.models import User
from django.utils import timezone

from audit.models import Action
from audit.recording import record
from deliveries import sending
from deliveries.claiming import Reader
from deliveries.errors import MailingError
from deliveries.models import Mailing, TestMail
from subscribers.models import Subscriber

MOST_AN_HOUR = 30  # by one person: a test goes to any address, so that it must not become a way to flood one


def send_test(mailing: Mailing, to: str, *, by: User, reader: Subscriber | None = None) -> TestMail:
    """Send what readers will get, and keep the fingerprint of what was tested. The mailing need not be saved.

    With a reader the mail is theirs, but for their own links, which are nobody's. Raises MailingError if they would get
    none or there were too many tests, BadAddress, TransportError.
    """
    since = timezone.now() - datetime.timedelta(hours=1)
    if TestMail.objects.filter(sent_by=by, sent_at__gt=since).count() >= MOST_AN_HOUR:
        raise MailingError(f"You have sent {MOST_AN_HOUR} tests within an hour. Wait a while before the next one.")
    if reader:
        require_that_it_is_for(reader, mailing)
    sending.send_sample(mailing, to, reader=reader)
    record(Action.TESTED, mailing.issue, by=by, note=f"Fingerprint {mailing.fingerprint}")
    return TestMail.objects.create(issue=mailing.issue, fingerprint=mailing.fingerprint, to=to, sent_by=by)


def require_that_it_is_for(reader: Subscriber, mailing: Mailing) -> None:
    """Raise MailingError if this reader would not get the mailing today."""
    as_claimed = Reader(0, 0, reader.pk, reader.email, reader.state, reader.paused_until, reader.choice)
    if reason := as_claimed.why_not(mailing, timezone.now().date()):
        raise MailingError(f"{reader.email} would not get this mailing: {reason}")
