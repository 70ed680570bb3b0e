from datetime import timedelta

import pytest
import time_machine
from django.db import connection, transaction
from django.db.utils import IntegrityError
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.models import Entry
from deliveries import freezing, mailing_page, queueing, sending
from deliveries.errors import MailingError, Refused
from deliveries.ledger import ledger
from deliveries.models import Delivery, Mailing, MailingState
from deliveries.tasks import tick
from issues.errors import NotReady
from issues.models import IssueState, Publication, Story
from issues.writing import save_story
from subscribers.models import Subscriber, SubscriberState

pytestmark = pytest.mark.django_db


def test_starting_publishes_the_issue_and_queues_the_active_subscribers(approved_mailing, make_subscriber):
    for state in (
        SubscriberState.ACTIVE,
        SubscriberState.ACTIVE,
        SubscriberState.PENDING,
        SubscriberState.UNSUBSCRIBED,
    ):
        make_subscriber(state=state)
    queueing.start(approved_mailing)
    approved_mailing.refresh_from_db()
    assert approved_mailing.state == MailingState.SENDING
    assert approved_mailing.issue.state == IssueState.PUBLISHED
    queued = approved_mailing.deliveries.queued()
    assert {each.subscriber.state for each in queued} == {"active"}
    assert ledger(approved_mailing).candidates == ledger(approved_mailing).remaining == 2


@pytest.mark.parametrize("readers", [1, 30])
def test_queueing_takes_one_statement_however_many_read(approved_mailing, make_subscriber, readers):
    for _ in range(readers):
        make_subscriber()
    with CaptureQueriesContext(connection) as queries:
        queueing.start(approved_mailing)
    inserts = [each for each in queries if each["sql"].startswith("INSERT INTO deliveries_delivery")]
    assert len(inserts) == 1


def test_of_two_starts_one_wins_and_the_other_gets_a_sentence(approved_mailing, make_subscriber):
    make_subscriber()
    other = Mailing.objects.get()
    queueing.start(approved_mailing)
    with pytest.raises(MailingError, match="is sending"):
        queueing.start(other)
    assert Delivery.objects.count() == 1


def test_a_change_after_the_approval_voids_it(approved_mailing, make_subscriber):
    make_subscriber()
    story = approved_mailing.issue.stories.get()
    story.body = "Another text."
    save_story(story)
    with pytest.raises(MailingError, match="approve it again"):
        queueing.start(approved_mailing)
    approved_mailing.refresh_from_db()
    assert approved_mailing.state == MailingState.VOID
    assert "“A story” changed" in approved_mailing.pause_reason
    assert approved_mailing.issue.state == IssueState.DRAFT
    assert not Delivery.objects.exists()
    with pytest.raises(MailingError, match="is void"):
        queueing.start(approved_mailing)


def test_a_change_of_the_sender_voids_the_approval(approved_mailing):
    Publication.objects.update(from_email="other@example.org")
    with pytest.raises(MailingError, match="approve it again"):
        queueing.start(approved_mailing)


def test_an_issue_is_frozen_only_when_it_is_ready(publication, make_issue):
    with pytest.raises(NotReady, match="no stories"):
        freezing.freeze(make_issue(), by="a test")
    assert not Mailing.objects.exists()


def test_freezing_again_replaces_the_approval(approved_mailing):
    again = freezing.freeze(approved_mailing.issue, by="a test")
    approved_mailing.refresh_from_db()
    assert approved_mailing.state == MailingState.CANCELLED
    assert again.fingerprint == approved_mailing.fingerprint


def test_what_was_sent_is_not_frozen_again(make_mailing):
    mailing = make_mailing()
    with pytest.raises(MailingError, match="already has a mailing"):
        freezing.freeze(mailing.issue, by="a test")


def test_two_current_mailings_of_an_issue_cannot_be(approved_mailing):
    approved_mailing.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        approved_mailing.save()


def test_an_approval_can_be_taken_back_until_the_start(approved_mailing):
    freezing.withdraw(approved_mailing, by="a test")
    assert approved_mailing.issue.state == IssueState.DRAFT
    again = freezing.freeze(approved_mailing.issue, by="a test")
    queueing.start(again)
    with pytest.raises(MailingError, match="has started"):
        freezing.withdraw(again, by="a test")


def test_the_frozen_copy_stays_when_the_issue_is_corrected(make_mailing):
    mailing = make_mailing()
    story = mailing.issue.stories.get()
    story.body = "Corrected."
    save_story(story)
    mailing.refresh_from_db()
    assert "Corrected" not in mailing.html + mailing.text


def test_a_cancelled_mailing_may_be_followed_by_one_for_those_it_did_not_reach(make_mailing, outbox):
    mailing = make_mailing(readers=3)
    outbox.steps[1] = lambda: queueing.cancel(mailing)
    sending.send_batch(mailing.pk)
    second = freezing.freeze(mailing.issue, by="a test")
    queueing.start(second)
    outbox.steps.clear()
    while sending.send_batch(second.pk):
        pass
    assert sorted(outbox.recipients) == sorted(Subscriber.objects.values_list("email", flat=True))


def test_a_scheduled_mailing_starts_when_its_time_comes(approved_mailing, make_subscriber):
    make_subscriber()
    at = timezone.now() + timedelta(hours=2)
    queueing.schedule(approved_mailing, at)
    tick()
    assert Mailing.objects.get().state == MailingState.SCHEDULED
    with time_machine.travel(at + timedelta(minutes=1)):
        tick()
        tick()
    assert Mailing.objects.get().state == MailingState.SENDING
    assert Delivery.objects.count() == 1


