"""Sending a mailing: batches are claimed in the database, mails handed over, outcomes written down in short intervals.

What happens between two intervals is in the batch's journal. So when a process is killed, one delivery at most is in
doubt for each of its connections: the one that was under way on it. See docs/sending.md.
"""

import datetime
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.urls import reverse
from django.utils import timezone

from deliveries import queueing
from deliveries.bounce_addresses import envelope_sender
from deliveries.claiming import Batch, claim
from deliveries.composing import Composer, sample_message
from deliveries.errors import (
    BadAddress,
    InDoubt,
    Lost,
    MailingError,
    Misconfigured,
    Refused,
    TransportError,
    Unavailable,
)
from deliveries.headers import ascii_address
from deliveries.journals import Journal, Outcome
from deliveries.mails import Mail, Transport
from deliveries.models import DeliveryQuerySet, DeliveryState, Mailing, MailingState
from deliveries.server_words import without_addresses
from deliveries.transports import open_transport, send_one
from subscribers.models import Subscriber

# A mail that can't be handed over is tried again after 1, 2, 4, … minutes and at most half a day, until the mailing's
# deadline; but so often in any case, for half an hour: some have their first attempt late, after a pause or in a long queue.
FEWEST_ATTEMPTS = 6
LONGEST_WAIT = datetime.timedelta(hours=12)
# When so many go wrong one after the other, it is the server's fault or ours, not the readers': the mailing pauses.
MOST_FAILURES = 5  # breakdowns, however many connections each broke
MOST_REFUSALS = 20
# A batch is what can be sent in about so long: a pause or an unsubscribe waits no longer for it.
SECONDS_PER_BATCH = 4.0
FIRST_BATCH = 200
SMALLEST_BATCH = 20
SECONDS_BETWEEN_SIGNS_OF_LIFE = 5.0
SENT = Outcome(DeliveryState.SENT)
composers: dict[tuple[object, ...], Composer] = {}


def send(mailing_id: int, seconds: float) -> bool:
    """Send what is due, for about so long. Returns whether there may be more to do at once.

    Many processes may do this at the same time.
    """
    until = time.monotonic() + seconds
    size = FIRST_BATCH
    with open_transport() as transport:
        while time.monotonic() < until:
            start = time.monotonic()
            done = send_batch(mailing_id, transport=transport, size=min(size, settings.SENDING_BATCH_SIZE))
            if not done:
                return False
            size = max(SMALLEST_BATCH, round(done * SECONDS_PER_BATCH / (time.monotonic() - start)))
    return True


def send_batch(mailing_id: int, *, transport: Transport | None = None, size: int | None = None) -> int:
    """Send the next deliveries that are due. Returns how many got an outcome; 0: there is nothing to do for now.

    An error, such as a lost connection to the database, leaves the journal behind; `settle_journals` does the rest.
    """
    if transport is None:
        with open_transport() as opened:
            return send_batch(mailing_id, transport=opened, size=size)
    with Journal(mailing_id) as journal:
        batch = claim(mailing_id, journal, size or settings.SENDING_BATCH_SIZE)
        done = Sending(batch).send(transport) if batch else 0
        journal.discard()
    return done


class Sending:
    """A batch on its way: hears from the transport what happens to each mail, and writes it down."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.attempts = {reader.delivery_id: reader.attempts + 1 for reader in batch.readers}  # of what has no outcome
        self.news: dict[int, Outcome] = {}  # that the database doesn't know yet
        self.is_stopped = False
        self.ends_at = time.monotonic() + settings.SENDING_LEASE_SECONDS / 2
        self.sign_at = time.monotonic() + SECONDS_BETWEEN_SIGNS_OF_LIFE
        self.failure: TransportError | None = None  # the latest since the latest success
        self.failures = self.refusals = 0  # in a row
        self.last_refusal: Refused | None = None
        self.has_success = False

    def send(self, transport: Transport) -> int:
        """Return how many got an outcome; 0 if the server can't be used."""
        is_usable = True
        try:
            with closing(transport.send(self.mails(), self)) as steps:
                for _ in steps:
                    self.record()
        except Unavailable as error:
            self.failure, is_usable = error, False
        self.record()
        self.give_back_rest()
        return (self.batch.skipped + len(self.batch.readers) - len(self.attempts)) * is_usable

    def mails(self) -> Iterator[Mail]:
        """Compose them one by one, until a pause, too many failures, or half the lease."""
        composer = composer_of(self.batch.mailing)
        for reader in self.batch.readers:
            if self.is_stopped or time.monotonic() > self.ends_at:
                return
            try:
                to = ascii_address(reader.email)
            except BadAddress as error:
                self.settle(reader.delivery_id, Outcome(DeliveryState.FAILED, str(error)))
                continue
            sender = envelope_sender(self.batch.mailing, reader.subscriber_id, otherwise=composer.sender)
            yield Mail(reader.delivery_id, sender, to, composer.message_for(reader.subscriber_id, to, reader.choice))

    # What the transport tells.

    def begin(self, mail: Mail) -> None:
        self.batch.journal.begin(mail.delivery_id)

    def end(self, mail: Mail, error: TransportError | None) -> None:
        if error is None:
            self.settle(mail.delivery_id, SENT)
            self.has_success, self.failure, self.failures, self.refusals = True, None, 0, 0
            return
        self.settle(
            mail.delivery_id, outcome_of(error, self.attempts[mail.delivery_id], self.batch.mailing.tried_until)
        )
        if isinstance(error, Refused):
            self.refusals, self.last_refusal = self.refusals + 1, error
        elif isinstance(error, Lost | InDoubt):
            self.failure = error
            self.failures += 1
        if self.refusals >= MOST_REFUSALS or self.failures >= settings.SENDING_CONNECTIONS:
            self.is_stopped = True

    def settle(self, delivery_id: int, outcome: Outcome) -> None:
        self.batch.journal.end(delivery_id, outcome)
        self.news[delivery_id] = outcome
        del self.attempts[delivery_id]

    # What the database gets.

    def record(self) -> None:
        """Write down what is new, and stop if the mailing was paused or cancelled meanwhile."""
        news, self.news = self.news, {}
        write_down(self.batch.rows, news)
        self.note_failures()
        sending = Mailing.objects.sending().filter(pk=self.batch.mailing.pk)
        if time.monotonic() > self.sign_at:
            self.sign_at = time.monotonic() + SECONDS_BETWEEN_SIGNS_OF_LIFE
            self.is_stopped |= not sending.update(claimed_at=timezone.now())
        else:
            self.is_stopped |= not sending.exists()

    def note_failures(self) -> None:
        """Count a breakdown for all workers, and pause the mailing when it was one too many."""
        mailing = self.batch.mailing
        if self.has_success and mailing.failures_in_a_row:
            mailing.failures_in_a_row = 0
            mailing.save(update_fields=["failures_in_a_row"])
        self.has_success = False
        if self.refusals >= MOST_REFUSALS:
            self.pause(f"The mail server refused {self.refusals} mails in a row. The last time: {self.last_refusal}")
        if self.failure:
            error, self.failure = self.failure, None
            Mailing.objects.filter(pk=mailing.pk).update(failures_in_a_row=F("failures_in_a_row") + 1)
            mailing.refresh_from_db(fields=["failures_in_a_row"])
            if isinstance(error, Misconfigured):
                self.pause(f"The mail server does not let us in: {error}")
            elif mailing.failures_in_a_row >= MOST_FAILURES:
                times = mailing.failures_in_a_row
                self.pause(f"The mail server could not be used {times} times in a row. The last time: {error}")

    def pause(self, reason: str) -> None:
        """The audit trail keeps the reason for ever."""
        with suppress(MailingError):  # Somebody else was faster.
            queueing.pause(self.batch.mailing, reason=without_addresses(reason))

    def give_back_rest(self) -> None:
        """Put what was claimed and not begun back into the queue; of a cancelled mailing, it is skipped there."""
        if self.attempts:
            give_back(self.batch.mailing.pk, self.batch.rows.among(self.attempts))


