import pytest
from django.test import Client

from subscribers import signup
from subscribers.erasure import erase
from subscribers.models import ConsentEvent, ConsentKind, SubscriberState
from subscribers.tokens import unsubscribe_token

ONE_CLICK = "List-Unsubscribe=One-Click"
BOUNDARY = "xyz"
MULTIPART = (
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--{BOUNDARY}--\r\n'
)


@pytest.fixture
def mail_program():
    """It has no cookie, no Referer and no CSRF token (RFC 8058 §3.1)."""
    return Client(enforce_csrf_checks=True)


def path_of(subscriber):
    return f"/unsubscribe/{unsubscribe_token(subscriber.pk)}/"


def leavings_of(subscriber):
    return list(subscriber.consent_events.filter(kind=ConsentKind.UNSUBSCRIBED).values_list("source", flat=True))


@pytest.mark.parametrize(
    ("body", "content_type"),
    [(ONE_CLICK, "application/x-www-form-urlencoded"), (MULTIPART, f"multipart/form-data; boundary={BOUNDARY}")],
)
def test_one_click_unsubscribes_at_once_and_as_often_as_it_is_posted(mail_program, make_subscriber, body, content_type):
    subscriber, other = make_subscriber(), make_subscriber()
    for _ in range(3):
        answer = mail_program.post(path_of(subscriber), body, content_type=content_type)
        assert answer.status_code == 200
        assert not answer.cookies
    subscriber.refresh_from_db()
    other.refresh_from_db()
    assert (subscriber.state, other.state) == ("unsubscribed", "active")
    assert leavings_of(subscriber) == ["one-click header"]


def test_scanners_that_follow_the_link_unsubscribe_nobody(client, make_subscriber):
    subscriber = make_subscriber()
    for method in (client.get, client.head, client.options):
        method(path_of(subscriber))
    subscriber.refresh_from_db()
    assert subscriber.state == "active"
    assert leavings_of(subscriber) == []


def test_the_page_asks_with_one_button_and_for_nothing_else(client, make_subscriber):
    page = client.get(path_of(make_subscriber(email="ada@example.org"))).content.decode()
    form = page[page.index("<form") : page.index("</form>")]
    assert form.count("<button") == 1
    assert "<input" not in form
    assert "a•••@example.org" in page
    assert "ada@example.org" not in page


def test_the_button_unsubscribes_and_the_page_offers_the_way_back(client, make_subscriber):
    subscriber = make_subscriber()
    page = client.post(path_of(subscriber)).content.decode()
    assert "You are unsubscribed" in page
    assert 'action="/subscribe/"' in page
    assert leavings_of(subscriber) == ["unsubscribe link"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("pending", "unsubscribed"),
        ("active", "unsubscribed"),
        ("bounced", "unsubscribed"),
        ("unsubscribed", "unsubscribed"),
        ("complained", "complained"),  # the stronger word
    ],
)
def test_a_link_of_any_age_is_answered_well(client, make_subscriber, before, after):
    subscriber = make_subscriber(state=before)
    assert client.post(path_of(subscriber)).status_code == 200
    subscriber.refresh_from_db()
    assert subscriber.state == after


def test_unsubscribing_twice_is_noted_once(make_subscriber):
    subscriber = make_subscriber()
    stale = type(subscriber).objects.get(pk=subscriber.pk)
    assert signup.unsubscribe(subscriber, source="test")
    assert not signup.unsubscribe(stale, source="test")
    assert ConsentEvent.objects.filter(kind=ConsentKind.UNSUBSCRIBED).count() == 1


@pytest.mark.usefixtures("tasks_at_once")
def test_unsubscribing_sends_no_mail(client, make_subscriber, mailoutbox):
    client.post(path_of(make_subscriber()))
    assert mailoutbox == []


def test_an_erased_subscriber_s_link_still_answers(client, make_subscriber):
    subscriber = make_subscriber()
    erase(subscriber, source="test")
    assert client.get(path_of(subscriber)).status_code == 200
    assert client.post(path_of(subscriber)).status_code == 200
    subscriber.refresh_from_db()
    assert subscriber.state == SubscriberState.ERASED