def test_a_time_that_was_missed_by_more_than_an_hour_asks_the_editor(approved_mailing, make_subscriber):
    make_subscriber()
    at = timezone.now() + timedelta(hours=2)
    queueing.schedule(approved_mailing, at)
    with time_machine.travel(at + timedelta(minutes=61)):
        tick()
        mailing = Mailing.objects.get()
        assert mailing.state == MailingState.PAUSED
        assert "Nothing was running" in mailing.pause_reason
        assert not Delivery.objects.exists()
        with pytest.raises(MailingError, match="waiting to be started"):
            queueing.resume(mailing)
        queueing.start(mailing)
    assert Delivery.objects.count() == 1


def test_a_scheduled_issue_that_was_changed_waits_with_the_reason(approved_mailing):
    at = timezone.now() + timedelta(hours=2)
    queueing.schedule(approved_mailing, at)
    Publication.objects.update(name="Another name")
    with time_machine.travel(at):
        tick()
        tick()
    mailing = Mailing.objects.get()
    assert (mailing.state, mailing.scheduled_for) == (MailingState.VOID, None)
    assert "approve it again" in mailing.pause_reason
    assert [entry.who for entry in Entry.objects.filter(action="approval voided")] == ["the schedule"]


def test_a_schedule_that_can_not_be_kept_for_another_reason_waits_with_it(approved_mailing):
    at = timezone.now() + timedelta(hours=2)
    queueing.schedule(approved_mailing, at)
    Story.objects.update(state="draft")
    with time_machine.travel(at):
        tick()
    mailing = Mailing.objects.get()
    assert mailing.state_in_words == "Held"
    assert "is not approved" in mailing.pause_reason
    assert [entry.who for entry in Entry.objects.filter(action="held")] == ["the schedule"]


def test_a_schedule_can_be_undone_until_it_starts(approved_mailing):
    at = timezone.now() + timedelta(hours=2)
    queueing.schedule(approved_mailing, at)
    queueing.unschedule(approved_mailing)
    with time_machine.travel(at + timedelta(minutes=1)):
        tick()
    mailing = Mailing.objects.get()
    assert (mailing.state, mailing.scheduled_for) == (MailingState.APPROVED, None)
    queueing.schedule(mailing, timezone.now() + timedelta(hours=2))
    queueing.start(mailing)
    with pytest.raises(MailingError, match="not started yet can be undone"):
        queueing.unschedule(mailing)


def test_those_who_are_asked_about_are_those_who_get_it(make_mailing, outbox, make_subscriber):
    mailing = make_mailing(readers=3)
    outbox.steps[1] = lambda: queueing.cancel(mailing)
    sending.send_batch(mailing.pk)
    second = freezing.freeze(mailing.issue, by="a test")
    assert queueing.audience(second).count() == 2
    queueing.start(second)
    assert second.candidates == 2


def test_the_counts_of_the_page_are_those_of_the_rows(make_mailing, outbox):
    mailing = make_mailing(readers=4)
    outbox.errors[2] = Refused("550 5.1.1 No such user")
    Subscriber.objects.filter(pk=mailing.deliveries.last().subscriber_id).update(state=SubscriberState.UNSUBSCRIBED)
    sending.send_batch(mailing.pk)
    shown = mailing_page.figures(mailing)
    states = list(mailing.deliveries.values_list("state", flat=True))
    for state in ("sent", "failed", "skipped", "uncertain"):
        assert shown[state] == states.count(state)
    assert (shown["sent"], shown["failed"], shown["skipped"]) == (2, 1, 1)
    assert shown["candidates"] == len(states)
    assert shown["adds_up"]


def test_a_time_in_the_past_is_refused(approved_mailing):
    with pytest.raises(MailingError, match="passed already"):
        queueing.schedule(approved_mailing, timezone.now() - timedelta(minutes=1))


STEPS = {"pause": queueing.pause, "resume": queueing.resume, "start": queueing.start, "cancel": queueing.cancel}


@pytest.mark.parametrize(
    ("state", "step"),
    [
        ("approved", "pause"),
        ("approved", "resume"),
        ("sending", "start"),
        ("sending", "resume"),
        ("paused", "pause"),
        ("paused", "start"),
        *((state, step) for state in ("sent", "cancelled") for step in STEPS),
    ],
)
def test_a_step_that_does_not_fit_the_state_is_refused_with_a_sentence(approved_mailing, state, step):
    Mailing.objects.update(state=state, started_at=None if state == "approved" else timezone.now())
    approved_mailing.refresh_from_db()
    with pytest.raises(MailingError, match=r"^The mailing of issue #\d+.* is .*\."):
        STEPS[step](approved_mailing)
    assert Mailing.objects.get().state == state


def test_a_mailing_that_nobody_sends_is_taken_up_by_the_tick(
    make_mailing, outbox, tasks_at_once, django_capture_on_commit_callbacks
):
    mailing = make_mailing(readers=2)  # its tasks are lost: nothing runs them here
    with django_capture_on_commit_callbacks(execute=True):
        tick()
    assert outbox.recipients == [], "somebody may be about to"
    with time_machine.travel(timezone.now() + timedelta(minutes=1)), django_capture_on_commit_callbacks(execute=True):
        tick()
    assert len(outbox.recipients) == 2
    mailing.refresh_from_db()
    assert mailing.state == MailingState.SENT


def test_an_issue_without_readers_is_sent_at_once(approved_mailing):
    queueing.start(approved_mailing)
    tick()
    approved_mailing.refresh_from_db()
    assert approved_mailing.state == MailingState.SENT
    assert ledger(approved_mailing).adds_up
