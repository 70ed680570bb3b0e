"""An approval holds for what was approved; tests, schedules and changes, as editors meet them in the admin."""

from datetime import timedelta
from email import message_from_bytes, policy

import pytest
import time_machine
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from audit.models import Entry
from deliveries import approvals, freezing, maildir, queueing, tasks
from deliveries.models import Mailing, MailingState, TestMail
from deliveries.testing import MOST_AN_HOUR
from issues.models import IssueState, Publication
from issues.writing import save_story
from subscribers.tokens import unsubscribe_token
from tests.admin_forms import change, member_of, messages, save
from tests.deliveries.conftest import mailing_page, text


@pytest.fixture
def kept_mail(settings):
    """Mail stays on this machine, as it does until a mail server is set."""
    settings.EMAIL_BACKEND = "deliveries.maildir.MaildirBackend"


def test_a_change_of_a_story_voids_the_approval_and_says_so_everywhere(publisher, approved_mailing):
    at = timezone.now() + timedelta(days=1)
    queueing.schedule(approved_mailing, at)
    page = publisher.get(change(approved_mailing.issue.stories.get()))
    assert "is approved and scheduled for" in text(page)
    answer = save(publisher, change(approved_mailing.issue.stories.get()), body="A text. With other words.")
    [message] = [message for message in messages(answer) if "approval" in message]
    assert "The approval of issue #1: An issue – with a dash is void: “A story” changed after the approval." in message
    assert "will not start then" in message

    mailing = Mailing.objects.get()
    assert (mailing.state, mailing.scheduled_for) == (MailingState.VOID, None)
    assert mailing.issue.state == IssueState.DRAFT
    shown = text(publisher.get(change(mailing)))
    assert "<ins>With other words.</ins>" in shown
    assert "Approve again" in shown
    assert "Send now" not in shown
    assert "<ins>With other words.</ins>" in text(publisher.get(f"/admin/issues/issue/{mailing.issue_id}/change/"))
    assert "is void" in text(publisher.get(change(mailing.issue.stories.get())))
    entry = Entry.objects.get(action="approval voided")
    assert (entry.who, entry.object_id) == ("a-publisher", str(mailing.pk))

    again = publisher.post(reverse("admin:deliveries_mailing_freeze", args=[mailing.issue_id]), follow=True)
    assert "Nothing has left yet." in text(again)
    assert Mailing.objects.current().get().state == MailingState.APPROVED


def test_a_change_that_no_reader_would_notice_leaves_the_approval_alone(publisher, approved_mailing):
    answer = save(publisher, change(approved_mailing.issue.stories.get()), summary="For lists.", title="A story")
    assert messages(answer)
    assert not [message for message in messages(answer) if "approval" in message]
    assert Mailing.objects.get().state == MailingState.APPROVED


def test_a_change_of_the_publication_voids_the_approval_too(publisher, approved_mailing):
    answer = save(publisher, "/admin/issues/publication/1/change/", from_name="Somebody else")
    assert "“Sender’s name” changed" in " ".join(messages(answer))
    assert Mailing.objects.get().state == MailingState.VOID


def test_a_change_that_came_another_way_is_shown_before_the_button_is_pressed(publisher, approved_mailing):
    Publication.objects.update(accent_light="#00468b")
    shown = text(publisher.get(change(approved_mailing)))
    assert "Approval void" in shown
    assert "The stories have the same words." in shown
    assert "Send now" not in shown
    tasks.tick()
    assert Mailing.objects.get().state == MailingState.VOID
    assert Entry.objects.filter(action="approval voided", who="a worker").exists()


def test_the_desk_shows_what_waits_and_why(publisher, approved_mailing):
    approvals.void(approved_mailing, "“A story” changed after the approval.", by="a test")
    desk = text(publisher.get("/admin/"))
    assert "Mailings that wait" in desk
    assert f'<a href="{change(approved_mailing)}">{approved_mailing.issue}</a>' in desk
    assert "“A story” changed after the approval." in desk


def test_what_was_changed_and_changed_back_can_be_approved_again(publisher, approved_mailing):
    approvals.void(approved_mailing, "A change.", by="a test")
    shown = text(publisher.get(change(approved_mailing)))
    assert "Whatever changed has been changed back." in shown
    assert freezing.freeze(approved_mailing.issue, by="a test").fingerprint == approved_mailing.fingerprint


