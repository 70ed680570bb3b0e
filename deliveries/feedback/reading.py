"""From the bounce mailbox to events: each mail is read once, acted on, and moved out of the way."""

import logging
import time
from dataclasses import dataclass

from django.conf import settings
from django.db import DatabaseError

from deliveries.errors import BadReport, MailboxUnavailable
from deliveries.feedback.mailboxes import Mailbox, open_mailbox
from deliveries.feedback.reports import LARGEST, report_in
from deliveries.feedback.taking import take

MOST_MAILS = 2000  # at once; the next round goes on
SECONDS = 120.0  # likewise
logger = logging.getLogger(__name__)


@dataclass
class Tally:
    taken: int = 0  # new events
    ignored: int = 0  # known already, or nothing that matters, such as a vacation note
    aside: int = 0  # not understood, or about no mail of ours


def read_bounces() -> Tally:
    """Read what is in BOUNCE_MAILBOX_URL, for two minutes at most.

    A mail that is not understood is put aside, and the log has its name and the reason. When the process dies in between,
    a mail is read again, and changes nothing the second time. Raises MailboxUnavailable.
    """
    if not settings.BOUNCE_MAILBOX:
        raise MailboxUnavailable("BOUNCE_MAILBOX_URL is not set. Set it to the mailbox that bounces come to.")
    tally = Tally()
    until = time.monotonic() + SECONDS
    with open_mailbox(settings.BOUNCE_MAILBOX) as mailbox:
        for name, content in mailbox.mails(MOST_MAILS, LARGEST):
            _read(mailbox, name, content, tally)
            if time.monotonic() > until:
                break
    return tally


def _read(mailbox: Mailbox, name: str, content: bytes, tally: Tally) -> None:
    try:
        report = report_in(content)
    except BadReport as error:
        logger.warning("The mail %s in the bounce mailbox is put aside: %s", name, error)
        tally.aside += 1
        mailbox.move(name, is_done=False)
        return
    except DatabaseError:
        raise
    except Exception:  # Strangers wrote it; whatever it breaks, the next one has to be read.
        logger.exception("The mail %s in the bounce mailbox is put aside: it can't be read.", name)
        tally.aside += 1
        mailbox.move(name, is_done=False)
        return
    if report is not None and take(report):
        tally.taken += 1
    else:
        tally.ignored += 1
    mailbox.move(name, is_done=True)
