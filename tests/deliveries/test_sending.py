import re
import sys
from contextlib import contextmanager
from datetime import timedelta
from email import message_from_bytes
from email.policy import default

import pytest
import time_machine
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.models import Action, Entry
from deliveries import claiming, freezing, journals, maildir, queueing, reconciling, sending, transports
from deliveries.errors import Deferred, InDoubt, Refused
from deliveries.ledger import ledger
from deliveries.models import Delivery, DeliveryState, Mailing, MailingState
from deliveries.tasks import send_batches, tick
from issues.models import Issue
from subscribers.models import Subscriber, SubscriberState
from tests.deliveries.conftest import HANG_UP, send_all, use_smtp

pytestmark = pytest.mark.django_db


def only(mailing):
    return mailing.deliveries.get()


def messages(server):
    return [message_from_bytes(envelope.original_content, policy=default) for envelope in server.envelopes]


def test_two_hundred_readers_get_one_mail_each(make_mailing, smtp_server):
    mailing = make_mailing(readers=200)
    counted = send_all(mailing)

    assert (counted.candidates, counted.sent, counted.remaining) == (200, 200, 0)
    assert mailing.state == MailingState.SENT
    addresses = set(Subscriber.objects.values_list("email", flat=True))
    assert len(smtp_server.recipients) == 200
    assert set(smtp_server.recipients) == addresses
    received = messages(smtp_server)
    assert len({message["List-Unsubscribe"] for message in received}) == 200
    assert len({message["Message-ID"] for message in received}) == 200
    assert len({message["Date"] for message in received}) == 1


def test_each_mail_holds_its_readers_link_and_nobody_elses(make_mailing, smtp_server):
    send_all(make_mailing(readers=20))
    links = {envelope.rcpt_tos[0]: link_of(envelope) for envelope in smtp_server.envelopes}
    assert len(links) == 20
    for envelope, message in zip(smtp_server.envelopes, messages(smtp_server), strict=True):
        (reader,) = envelope.rcpt_tos
        assert message["To"] == reader
        for part in message.iter_parts():
            content = part.get_content()
            assert [other for other, link in links.items() if link in content] == [reader]
            assert [other for other in links if other in content] == []


def link_of(envelope):
    return re.search(rb"List-Unsubscribe: <(.+?)>", envelope.original_content)[1].decode()


def test_lines_are_short_and_end_as_smtp_asks(make_mailing, smtp_server):
    send_all(make_mailing())
    content = smtp_server.envelopes[0].original_content
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n|\x00", content)
    assert max(len(line) for line in content.split(b"\r\n\r\n", 1)[1].split(b"\r\n")) <= 76


def test_a_line_that_starts_with_a_dot_arrives_as_it_was(make_mailing, smtp_server):
    mailing = make_mailing()
    text = f".\n..two\nend.\n.\n{mailing.text}"
    Mailing.objects.update(text=text)
    send_all(mailing)
    (message,) = messages(smtp_server)
    assert message.get_body(("plain",)).get_content().splitlines()[:4] == [".", "..two", "end.", "."]
    assert not re.search(rb"^\.", smtp_server.envelopes[0].original_content, re.MULTILINE)


def test_domains_outside_ascii_are_written_in_a_labels(make_mailing, smtp_server, publication, make_subscriber):
    publication.from_email = "digest@bücher.example"
    publication.save()
    make_subscriber("ada@bücher.example")
    make_subscriber("å@example.org")
    counted = send_all(make_mailing())
    assert (counted.sent, counted.failed) == (2, 1)
    assert "ada@xn--bcher-kva.example" in smtp_server.recipients
    assert {envelope.mail_from for envelope in smtp_server.envelopes} == {"digest@xn--bcher-kva.example"}


def test_who_unsubscribes_after_queueing_is_skipped(make_mailing, smtp_server):
    mailing = make_mailing(readers=3)
    leaver = Subscriber.objects.first()
    leaver.state = SubscriberState.UNSUBSCRIBED
    leaver.save()
    counted = send_all(mailing)
    assert (counted.sent, counted.skipped) == (2, 1)
    assert leaver.email not in smtp_server.recipients
    assert mailing.deliveries.get(subscriber=leaver).reason == "The subscriber is unsubscribed."


