import csv
import datetime
import io
import json

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from audit.models import Entry
from deliveries.claiming import NOTHING_CHOSEN, PAUSED
from deliveries.missed import KINDS
from issues.models import Issue
from subscribers.models import Subscriber

PERMISSIONS = ["view_delivery", "view_subscriber", "view_mailing"]


@pytest.fixture
def mailing(make_mailing):
    """One delivery for each kind of reason, and one that was sent."""
    mailing = make_mailing(readers=len(REASONS) + 1)
    deliveries = list(mailing.deliveries.order_by("pk"))
    deliveries[-1].state = "sent"
    for delivery, (state, reason, _) in zip(deliveries, REASONS, strict=False):
        delivery.state, delivery.reason = state, reason
    for delivery in deliveries:
        delivery.finished_at = None if delivery.state == "queued" else timezone.now()
        delivery.save()
    return mailing


REASONS = [
    ("failed", "550 5.1.1 No such user", "No such address"),
    ("failed", "552 5.2.2 Full", "The mailbox is full or closed"),
    ("failed", "554 5.7.1 Spam", "Refused by the server's policy"),
    ("failed", "554 Go away", "Refused for another reason"),
    ("failed", "Given up after 18 attempts. The last answer: 450 Later", "Put off by the server until we gave up"),
    ("failed", "This is not an address that mail can be sent to.", "No mail could be made or sent"),
    ("skipped", "The subscriber is unsubscribed.", "No longer an active subscriber"),
    ("skipped", PAUSED, "Has paused"),
    ("skipped", NOTHING_CHOSEN, "Nothing in it of what they chose"),
    ("skipped", "The mailing was cancelled.", "The mailing was cancelled"),
    ("uncertain", "Worker x ended.", "Uncertain: may have arrived"),
    ("queued", "451 Later", "Not yet: still in the queue"),
]


def where(mailing, name="missed"):
    return reverse(f"admin:deliveries_mailing_{name}", args=[mailing.pk])


def read(answer):
    return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))


def test_everybody_who_did_not_get_it_is_listed_with_the_reason(staff, mailing):
    rows = read(staff(*PERMISSIONS).get(where(mailing, "missed_csv")))
    assert [(row["state"], row["words"], row["why"]) for row in rows] == REASONS
    assert {row["email"] for row in rows} < set(Subscriber.objects.values_list("email", flat=True))
    assert len(REASONS) == len(KINDS)


def test_the_page_is_linked_from_the_mailings_page_and_filtered_by_state_and_reason(staff, mailing):
    editor = staff(*PERMISSIONS)
    assert where(mailing) in editor.get(reverse("admin:deliveries_mailing_change", args=[mailing.pk])).content.decode()
    assert "12 subscribers" in editor.get(where(mailing)).content.decode()
    assert "6 subscribers" in editor.get(where(mailing), {"state": "failed"}).content.decode()
    page = editor.get(where(mailing), {"state": "failed", "kind": "policy"}).content.decode()
    assert "1 subscriber<" in page
    assert "554 5.7.1 Spam" in page
    assert "550 5.1.1" not in page
    assert "Nobody of this kind" in editor.get(where(mailing), {"state": "skipped", "kind": "policy"}).content.decode()
    assert "12 subscribers" in editor.get(where(mailing), {"state": "x", "kind": "'"}).content.decode(), "unknown: all"
    assert len(read(editor.get(where(mailing, "missed_csv"), {"state": "failed"}))) == 6


def test_the_trail_tells_who_took_the_addresses_with_them(staff, mailing):
    staff(*PERMISSIONS).get(where(mailing, "missed_csv"), {"state": "failed"})
    entry = Entry.objects.about(mailing).get(action="exported")
    assert entry.note == "Who did not get it: 6 addresses (failed)."
    assert entry.user is not None


@pytest.mark.parametrize("name", ["missed", "missed_csv"])
def test_addresses_are_shown_to_those_who_may_see_both_deliveries_and_subscribers(staff, mailing, name, client):
    assert client.get(where(mailing, name)).status_code == 302
    assert staff("view_mailing", "view_delivery").get(where(mailing, name)).status_code == 403
    assert client.post(where(mailing, name)).status_code == 405


def test_a_page_shows_fifty_and_costs_the_same_at_1_and_120(staff, make_mailing, django_assert_num_queries):
    few = make_mailing(readers=1)
    Issue.objects.update(date=datetime.date(2020, 1, 1))  # An issue has a later day than the one before.
    many = make_mailing(readers=119)
    editor = staff(*PERMISSIONS)
    editor.get(where(few))  # what is kept from then on
    with CaptureQueriesContext(connection) as queries:
        editor.get(where(few))
    with django_assert_num_queries(len(queries)):
        page = editor.get(where(many)).content.decode()
    assert page.count("@example.org</th>") == 50
    assert "Page 1 of 3" in page
    assert editor.get(where(many), {"page": 3}).content.decode().count("@example.org</th>") == 20


def test_a_cell_that_a_spreadsheet_would_run_is_disarmed(staff, mailing):
    mailing.deliveries.filter(state="uncertain").update(reason="=HYPERLINK(1)")
    rows = read(staff(*PERMISSIONS).get(where(mailing, "missed_csv"), {"state": "uncertain"}))
    assert rows[0]["words"] == "'=HYPERLINK(1)"


def test_a_servers_words_are_text_and_no_markup(staff, mailing):
    mailing.deliveries.filter(state="uncertain").update(reason="<script>alert(1)</script>")
    page = staff(*PERMISSIONS).get(where(mailing)).content.decode()
    assert "<script>alert" not in page
    assert " style=" not in page


def test_the_command_lists_them_as_lines_csv_or_json(mailing, capsys):
    call_command("mailing", "missed", str(mailing.issue.number))
    assert capsys.readouterr().out.splitlines()[0].endswith(": No such address. 550 5.1.1 No such user")
    call_command("mailing", "missed", str(mailing.issue.number), "--csv")
    assert [row["words"] for row in csv.DictReader(io.StringIO(capsys.readouterr().out))] == [r[1] for r in REASONS]
    call_command("mailing", "missed", str(mailing.issue.number), "--json")
    assert [json.loads(line)["why"] for line in capsys.readouterr().out.splitlines()] == [r[2] for r in REASONS]