def test_stories_that_come_go_and_change_places_are_named(approved_mailing, make_story):
    issue = approved_mailing.issue
    first = issue.stories.get()
    second = make_story(title="Another", issue=issue)
    assert [(each.name, each.note) for each in approvals.changes_since(approved_mailing)] == [
        ("Another", "It has been added.")
    ]
    mailing = freezing.freeze(issue, by="a test")
    first.position, second.position = 3, 1
    save_story(first)
    save_story(second)
    assert approvals.changes_since(mailing)[-1].note == "They stand in another order."
    first.issue = None
    save_story(first)
    changes = approvals.changes_since(mailing)
    assert ("A story", "It is no longer there.") in [(each.name, each.note) for each in changes]


def test_fingerprints_of_what_was_tested_approved_and_sent_stand_side_by_side(publisher, approved_mailing):
    issue = approved_mailing.issue
    publisher.post(mailing_page("test", approved_mailing), {"to": "editor@example.org"})
    story = issue.stories.get()
    story.body = "Another text."
    save_story(story)
    publisher.post(reverse("admin:deliveries_mailing_test_draft", args=[issue.pk]), {"to": "editor@example.org"})
    mailing = freezing.freeze(issue, by="a test")
    shown = text(publisher.get(change(mailing)))
    assert shown.count("not what was approved") == 1, "of the two tests one is of what was approved"
    queueing.start(mailing)
    shown = text(publisher.get(change(mailing)))
    assert shown.count(f"<code>{mailing.fingerprint}</code>") == 3, "tested, approved, sent"
    tested = Entry.objects.filter(action="tested").values_list("note", flat=True)
    assert set(tested) == {f"Fingerprint {each.fingerprint}" for each in (approved_mailing, mailing)}


def test_a_test_is_what_a_given_subscriber_would_get_but_for_their_link(
    kept_mail, publisher, approved_mailing, make_subscriber
):
    ada = make_subscriber(email="ada@example.org")
    publisher.post(mailing_page("test", approved_mailing), {"to": "editor@example.org", "reader": "Ada@example.org"})
    [key] = maildir.keys()
    content = maildir.read_bytes(key)
    mail = message_from_bytes(content, policy=policy.default)
    assert mail["To"] == "ada@example.org"
    assert mail["Subject"] == f"[Test] {approved_mailing.subject}"
    assert "/mail/test/unsubscribe/" in mail["List-Unsubscribe"]
    assert unsubscribe_token(ada.pk).encode() not in content.replace(b"=\r\n", b"")
    assert "ada@example.org" not in " ".join(Entry.objects.values_list("note", flat=True))


def test_a_test_as_a_subscriber_who_chose_has_the_stories_chosen_and_says_who_gets_none(
    kept_mail, publisher, publication, make_issue, make_story, make_subscriber, make_topic
):
    issue = make_issue()
    for name in ("maps", "robots"):
        make_story(title=f"On {name}", issue=issue, topics=[make_topic(name).name])
    mailing = freezing.freeze(issue, by="a test")
    make_subscriber(email="ada@example.org", choice="topic/robots")
    make_subscriber(email="eve@example.org", choice="topic/globes")
    make_subscriber(email="bob@example.org", paused_until=timezone.localdate() + timedelta(days=9))
    make_subscriber()
    assert queueing.reach(mailing) == 2
    assert "Yes, to 2 subscribers" in text(publisher.get(change(mailing)))
    publisher.post(mailing_page("test", mailing), {"to": "editor@example.org", "reader": "ada@example.org"})
    plain = maildir.read(maildir.keys()[0]).get_body(("plain",)).get_content()
    assert "On robots" in plain
    assert "On maps" not in plain
    for email, reason in (("eve@example.org", "No story of this issue"), ("bob@example.org", "has paused")):
        answer = publisher.post(
            mailing_page("test", mailing), {"to": "editor@example.org", "reader": email}, follow=True
        )
        assert reason in text(answer)
    assert len(maildir.keys()) == 1


def test_a_test_as_somebody_who_never_subscribed_is_refused(kept_mail, publisher, approved_mailing):
    answer = publisher.post(
        mailing_page("test", approved_mailing), {"to": "a@example.org", "reader": "b@example.org"}, follow=True
    )
    assert "Nobody has subscribed as b@example.org." in text(answer)
    assert maildir.keys() == []


def test_an_editor_may_test_but_not_as_somebody(kept_mail, client, approved_mailing, make_subscriber):
    make_subscriber(email="ada@example.org")
    client.force_login(member_of("editor"))
    assert "As this subscriber" not in text(client.get(change(approved_mailing)))
    client.post(mailing_page("test", approved_mailing), {"to": "editor@example.org", "reader": "ada@example.org"})
    assert maildir.read(maildir.keys()[0])["To"] == "editor@example.org"