def test_a_refused_reader_fails_with_the_servers_words_and_stops_nobody(make_mailing, smtp_server):
    mailing = make_mailing(readers=4)
    first, second = Subscriber.objects.values_list("email", flat=True)[:2]
    smtp_server.answers[first] = [f"550 5.1.1 <{first}> No such user"]
    smtp_server.final[second] = ["554 5.6.0 Not this mail"]
    counted = send_all(mailing)
    assert (counted.sent, counted.failed) == (2, 2)
    reasons = {each.subscriber.email: each.reason for each in mailing.deliveries.filter(state="failed")}
    assert reasons == {first: "550 5.1.1 (address) No such user", second: "554 5.6.0 Not this mail"}
    assert mailing.state == MailingState.SENT


def test_a_temporary_refusal_is_tried_again_later_with_the_same_message(make_mailing, smtp_server):
    mailing = make_mailing()
    reader = Subscriber.objects.get().email
    smtp_server.final[reader] = ["451 4.3.0 Later", "250 OK"]
    seen = []

    async def keep(server, session, envelope, method=smtp_server.handle_DATA):
        seen.append(envelope.original_content)
        return await method(server, session, envelope)

    smtp_server.handle_DATA = keep
    assert send_all(mailing).remaining == 1
    delivery = only(mailing)
    assert (delivery.state, delivery.reason) == (DeliveryState.QUEUED, "451 4.3.0 Later")
    assert delivery.due_at > timezone.now() + timedelta(seconds=50)

    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        assert send_all(mailing).sent == 1
    assert seen[0] == seen[1]
    assert only(mailing).reason == ""


def attempts_until_the_end(mailing, clock):
    """Send whenever something is due; give the waits between the attempts."""
    waits = []
    while sending.send_batch(mailing.pk) and (delivery := only(mailing)).state == DeliveryState.QUEUED:
        waits.append(delivery.due_at - timezone.now())
        clock.move_to(delivery.due_at)
    return waits


def test_waiting_grows_and_ends_at_the_deadline(make_mailing, smtp_server, settings):
    settings.SENDING_DEADLINE_HOURS = 120
    mailing = make_mailing()
    smtp_server.answers[Subscriber.objects.get().email] = ["450 4.2.0 Greylisted"]
    with time_machine.travel(timezone.now(), tick=False) as clock:
        waits = attempts_until_the_end(mailing, clock)
        assert timezone.now() == mailing.tried_until
    assert waits[:-1] == sorted(waits[:-1])
    assert timedelta(minutes=30) < max(waits) <= timedelta(hours=12)
    assert timedelta(hours=119) < sum(waits, timedelta()) <= timedelta(hours=120)
    delivery = only(mailing)
    assert delivery.state == DeliveryState.FAILED
    assert delivery.reason == f"Given up after {len(waits) + 1} attempts. The last answer: 450 4.2.0 Greylisted"


def test_a_pause_beyond_the_deadline_loses_nobody(make_mailing, smtp_server):
    mailing = make_mailing(readers=3)
    late = Subscriber.objects.first().email
    smtp_server.answers[late] = ["450 4.2.0 Greylisted", "450 4.2.0 Greylisted", "250 OK"]
    queueing.pause(mailing)
    with time_machine.travel(mailing.tried_until + timedelta(days=3), tick=False) as clock:
        tick()
        assert ledger(mailing).remaining == 3
        queueing.resume(mailing)
        send_all(mailing)
        assert (ledger(mailing).sent, ledger(mailing).put_off) == (2, 1)
        for _ in range(2):
            clock.shift(timedelta(minutes=10))
            send_all(mailing)
    assert ledger(mailing).sent == 3


def test_what_is_still_put_off_half_an_hour_after_a_long_pause_has_failed(make_mailing, smtp_server):
    mailing = make_mailing()
    smtp_server.answers[Subscriber.objects.get().email] = ["450 4.2.0 Greylisted"]
    queueing.pause(mailing)
    with time_machine.travel(mailing.tried_until + timedelta(days=3), tick=False) as clock:
        queueing.resume(mailing)
        waits = attempts_until_the_end(mailing, clock)
    assert timedelta(minutes=25) < sum(waits, timedelta()) < timedelta(minutes=35)
    assert only(mailing).state == DeliveryState.FAILED


def test_a_connection_lost_after_the_final_dot_leaves_a_doubt_that_is_never_resent_by_itself(make_mailing, smtp_server):
    mailing = make_mailing(readers=3)
    doubtful = Subscriber.objects.first().email
    smtp_server.final[doubtful] = [HANG_UP]
    counted = send_all(mailing)
    assert (counted.sent, counted.uncertain) == (2, 1)
    with time_machine.travel(timezone.now() + timedelta(days=10)):
        tick()
        send_all(mailing)
    assert smtp_server.recipients.count(doubtful) == 1


