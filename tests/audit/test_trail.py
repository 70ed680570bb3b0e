import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.models import Action, Entry
from audit.recording import COMMAND_LINE, record
from tests.admin_forms import member_of, save

TRAIL = "/admin/audit/entry/"


def told():
    return list(Entry.objects.order_by("pk").values_list("who", "action", "object_name"))


def test_an_entry_names_who_did_what_to_what(make_issue):
    ada, issue = User.objects.create_user("ada"), make_issue(number=41, title="Maps")
    record(Action.APPROVED, issue, by=ada, note="After two readings.")
    record(Action.EXPORTED, "subscribers", by=COMMAND_LINE)
    assert told() == [("ada", "approved", "#41: Maps"), ("the command line", "exported", "subscribers")]
    assert Entry.objects.about(issue).get().note == "After two readings."


def test_an_entry_outlives_the_person_and_the_thing(make_topic):
    ada, topic = User.objects.create_user("ada"), make_topic("maps")
    record(Action.CHANGED, topic, by=ada)
    topic.delete()
    ada.delete()
    assert told() == [("ada", "changed", "maps")]


def test_what_is_done_in_the_admin_is_told_of_without_a_call(admin_client, make_topic):
    topic = make_topic("maps")
    address = f"/admin/issues/topic/{topic.pk}/change/"
    save(admin_client, address, name="atlases")
    admin_client.post(f"/admin/issues/topic/{topic.pk}/delete/", {"post": "yes"})
    assert told() == [("admin", "changed", "atlases"), ("admin", "deleted", "atlases")]
    assert Entry.objects.earliest("at").note == "Changed Name."


@pytest.mark.parametrize("names", [["one"], ["one", "two", "three"]])
def test_each_thing_that_is_deleted_from_a_list_is_told_of_once(admin_client, make_topic, names):
    chosen = [make_topic(name).pk for name in names]
    data = {"action": "delete_selected", "_selected_action": chosen}
    admin_client.post("/admin/issues/topic/", data)
    assert told() == []
    admin_client.post("/admin/issues/topic/", data | {"post": "yes"})
    assert sorted(told()) == [("admin", "deleted", name) for name in sorted(names)]


def test_the_trail_names_no_address_of_a_subscriber(admin_client, make_subscriber):
    subscriber = make_subscriber(email="ada@example.org")
    record(Action.CHANGED, subscriber, by="a worker")
    save(admin_client, f"/admin/subscribers/subscriber/{subscriber.pk}/change/")
    assert {entry.object_name for entry in Entry.objects.all()} == {f"subscriber {subscriber.pk}"}
    assert "ada" not in " ".join(Entry.objects.values_list("note", flat=True))


def test_the_page_filters_by_person_action_and_object_and_links_to_what_has_a_page(admin_client, make_issue):
    ada = User.objects.create_user("ada")
    issue, other = make_issue(title="Maps"), make_issue(title="Atlases")
    record(Action.APPROVED, issue, by=ada)
    record(Action.PUBLISHED, other, by="a worker")
    record(Action.DELETED, "Globes", by=ada)
    kind = Entry.objects.about(issue).get().content_type_id

    def shown(query):
        page = admin_client.get(TRAIL, query)
        assert page.status_code == 200
        return page.content.decode()

    assert f'<a href="/admin/issues/issue/{issue.pk}/change/">#1: Maps</a>' in shown({})
    assert "Atlases" not in shown({"user__id__exact": ada.pk})
    assert "Maps" not in shown({"action__exact": "published"})
    assert "Globes" not in shown({"content_type__id__exact": kind})
    assert "Atlases" not in shown({"content_type__id__exact": kind, "object_id": issue.pk})


def test_the_page_asks_the_database_no_more_with_more_entries(admin_client, make_issue):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            admin_client.get(TRAIL)
        return len(captured)

    record(Action.CHANGED, make_issue(), by="a worker")
    few = queries()
    for _ in range(30):
        record(Action.CHANGED, make_issue(), by="a worker")
    assert queries() == few


@pytest.mark.parametrize(("group", "status"), [("writer", 403), ("editor", 403), ("publisher", 200)])
def test_only_publishers_read_the_trail_and_nobody_writes_it(client, db, group, status):
    client.force_login(member_of(group))
    entry = record(Action.CHANGED, "a thing", by="a worker")
    assert client.get(TRAIL).status_code == status
    client.force_login(User.objects.create_superuser("root"))
    assert client.post(f"{TRAIL}{entry.pk}/change/", {"note": "forged"}).status_code == 403
    assert client.post(f"{TRAIL}{entry.pk}/delete/", {"post": "yes"}).status_code == 403
    assert client.get(f"{TRAIL}add/").status_code == 403
    assert not LogEntry.objects.exists()
