import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from subscribers.models import Subscriber
from tests.admin_forms import permitted

LIST = "/admin/subscribers/subscriber/"


def act(client, action, *subscribers, **fields):
    return client.post(
        LIST,
        {"action": action, "_selected_action": [subscriber.pk for subscriber in subscribers], **fields},
        follow=True,
    )


def test_the_list_s_number_of_queries_does_not_grow_with_its_rows(admin_client, make_subscriber):
    make_subscriber()
    admin_client.get(LIST)
    with CaptureQueriesContext(connection) as one:
        admin_client.get(LIST)
    for _ in range(30):
        make_subscriber()
    with CaptureQueriesContext(connection) as many:
        assert "reader31@example.org" in admin_client.get(LIST).content.decode()
    assert len(many) == len(one)


def test_a_subscriber_is_found_by_a_part_of_the_address(admin_client, make_subscriber):
    make_subscriber(email="ada@example.org")
    make_subscriber(email="eve@example.org")
    page = admin_client.get(LIST, {"q": "ADA@"}).content.decode()
    assert "ada@example.org" in page
    assert "eve@example.org" not in page


def test_a_subscriber_s_page_shows_the_history_and_edits_nothing(admin_client, make_subscriber):
    subscriber = make_subscriber(email="ada@xn--bcher-kva.example.com", state="unsubscribed")
    path = reverse("admin:subscribers_subscriber_change", args=[subscriber.pk])
    page = admin_client.get(path).content.decode()
    assert "ada@bücher.example.com" in page
    assert "Confirmed" in page
    assert 'name="_save"' not in page
    assert admin_client.post(path, {"state": "active"}).status_code == 403
    subscriber.refresh_from_db()
    assert subscriber.state == "unsubscribed"


def test_an_editor_adds_somebody_only_with_a_stated_consent(admin_client):
    assert admin_client.get(f"{LIST}add/").status_code == 200
    page = admin_client.post(f"{LIST}add/", {"email": "ada@example.org"}).content.decode()
    assert "This field is required" in page
    assert Subscriber.objects.count() == 0
    consent = "Asked for it at the meetup of 3 March 2030."
    admin_client.post(f"{LIST}add/", {"email": "Ada@EXAMPLE.org", "consent": consent})
    subscriber = Subscriber.objects.get()
    assert (subscriber.email, subscriber.state) == ("Ada@example.org", "active")
    [event] = subscriber.consent_events.all()
    assert (event.kind, event.source, event.wording) == ("added", "admin", consent)
    assert LogEntry.objects.get().object_id == str(subscriber.pk)


@pytest.mark.parametrize(
    ("email", "sentence"),
    [("ada", "one @"), ("GONE@example.org", "in the list already: unsubscribed")],
)
def test_a_bad_or_known_address_is_refused_with_a_sentence(admin_client, make_subscriber, email, sentence):
    make_subscriber(email="gone@example.org", state="unsubscribed")
    page = admin_client.post(f"{LIST}add/", {"email": email, "consent": "They said yes."}).content.decode()
    assert sentence in page
    assert Subscriber.objects.active().count() == 0


def test_editors_unsubscribe_by_an_action(admin_client, make_subscriber):
    subscriber, other = make_subscriber(), make_subscriber()
    assert "1 unsubscribed." in act(admin_client, "unsubscribe", subscriber).content.decode()
    subscriber.refresh_from_db()
    other.refresh_from_db()
    assert (subscriber.state, other.state) == ("unsubscribed", "active")
    assert subscriber.consent_events.last().source == "admin"


def test_erasing_asks_first_and_leaves_no_address_in_the_admin_s_log(admin_client, make_subscriber):
    admin_client.post(f"{LIST}add/", {"email": "ada@example.org", "consent": "They said yes."})
    subscriber = Subscriber.objects.get()
    assert "can't be brought back" in act(admin_client, "erase", subscriber).content.decode()
    subscriber.refresh_from_db()
    assert subscriber.email == "ada@example.org"
    assert "1 erased." in act(admin_client, "erase", subscriber, confirmed="yes").content.decode()
    subscriber.refresh_from_db()
    assert (subscriber.email, subscriber.state) == ("", "erased")
    assert {entry.object_repr for entry in LogEntry.objects.all()} == {f"erased subscriber {subscriber.pk}"}
    assert "ada" not in " ".join(LogEntry.objects.values_list("change_message", flat=True))


def test_nobody_deletes_a_subscriber(admin_client, make_subscriber):
    subscriber = make_subscriber()
    assert admin_client.post(f"{LIST}{subscriber.pk}/delete/", {"post": "yes"}).status_code == 403
    act(admin_client, "delete_selected", subscriber, post="yes")
    assert Subscriber.objects.count() == 1


def test_erasing_needs_its_own_permission(client, make_subscriber):
    client.force_login(permitted("view_subscriber", "change_subscriber"))
    subscriber = make_subscriber()
    act(client, "erase", subscriber, confirmed="yes")
    subscriber.refresh_from_db()
    assert subscriber.state == "active"
    act(client, "unsubscribe", subscriber)
    subscriber.refresh_from_db()
    assert subscriber.state == "unsubscribed"