def test_a_connection_lost_before_the_message_is_no_doubt(make_mailing, smtp_server):
    mailing = make_mailing(readers=3)
    smtp_server.answers[Subscriber.objects.first().email] = [HANG_UP, "250 OK"]
    counted = send_all(mailing)
    assert (counted.sent, counted.uncertain, counted.remaining) == (2, 0, 1)
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        assert send_all(mailing).sent == 3
    assert sorted(smtp_server.recipients) == sorted(Subscriber.objects.values_list("email", flat=True))


def test_a_server_that_hangs_up_after_every_few_mails_is_called_again(make_mailing, smtp_server):
    smtp_server.mails_per_connection = 3
    counted = send_all(make_mailing(readers=10))
    assert (counted.sent, counted.remaining) == (10, 0)


def test_a_server_that_is_down_pauses_the_mailing_and_costs_nobody_an_attempt(make_mailing, settings):
    use_smtp(settings, 9)  # the discard port: nobody listens
    mailing = make_mailing(readers=2)
    for _ in range(sending.MOST_FAILURES):
        mailing.refresh_from_db()
        assert mailing.state == MailingState.SENDING
        assert sending.send_batch(mailing.pk) == 0
    mailing.refresh_from_db()
    assert mailing.state == MailingState.PAUSED
    assert "could not be used 5 times in a row. The last time: 127.0.0.1:9: Connection refused" in mailing.pause_reason
    assert set(mailing.deliveries.values_list("state", "attempts", "claimed_by")) == {("queued", 0, "")}
    assert ledger(mailing).remaining == 2


def test_a_sender_that_the_server_turns_away_pauses_at_once(make_mailing, smtp_server):
    smtp_server.sender_answer = "530 5.7.0 Authentication required"
    mailing = make_mailing(readers=2)
    assert send_all(mailing).remaining == 2
    assert mailing.state == MailingState.PAUSED
    assert "530 5.7.0 Authentication required" in mailing.pause_reason


def test_a_server_that_refuses_everybody_pauses_the_mailing(make_mailing, smtp_server, settings):
    mailing = make_mailing(readers=sending.MOST_REFUSALS + 15)
    for email in Subscriber.objects.values_list("email", flat=True):
        smtp_server.answers[email] = [f"554 5.7.1 <{email}>: Relay access denied"]
    counted = send_all(mailing)
    under_way = settings.SENDING_CONNECTIONS - 1  # when the last of them came
    assert sending.MOST_REFUSALS <= counted.failed <= sending.MOST_REFUSALS + under_way
    assert counted.failed + counted.remaining == counted.candidates
    assert mailing.state == MailingState.PAUSED
    assert "554 5.7.1 (address): Relay access denied" in mailing.pause_reason
    assert Entry.objects.get(action="paused").note == mailing.pause_reason, "kept for ever, so without addresses"


def test_a_pause_takes_effect_before_the_next_mail(make_mailing, outbox):
    mailing = make_mailing(readers=5)
    outbox.steps[2] = lambda: queueing.pause(mailing)
    counted = send_all(mailing)
    assert (counted.sent, counted.remaining) == (2, 3)
    assert not mailing.deliveries.claimed().exists()
    queueing.resume(mailing)
    assert send_all(mailing).sent == 5
    assert len(outbox.recipients) == len(set(outbox.recipients)) == 5


def test_a_cancellation_skips_the_rest_before_the_next_mail(make_mailing, outbox):
    mailing = make_mailing(readers=5)
    outbox.steps[2] = lambda: queueing.cancel(mailing)
    counted = send_all(mailing)
    assert (counted.sent, counted.skipped, counted.remaining) == (2, 3, 0)
    reasons = mailing.deliveries.filter(state="skipped").values_list("reason", flat=True)
    assert set(reasons) == {"The mailing was cancelled."}


def test_what_comes_back_after_a_cancellation_is_skipped_by_the_next_tick(make_mailing, outbox):
    mailing = make_mailing()
    outbox.steps[1] = lambda: queueing.cancel(mailing)
    outbox.errors[1] = Deferred("451 Later")
    assert send_all(mailing).remaining == 1
    tick()
    assert ledger(mailing).skipped == 1


def test_the_ledger_adds_up_while_a_mail_is_on_its_way(make_mailing, outbox):
    mailing = make_mailing(readers=4)
    seen = []
    for number in range(1, 5):
        outbox.steps[number] = lambda: seen.append(ledger(mailing))
    send_all(mailing)
    assert [(each.sent, each.remaining) for each in seen] == [(0, 4), (1, 3), (2, 2), (3, 1)]
    assert all(each.adds_up for each in seen)