def composer_of(mailing: Mailing) -> Composer:
    """The same for all batches of a mailing in this process."""
    key = (mailing.pk, mailing.fingerprint, mailing.started_at)
    if key not in composers:
        composers.clear()
        composers[key] = Composer(mailing)
    return composers[key]


def outcome_of(error: TransportError, attempts: int, until: datetime.datetime) -> Outcome:
    """What becomes of a delivery after so many attempts, this one included, if it is tried `until` then."""
    words = without_addresses(str(error))
    if isinstance(error, Refused):
        return Outcome(DeliveryState.FAILED, words)
    if isinstance(error, InDoubt):
        return Outcome(DeliveryState.UNCERTAIN, f"The connection broke after the mail was complete: {words}")
    now = timezone.now()
    due_at = now + min(datetime.timedelta(minutes=2 ** (attempts - 1)), LONGEST_WAIT)
    if attempts >= FEWEST_ATTEMPTS:
        if now >= until:
            return Outcome(DeliveryState.FAILED, f"Given up after {attempts} attempts. The last answer: {words}")
        due_at = min(due_at, until)  # The last attempt.
    # Whole seconds, so that many of the same are written down by one statement.
    return Outcome(DeliveryState.QUEUED, words, due_at=due_at.replace(microsecond=0))


def write_down(rows: DeliveryQuerySet, outcomes: Mapping[int, Outcome]) -> None:
    """Write outcomes into their rows, one statement for each different one; skip rows that are no longer of the batch."""
    ids: dict[Outcome, list[int]] = defaultdict(list)
    for delivery_id, outcome in outcomes.items():
        ids[outcome].append(delivery_id)
    with transaction.atomic():
        for outcome, delivery_ids in ids.items():
            rows.among(delivery_ids).update(**_columns(outcome), attempts=F("attempts") + 1)


def _columns(outcome: Outcome) -> dict[str, Any]:
    columns = {"state": outcome.state, "reason": outcome.reason, "lease_expires_at": None}
    if outcome.state == DeliveryState.QUEUED:
        return columns | {"due_at": outcome.due_at, "claimed_by": "", "finished_at": None}
    return columns | {"finished_at": timezone.now()}


def give_back(mailing_id: int, rows: DeliveryQuerySet) -> None:
    """Put deliveries back into the queue; a mailing that looked finished meanwhile goes on."""
    with transaction.atomic():
        Mailing.objects.filter(pk=mailing_id, state=MailingState.SENT).update(
            state=MailingState.SENDING, finished_at=None
        )
        rows.release()
        queueing.skip_rest_of_cancelled(mailing_id)


def send_sample(mailing: Mailing, to: str, *, reader: Subscriber | None = None) -> None:
    """Send one person, an editor, what readers will get, or what this one will. Raises BadAddress or TransportError."""
    header_to, choice = (reader.email, reader.choice) if reader else (to, "")
    content = sample_message(mailing, to=header_to, choice=choice, link=sample_unsubscribe_url())
    with open_transport() as transport:
        send_one(transport, Mail(0, ascii_address(mailing.from_email), ascii_address(to), content))


def sample_unsubscribe_url() -> str:
    """Stands in tests and previews where readers have their own link; whoever follows it reads that nothing happens."""
    return settings.SITE_URL + reverse("deliveries:sample_unsubscribe")
