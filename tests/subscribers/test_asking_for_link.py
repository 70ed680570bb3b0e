"""“Already subscribed? Send me my link”: the answer is the same for every address, and the mailbox tells the rest."""

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from subscribers import tasks
from subscribers.models import ConsentEvent, LinkRequest, Subscriber
from subscribers.tokens import read_preferences_token
from tests.subscribers.test_signing_up import KNOWN_STATES

pytestmark = pytest.mark.django_db


@pytest.fixture
def ask(client, tasks_at_once, django_capture_on_commit_callbacks):
    def post(email, **options):
        with django_capture_on_commit_callbacks(execute=True):
            return client.post("/subscribe/link/", {"email": email}, **options)

    return post


def test_the_form_stands_on_the_sign_up_page_and_its_mail_brings_the_link(
    client, ask, make_subscriber, mailoutbox, link_in
):
    assert 'action="/subscribe/link/"' in client.get("/subscribe/").content.decode()
    subscriber = make_subscriber(email="ada@example.org")
    assert "Look into your mailbox" in ask("ADA@example.org").content.decode()
    [message] = mailoutbox
    assert message.to == ["ada@example.org"]
    path = link_in(message, "/preferences/")
    assert path in message.alternatives[0].content
    assert read_preferences_token(path.strip("/").rpartition("/")[2]) == subscriber
    assert client.get(path).status_code == 200
    assert not LinkRequest.objects.exists()


def test_answer_and_work_are_the_same_whatever_the_list_knows_of_the_address(client, make_subscriber, publication):
    emails = ["new@example.org", *(make_subscriber(state=state).email for state in KNOWN_STATES)]
    answers, steps = [], []
    for email in emails:
        with CaptureQueriesContext(connection) as queries:
            answers.append(client.post("/subscribe/link/", {"email": email}))
        steps.append([query["sql"].split()[0] for query in queries])
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert all(each == steps[0] for each in steps)
    assert LinkRequest.objects.count() == len(emails)


@pytest.mark.parametrize(
    ("state", "mails"),
    [("active", 1), ("unsubscribed", 1), ("bounced", 1), ("complained", 1), ("pending", 0), (None, 0)],
)
def test_only_those_who_once_confirmed_get_the_link(ask, make_subscriber, mailoutbox, state, mails):
    if state:
        make_subscriber(email="ada@example.org", state=state)
    ask("ada@example.org")
    assert len(mailoutbox) == mails
    assert Subscriber.objects.count() == bool(state)
    assert not LinkRequest.objects.exists(), "nobody's address is kept"


def test_a_link_is_sent_once_a_day_and_noted(ask, make_subscriber, mailoutbox):
    with time_machine.travel("2030-03-01T12:00Z", tick=False) as clock:
        subscriber = make_subscriber(email="ada@example.org")
        for _ in range(3):
            ask("ada@example.org")
        assert len(mailoutbox) == 1
        clock.shift(timedelta(days=1))
        ask("ada@example.org")
    assert len(mailoutbox) == 2
    assert ConsentEvent.objects.filter(subscriber=subscriber, kind="link sent").count() == 2


@pytest.mark.parametrize(("state", "mails"), [("active", 10), ("unsubscribed", 3), ("bounced", 3), ("complained", 3)])
def test_a_stranger_cannot_have_a_mail_sent_each_day_to_who_left(ask, make_subscriber, mailoutbox, state, mails):
    make_subscriber(email="ada@example.org", state=state)
    with time_machine.travel("2030-03-01T12:00Z", tick=False) as clock:
        for _ in range(10):
            ask("ada@example.org")
            clock.shift(timedelta(days=1))
        assert len(mailoutbox) == mails
        clock.shift(timedelta(days=90))
        ask("ada@example.org")
    assert len(mailoutbox) == mails + 1, "they may have lost it"


def test_a_request_whose_task_was_lost_is_answered_later(client, make_subscriber, mailoutbox, tasks_at_once):
    make_subscriber(email="ada@example.org")
    client.post("/subscribe/link/", {"email": "ada@example.org"})
    tasks.answer_forgotten_sign_ups()
    assert len(mailoutbox) == 0, "its task may still be on its way"
    LinkRequest.objects.update(created_at=timezone.now() - timedelta(minutes=11))
    tasks.answer_forgotten_sign_ups()
    assert len(mailoutbox) == 1


def test_requests_are_limited_together_with_sign_ups(client, ask, settings):
    settings.SIGN_UP_LIMITS = dict.fromkeys(settings.SIGN_UP_LIMITS, (1000, 3600)) | {"network": (2, 3600)}
    assert ask("a@example.org").status_code == 200
    assert client.post("/subscribe/", {"email": "b@example.org"}).status_code == 302
    assert ask("c@example.org").status_code == 429


def test_the_form_needs_no_cookie_and_refuses_other_sites_and_bad_addresses(ask):
    answer = Client(enforce_csrf_checks=True).post("/subscribe/link/", {"email": "a@example.org"})
    assert answer.status_code == 200
    assert not answer.cookies
    assert ask("a@example.org", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    bad = ask("ada")
    assert bad.status_code == 400
    assert 'id="link-error"' in bad.content.decode()
    assert 'id="signup-error"' not in bad.content.decode()
