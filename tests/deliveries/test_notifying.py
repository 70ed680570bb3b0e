import smtplib
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.mail.backends import locmem
from django.utils import timezone

from audit.models import Entry
from deliveries import queueing
from deliveries.tasks import tell_of_stop, tick
from tests.admin_forms import member_of
from tests.deliveries.conftest import mailing_page, use_smtp

REASON = "The mail server refused 20 mails in a row."


@pytest.fixture(autouse=True)
def people(db):
    for group in ("writer", "editor", "publisher"):
        User.objects.filter(pk=member_of(group).pk).update(email=f"{group}@example.org")
    User.objects.create_superuser("owner", "owner@example.org")
    User.objects.create_superuser("robot", "")


@pytest.fixture
def told(tasks_at_once, django_capture_on_commit_callbacks, mailoutbox):
    """Take a step, and give the mails that follow from it."""

    def take(step):
        with django_capture_on_commit_callbacks(execute=True):
            step()
        return mailoutbox

    return take


def test_who_may_send_is_told_that_a_mailing_paused_by_itself_and_why(make_mailing, told):
    mailing = make_mailing(readers=3)
    mails = told(lambda: queueing.pause(mailing, reason=REASON))
    assert sorted(mail.to for mail in mails) == [["owner@example.org"], ["publisher@example.org"]]
    assert mails[0].subject == f"DT: The mailing of issue {mailing.issue} has paused by itself"
    assert REASON in mails[0].body
    assert "Sent: 0, remaining: 3." in mails[0].body
    assert mailing_page("change", mailing) in mails[0].body
    assert Entry.objects.filter(action="paused", who="a worker", note=REASON).exists()


def test_who_pauses_a_mailing_need_not_be_told(make_mailing, told):
    mailing = make_mailing()
    assert told(lambda: queueing.pause(mailing, by=User.objects.first())) == []
    queueing.resume(mailing)
    assert told(lambda: queueing.pause(mailing, by="the command line")) == []


def test_who_may_send_is_told_that_a_schedule_was_not_kept(approved_mailing, told):
    at = timezone.now() + timedelta(hours=2)
    queueing.schedule(approved_mailing, at)
    with time_machine.travel(at + timedelta(hours=2)):
        mails = told(tick)
    assert len(mails) == 2
    assert f"The mailing of issue {approved_mailing.issue} has not started.\n\nNothing was running at" in mails[0].body


@pytest.mark.parametrize("is_due", [False, True])
def test_who_may_send_is_told_that_a_schedule_lapsed_with_its_approval(approved_mailing, publication, told, is_due):
    at = timezone.now() + timedelta(hours=2)
    queueing.schedule(approved_mailing, at)
    publication.postal_address = "Another street 1, Utrecht"
    publication.save()
    with time_machine.travel(at if is_due else timezone.now()):
        told(tick)
        mails = told(tick)
    assert sorted(mail.to for mail in mails) == [["owner@example.org"], ["publisher@example.org"]], "once"
    assert mails[0].subject == f"DT: The approval of issue {approved_mailing.issue} is void"
    assert "“The email’s frame” changed" in mails[0].body
    assert mailing_page("change", approved_mailing) in mails[0].body


def test_nobody_is_told_of_an_approval_that_lapses_without_a_schedule(approved_mailing, publication, told):
    publication.postal_address = "Another street 1, Utrecht"
    publication.save()
    assert told(tick) == []
    approved_mailing.refresh_from_db()
    assert approved_mailing.state == "void"


def test_nobody_is_told_of_a_pause_that_is_over(make_mailing, mailoutbox):
    mailing = make_mailing()
    queueing.pause(mailing, reason=REASON)
    queueing.resume(mailing)
    tell_of_stop(mailing.pk)
    assert mailoutbox == []


def test_a_mail_server_that_is_away_is_tried_again_and_is_no_error(make_mailing, settings, caplog):
    use_smtp(settings, 9)  # the discard port: nobody listens
    mailing = make_mailing()
    queueing.pause(mailing, reason=REASON)
    tell_of_stop.apply([mailing.pk])
    assert caplog.text.count(f"2 could not be told that mailing {mailing.pk} has stopped.") == 4


def test_only_those_who_could_not_be_told_are_tried_again(make_mailing, monkeypatch, mailoutbox):
    usual = locmem.EmailBackend.send_messages
    tried = []

    def send(self, messages):
        tried.append(messages[0].to)
        if tried == [messages[0].to]:
            raise smtplib.SMTPRecipientsRefused({messages[0].to[0]: (451, b"greylisted")})
        return usual(self, messages)

    monkeypatch.setattr(locmem.EmailBackend, "send_messages", send)
    mailing = make_mailing()
    queueing.pause(mailing, reason=REASON)
    tell_of_stop.apply([mailing.pk])
    assert len(tried) == 3
    assert sorted(mail.to for mail in mailoutbox) == [["owner@example.org"], ["publisher@example.org"]]


@pytest.mark.parametrize(("status", "tries"), [(503, 8), (400, 2)])
def test_a_provider_s_api_may_be_down_or_refuse(provider, make_mailing, caplog, status, tries):
    provider.status = status
    mailing = make_mailing()
    queueing.pause(mailing, reason=REASON)
    assert tell_of_stop.apply([mailing.pk]).successful()
    assert provider.calls == tries
    assert ("refused with 400" in caplog.text) == (status == 400)