def test_a_worker_that_dies_leaves_one_doubt_and_loses_nobody(make_mailing, outbox):
    mailing = make_mailing(readers=5)
    with pytest.raises(Killed), die_at(outbox, 3):
        sending.send_batch(mailing.pk)
    assert mailing.deliveries.claimed().count() == 3
    tick()
    doubtful = mailing.deliveries.uncertain().get()
    assert "ended while it was handing this mail over" in doubtful.reason
    assert (ledger(mailing).sent, ledger(mailing).remaining) == (2, 2)
    assert send_all(mailing).sent == 4
    assert mailing.state == MailingState.SENT
    assert len(outbox.recipients) == len(set(outbox.recipients)) == 5


def test_what_a_dead_worker_had_not_written_down_is_read_from_its_journal(make_mailing, outbox, monkeypatch):
    monkeypatch.setattr(transports, "SECONDS_BETWEEN_RECORDS", 60.0)
    mailing = make_mailing(readers=6)
    outbox.errors = {1: Refused("550 5.1.1 No such user"), 2: Deferred("451 Later")}
    with pytest.raises(Killed), die_at(outbox, 5):
        sending.send_batch(mailing.pk)
    assert ledger(mailing).remaining == 6, "the database knows nothing yet"
    tick()
    counted = ledger(mailing)
    assert (counted.failed, counted.sent, counted.uncertain, counted.remaining) == (1, 2, 1, 2)
    assert mailing.deliveries.get(state="failed").reason == "550 5.1.1 No such user"
    assert mailing.deliveries.get(state="failed").subscriber.email == outbox.recipients[0]
    assert mailing.deliveries.get(reason="451 Later").due_at > timezone.now() + timedelta(seconds=50)
    assert not journals.paths()


def test_a_journal_from_before_the_machine_went_down_is_not_believed_where_it_says_nothing(
    make_mailing, outbox, monkeypatch, tmp_path
):
    mailing = make_mailing(readers=5)
    with pytest.raises(Killed), die_at(outbox, 3):
        sending.send_batch(mailing.pk)
    (tmp_path / "boot_id").write_text("another boot")
    monkeypatch.setattr(journals, "BOOT_ID", tmp_path / "boot_id")
    tick()
    assert (ledger(mailing).sent, ledger(mailing).uncertain) == (2, 3)


def test_without_a_journal_all_that_a_dead_worker_had_claimed_is_in_doubt_once_its_lease_ends(
    make_mailing, outbox, settings
):
    mailing = make_mailing(readers=5)
    with pytest.raises(Killed), die_at(outbox, 3):
        sending.send_batch(mailing.pk)
    for path in journals.paths():
        path.unlink()
    tick()
    assert mailing.deliveries.claimed().count() == 3, "the lease holds"
    with time_machine.travel(timezone.now() + timedelta(seconds=settings.SENDING_LEASE_SECONDS + 1)):
        tick()
    assert (ledger(mailing).sent, ledger(mailing).uncertain) == (2, 3)
    assert "was not heard of again" in mailing.deliveries.uncertain().first().reason


class Killed(BaseException):
    """As a SIGKILL would, it leaves no chance to tidy up: see `die_at`."""


@contextmanager
def die_at(outbox, number):
    """End the sending while the mail of this number is handed over, and drop what it writes to the database then."""

    def die():
        raise Killed

    def refuse(execute, sql, params, many, context):
        if sys.exc_info()[0] is Killed:
            return None
        return execute(sql, params, many, context)

    outbox.steps[number] = die
    with connection.execute_wrapper(refuse):
        yield
    outbox.steps.clear()


def test_a_worker_that_sleeps_keeps_its_claims_where_its_journal_can_be_seen(make_mailing, outbox, settings):
    mailing = make_mailing(readers=3)

    def sleep_too_long():
        outbox.steps.clear()
        late = timezone.now() + timedelta(seconds=settings.SENDING_LEASE_SECONDS + 1)
        reconciling.settle_journals()
        reconciling.expire_leases(late)
        assert sending.send_batch(mailing.pk) == 0

    outbox.steps[1] = sleep_too_long
    assert send_all(mailing).sent == 3
    assert len(outbox.recipients) == len(set(outbox.recipients)) == 3