def test_nobody_sends_more_than_so_many_tests_an_hour(kept_mail, publisher, approved_mailing):
    for _ in range(MOST_AN_HOUR):
        TestMail.objects.create(
            issue=approved_mailing.issue,
            fingerprint="",
            to="a@example.org",
            sent_by=User.objects.get(),
        )
    answer = publisher.post(mailing_page("test", approved_mailing), {"to": "a@example.org"}, follow=True)
    assert "Wait a while" in text(answer)
    with time_machine.travel(timezone.now() + timedelta(minutes=61)):
        publisher.force_login(User.objects.get())
        publisher.post(mailing_page("test", approved_mailing), {"to": "a@example.org"})
    assert len(maildir.keys()) == 1


def test_a_time_is_typed_and_shown_in_the_publications_zone(publisher, approved_mailing):
    Publication.objects.update(time_zone="Europe/Amsterdam")
    with time_machine.travel("2027-01-10T12:00:00+00:00"):
        publisher.force_login(User.objects.get())
        for wall, refusal in (("2027-03-28T02:30", "never comes"), ("2027-10-31T02:30", "comes twice")):
            answer = publisher.post(mailing_page("schedule", approved_mailing), {"at": wall}, follow=True)
            assert refusal in text(answer)
        answer = publisher.post(mailing_page("schedule", approved_mailing), {"at": "2027-07-01T09:00"}, follow=True)
        assert "1 July 2027, 09:00 (Europe/Amsterdam), 07:00 UTC" in text(answer)
        assert 'value="2027-07-01T09:00"' in text(answer)
        assert Mailing.objects.get().scheduled_for.isoformat() == "2027-07-01T07:00:00+00:00"
        answer = publisher.post(mailing_page("unschedule", approved_mailing), follow=True)
    assert "The schedule is undone" in text(answer)
    assert Mailing.objects.get().state == MailingState.APPROVED


def test_a_schedule_that_was_missed_names_buttons_that_are_there(publisher, approved_mailing):
    at = timezone.now() + timedelta(hours=2)
    queueing.schedule(approved_mailing, at)
    with time_machine.travel(at + timedelta(minutes=61)):
        queueing.start_due(timezone.now())
        publisher.force_login(User.objects.get())
        shown = text(publisher.get(change(approved_mailing)))
    assert "Send it now, or schedule it again." in shown
    for button in ("Send now", "Schedule", "Take back the approval"):
        assert f">{button}</button>" in shown
    again = freezing.freeze(approved_mailing.issue, by="a test")
    assert again.state == MailingState.APPROVED


def test_uncertain_deliveries_are_settled_on_the_page(publisher, make_mailing):
    mailing = make_mailing(readers=3)
    mailing.deliveries.update(state="uncertain", reason="Worker 7 ended.", finished_at=timezone.now())
    first, *_ = mailing.deliveries.all()
    shown = text(publisher.get(change(mailing)))
    assert shown.count("Worker 7 ended.") == 3
    publisher.post(mailing_page("settle", mailing), {"delivery": [first.pk], "as": "sent"})
    assert list(mailing.deliveries.values_list("state", flat=True)) == ["sent", "uncertain", "uncertain"]
    publisher.post(mailing_page("settle", mailing), {"all": "on", "as": "again"})
    assert list(mailing.deliveries.values_list("state", flat=True)) == ["sent", "queued", "queued"]
    told = Entry.objects.filter(action="resolved").order_by("pk").values_list("who", "note")
    assert list(told) == [
        ("a-publisher", "Counted as sent: 1 deliveries."),
        ("a-publisher", "To be sent again: 2 deliveries."),
    ]


def test_the_page_says_when_mail_stays_on_this_machine(kept_mail, publisher, approved_mailing, settings):
    assert "kept on this machine" in text(publisher.get(change(approved_mailing)))
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    assert "kept on this machine" not in text(publisher.get(change(approved_mailing)))


def test_the_page_costs_the_same_however_many_readers_and_failures(
    publisher, make_mailing, django_assert_max_num_queries
):
    mailing = make_mailing(readers=30)
    mailing.deliveries.update(state="uncertain", reason="Worker 7 ended.", finished_at=timezone.now())
    with django_assert_max_num_queries(22):
        publisher.get(change(mailing))
