import csv
import io
import json

import pytest
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.models import Action, Entry
from subscribers import erasure, signup
from subscribers.exporting import BATCH
from subscribers.models import ConsentEvent, Subscriber
from tests.admin_forms import permitted

pytestmark = pytest.mark.django_db
EXPORT = "/admin/subscribers/subscriber/export/"


def export(*options):
    output = io.StringIO(newline="")
    call_command("export_subscribers", "-", *options, stdout=output)
    return output.getvalue()


def rows(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_the_export_tells_state_dates_and_consent(make_subscriber):
    subscriber = make_subscriber(email="ada@example.org", state="pending", history=[])
    ConsentEvent.objects.create(
        subscriber=subscriber, kind="signed up", source="sign-up form", wording="I want it, “weekly”."
    )
    ConsentEvent.objects.create(subscriber=subscriber, kind="confirmed", source="link in the confirmation mail")
    Subscriber.objects.update(state="active")
    [row] = rows(export())
    assert (row["email"], row["state"], row["consent"]) == ("ada@example.org", "active", "confirmed")
    assert row["consent_source"] == "link in the confirmation mail"
    assert row["consent_wording"] == "I want it, “weekly”."
    assert row["since"] == subscriber.created_at.isoformat()
    assert [event["what"] for event in json.loads(row["history"])] == ["signed up", "confirmed"]


def test_an_export_imported_elsewhere_gives_the_same_list(make_subscriber, tmp_path):
    make_subscriber(email="ada@example.org")
    make_subscriber(email="+formula@example.org")
    make_subscriber(email="'=quoted@example.org")
    make_subscriber(email="ada@xn--bcher-kva.example.com", state="unsubscribed")
    make_subscriber(email="bounced@example.org", state="bounced")
    make_subscriber(email="complained@example.org", state="complained")
    make_subscriber(email="pending@example.org", state="pending")
    erasure.erase(make_subscriber(email="gone@example.org"), source="test")
    signup.add("eve@example.org", consent="=Said so at the meetup.", source="admin")

    def listed():
        known = Subscriber.objects.exclude(state__in=["pending", "erased"])
        return sorted(known.values_list("email", "state", "created_at"))

    before = listed()
    path = tmp_path / "subscribers.csv"
    call_command("export_subscribers", str(path), stdout=io.StringIO())
    assert path.stat().st_mode & 0o077 == 0
    Subscriber.objects.all().delete()
    output = io.StringIO()
    call_command("import_subscribers", str(path), "--consent", "Moved from our old server.", "--json", stdout=output)
    report = json.loads(output.getvalue())
    assert report["left_out"] == {"not confirmed there": 1, "erased there": 1}
    assert listed() == before
    wording = ConsentEvent.objects.get(subscriber__email="eve@example.org").wording
    assert wording.startswith("Moved from our old server. On that list since ")
    assert wording.endswith("(admin): “=Said so at the meetup.”.")


def test_no_cell_begins_like_a_formula(make_subscriber):
    make_subscriber(email="=cmd@example.org")
    make_subscriber(email="-1@example.org")
    subscriber = make_subscriber(email="@example.org@example.org")
    ConsentEvent.objects.create(subscriber=subscriber, kind="added", source="@SUM(1)", wording="\t=1+1")
    cells = [cell for row in csv.reader(io.StringIO(export(), newline="")) for cell in row]
    assert "'=cmd@example.org" in cells
    assert "'\t=1+1" in cells
    assert not [cell for cell in cells if cell.startswith(tuple("=+-@\t\r"))]


def test_one_state_can_be_exported(make_subscriber):
    make_subscriber(email="ada@example.org")
    make_subscriber(email="eve@example.org", state="bounced")
    assert [row["email"] for row in rows(export("--state", "bounced"))] == ["eve@example.org"]


def test_queries_grow_by_two_for_each_batch_only(make_subscriber):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            export()
        return len(captured)

    make_subscriber()
    one = queries()
    for _ in range(30):
        make_subscriber()
    assert queries() == one
    assert BATCH > 30


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(CommandError, match="can’t be written"):
        call_command("export_subscribers", str(tmp_path / "nowhere" / "file.csv"))


def test_the_admin_exports_by_post_and_notes_who_did(admin_client, make_subscriber):
    make_subscriber(email="ada@example.org")
    make_subscriber(email="eve@example.org", state="bounced")
    page = admin_client.get(EXPORT)
    assert b"ada@example.org" not in page.content
    assert not Entry.objects.exists()
    answer = admin_client.post(EXPORT, {"state": "active"})
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"].startswith('attachment; filename="subscribers-')
    assert "no-store" in answer["Cache-Control"]
    text = b"".join(answer.streaming_content).decode()
    assert [row["email"] for row in rows(text)] == ["ada@example.org"]
    entry = Entry.objects.get(action=Action.EXPORTED)
    assert (entry.who, entry.object_name, entry.note) == ("admin", "subscribers", "1 subscribers (active).")


def test_exporting_needs_its_own_permission(client, make_subscriber):
    editor = permitted("view_subscriber", "add_subscriber")
    client.force_login(editor)
    assert client.post(EXPORT, {"state": ""}).status_code == 403
    assert EXPORT not in client.get("/admin/subscribers/subscriber/").content.decode()
    editor.user_permissions.add(Permission.objects.get(codename="export_subscribers"))
    assert client.post(EXPORT, {"state": ""}).status_code == 200
    assert EXPORT in client.get("/admin/subscribers/subscriber/").content.decode()