def test_a_worker_that_wakes_elsewhere_settles_what_others_had_given_up_on(make_mailing, outbox, settings, tmp_path):
    mailing = make_mailing(readers=3)

    def sleep_too_long():
        outbox.steps.clear()
        here, settings.SENDING_JOURNALS = settings.SENDING_JOURNALS, tmp_path / "another machine"
        reconciling.expire_leases(timezone.now() + timedelta(seconds=settings.SENDING_LEASE_SECONDS + 1))
        reconciling.finish()
        settings.SENDING_JOURNALS = here
        assert ledger(mailing).uncertain == 3

    outbox.steps[1] = sleep_too_long
    sending.send_batch(mailing.pk)
    assert send_all(mailing).sent == 3
    assert mailing.state == MailingState.SENT
    assert len(outbox.recipients) == len(set(outbox.recipients)) == 3


def test_an_editor_settles_what_is_uncertain(make_mailing, outbox):
    mailing = make_mailing(readers=2)
    outbox.errors = {1: InDoubt("gone"), 2: InDoubt("gone")}
    assert send_all(mailing).uncertain == 2
    assert mailing.state == MailingState.SENT
    first, second = mailing.deliveries.all()
    assert queueing.count_as_sent(Delivery.objects.filter(pk=first.pk)) == 1
    assert queueing.send_again(Delivery.objects.filter(pk__in=[first.pk, second.pk])) == 1
    mailing.refresh_from_db()
    assert mailing.state == MailingState.SENDING
    assert send_all(mailing).sent == 2
    assert mailing.state == MailingState.SENT


@pytest.mark.parametrize("settle", [queueing.count_as_sent, queueing.send_again])
def test_the_trail_of_each_mailing_tells_how_many_of_its_own_were_settled(make_mailing, settle):
    mailings = []
    for _ in range(3):
        mailings.append(make_mailing())  # to one reader, then to two, then to three
        Issue.objects.update(date=F("date") - timedelta(days=7))
    Delivery.objects.exclude(mailing=mailings[1]).update(state=DeliveryState.UNCERTAIN, finished_at=timezone.now())
    assert settle(Delivery.objects.all()) == 4
    settled = Entry.objects.filter(action=Action.RESOLVED)
    notes = [[entry.note.partition(": ")[2] for entry in settled.about(mailing)] for mailing in mailings]
    assert notes == [["1 deliveries."], [], ["3 deliveries."]]


def test_an_issue_goes_to_the_local_mail_folder_as_it_would_over_the_wire(make_mailing, settings):
    settings.EMAIL_BACKEND = "deliveries.maildir.MaildirBackend"
    send_all(make_mailing(readers=3))
    assert len(maildir.keys()) == 3
    content = maildir.read_bytes(maildir.keys()[0])
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in content
    assert not re.search(rb"(?<!\r)\n", content)


@pytest.mark.parametrize("backend", ["console", "locmem", "dummy", "filebased"])
def test_djangos_own_backends_take_the_mail(make_mailing, settings, backend, tmp_path, capsys):
    settings.EMAIL_BACKEND = f"django.core.mail.backends.{backend}.EmailBackend"
    settings.EMAIL_FILE_PATH = tmp_path
    assert send_all(make_mailing()).sent == 1


@pytest.mark.parametrize("readers", [1, 40])
def test_a_batch_costs_the_same_number_of_queries_however_many_mails_it_has(
    make_mailing, smtp_server, readers, monkeypatch
):
    monkeypatch.setattr(transports, "SECONDS_BETWEEN_RECORDS", 60)  # A busy machine would record more often.
    mailing = make_mailing(readers=readers)
    with CaptureQueriesContext(connection) as queries:
        sending.send_batch(mailing.pk)
    assert len(queries) <= 16, [each["sql"][:90] for each in queries]


def test_near_the_end_each_task_takes_its_share_so_that_they_end_together(make_mailing, outbox, settings, monkeypatch):
    monkeypatch.setattr(claiming, "SMALLEST_SHARE", 4)
    settings.SENDING_TASKS = 2
    mailing = make_mailing(readers=30)
    sizes = []
    while done := sending.send_batch(mailing.pk, size=10):
        sizes.append(done)
    assert sizes == [10, 10, 5, 4, 1]
    assert len(set(outbox.recipients)) == 30


@pytest.mark.usefixtures("tasks_at_once")
def test_tasks_send_everything_and_close_the_mailing(
    publication, make_issue, make_story, make_subscriber, outbox, django_capture_on_commit_callbacks
):
    make_story(issue=(issue := make_issue()), position=1)
    for _ in range(3):
        make_subscriber()
    with django_capture_on_commit_callbacks(execute=True):
        mailing = freezing.freeze(issue, by="a test")
        queueing.start(mailing)
    mailing.refresh_from_db()
    assert mailing.state == MailingState.SENT
    assert len(outbox.recipients) == 3
    send_batches(mailing.pk)
    tick()
    assert len(outbox.recipients) == 3
