from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from audit.models import Entry
from subscribers import tasks, uploads
from subscribers.models import ConsentEvent, ImportRun, Subscriber
from tests.admin_forms import permitted

pytestmark = pytest.mark.django_db
IMPORT = "/admin/subscribers/subscriber/import/"
FILES = Path(__file__).parent / "files"
CONSENT = "They agreed on our old site."


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.VAR_DIR = tmp_path / "var"
    return settings.VAR_DIR / "imports"


@pytest.fixture
def bring():
    """Bring a file to the admin; return the page it leads to."""

    def post(client, content="email\nada@example.org\n", name="readers.csv", consent=CONSENT):
        file = SimpleUploadedFile(name, content.encode() if isinstance(content, str) else content)
        return client.post(IMPORT, {"file": file, "consent": consent}, follow=True)

    return post


@pytest.fixture
def only_by_worker(monkeypatch):
    monkeypatch.setattr(uploads, "AT_ONCE", 0)


def act(client, step):
    run = ImportRun.objects.latest("pk")
    return client.post(f"/admin/subscribers/importrun/{run.pk}/{step}/", follow=True)


def test_a_file_is_checked_first_and_imported_on_a_word(admin_client, bring, folder):
    page = bring(admin_client, (FILES / "buttondown.csv").read_bytes(), "buttondown.csv").content.decode()
    assert "Would be added as active" in page
    assert "Line 9: An address has one @" in page
    assert Subscriber.objects.count() == 0
    page = act(admin_client, "confirm").content.decode()
    assert "Added as active" in page
    assert Subscriber.objects.active().count() == 2
    assert ConsentEvent.objects.filter(kind="imported", source="import: Buttondown, buttondown.csv").count() == 2
    assert [path.suffixes for path in folder.iterdir()] == [[".refused", ".csv"]]
    assert list(Entry.objects.order_by("pk").values_list("who", "action", "note")) == [
        ("admin", "added", "Brought buttondown.csv to be imported."),
        ("admin", "imported", ""),
    ]


def test_refused_rows_come_back_as_a_file_that_can_be_mended_and_brought_again(admin_client, bring):
    bring(admin_client, (FILES / "keila.csv").read_bytes(), "keila.csv")
    act(admin_client, "confirm")
    run = ImportRun.objects.get()
    answer = admin_client.get(f"/admin/subscribers/importrun/{run.pk}/refused/")
    assert answer["Content-Disposition"] == 'attachment; filename="keila-refused.csv"'
    mended = b"".join(answer.streaming_content).replace(b"waiting", b"active")
    bring(admin_client, mended, "keila-refused.csv")
    act(admin_client, "confirm")
    assert Subscriber.objects.get(email="barbara@example.org").state == "active"


def test_files_lie_out_of_reach_and_for_their_owner_only(admin_client, bring, folder, settings):
    bring(admin_client, "email\nada\n", name="../../evil.csv")
    assert {path.stat().st_mode & 0o077 for path in [folder, *folder.iterdir()]} == {0}
    assert len(list(folder.iterdir())) == 2
    assert not folder.is_relative_to(settings.MEDIA_ROOT)
    assert "evil" not in "".join(path.name for path in folder.iterdir())


def test_a_checked_file_can_be_discarded(admin_client, bring, folder):
    bring(admin_client, "email\nada@example.org\nbad\n")
    assert "Discarded" in act(admin_client, "discard").content.decode()
    assert list(folder.iterdir()) == []
    act(admin_client, "confirm")
    assert Subscriber.objects.count() == 0


def test_a_file_that_cannot_be_read_says_why_and_is_deleted(admin_client, bring, folder):
    page = bring(admin_client, "name\nAda\n").content.decode()
    assert "names no column “email”" in page
    assert list(folder.iterdir()) == []


def test_consent_has_to_be_stated(admin_client, bring):
    assert "This field is required" in bring(admin_client, consent=" ").content.decode()
    assert ImportRun.objects.count() == 0


def test_a_file_has_a_limit(admin_client, bring, monkeypatch):
    monkeypatch.setattr(uploads, "LARGEST_UPLOAD", 10)
    assert "manage.py import_subscribers" in bring(admin_client).content.decode()
    assert ImportRun.objects.count() == 0


def test_confirming_twice_imports_once(admin_client, bring):
    bring(admin_client)
    act(admin_client, "confirm")
    act(admin_client, "confirm")
    assert ConsentEvent.objects.filter(kind="imported").count() == 1


@pytest.mark.usefixtures("only_by_worker")
def test_a_large_file_is_for_a_worker_and_the_page_tells_how_far_it_is(
    admin_client, bring, tasks_at_once, django_capture_on_commit_callbacks
):
    page = bring(admin_client).content.decode()
    run = ImportRun.objects.get()
    progress = f"/admin/subscribers/importrun/{run.pk}/progress/"
    assert progress in page
    assert "<progress" in page
    assert admin_client.get(progress).json() == {"state": "checking", "read": 0, "percent": "0 %"}
    tasks.work_on_import(run.pk)
    assert admin_client.get(progress).json() == {"state": "checked", "read": 22, "percent": "100 %"}
    with django_capture_on_commit_callbacks(execute=True):
        act(admin_client, "confirm")
    assert Subscriber.objects.active().count() == 1


@pytest.mark.usefixtures("only_by_worker")
def test_a_task_that_runs_twice_does_no_harm(admin_client, bring):
    bring(admin_client)
    run = ImportRun.objects.get()
    for _ in range(3):
        tasks.work_on_import(run.pk)
    assert ImportRun.objects.get().state == "checked"
    tasks.work_on_import(run.pk + 1)


@pytest.mark.usefixtures("only_by_worker")
def test_what_a_dead_worker_left_can_be_started_again(admin_client, bring, monkeypatch):
    page = bring(admin_client).content.decode()
    assert "Start it again" not in page
    with time_machine.travel(timezone.now() + timedelta(minutes=11)):
        run = ImportRun.objects.get()
        assert "Start it again" in admin_client.get(f"/admin/subscribers/importrun/{run.pk}/change/").content.decode()
        monkeypatch.setattr(uploads, "AT_ONCE", 1000)
        act(admin_client, "again")
    assert ImportRun.objects.get().state == "checked"


def test_old_files_are_deleted(admin_client, bring, folder):
    bring(admin_client, "email\nada@example.org\nbad\n")
    assert uploads.delete_old() == 0
    with time_machine.travel(timezone.now() + timedelta(hours=25)):
        tasks.delete_old_imports()
    assert ImportRun.objects.get().state == "discarded"
    bring(admin_client, "email\nada@example.org\nbad\n")
    act(admin_client, "confirm")
    assert len(list(folder.iterdir())) == 1
    with time_machine.travel(timezone.now() + timedelta(days=8)):
        uploads.delete_old()
    assert list(folder.iterdir()) == []


def test_importing_needs_its_own_permission_at_every_step(client, admin_client, bring):
    bring(admin_client)
    run = ImportRun.objects.get()
    editor = permitted("view_subscriber", "add_subscriber")
    client.force_login(editor)
    assert bring(client).status_code == 403
    for step in ("confirm", "discard", "again"):
        assert act(client, step).status_code == 403
    for page in ("progress", "refused", "change"):
        assert client.get(f"/admin/subscribers/importrun/{run.pk}/{page}/").status_code == 403
    editor.user_permissions.add(Permission.objects.get(codename="import_subscribers"))
    assert client.get(IMPORT).status_code == 200
    assert act(client, "confirm").status_code == 200
    assert Subscriber.objects.count() == 1


@pytest.mark.parametrize("step", ["confirm", "discard", "again"])
def test_looking_changes_nothing(admin_client, bring, step):
    bring(admin_client)
    run = ImportRun.objects.get()
    assert admin_client.get(f"/admin/subscribers/importrun/{run.pk}/{step}/").status_code == 405
    assert ImportRun.objects.get().state == "checked"


def test_nobody_changes_or_deletes_the_trace(admin_client, bring):
    bring(admin_client)
    run = ImportRun.objects.get()
    assert admin_client.post(f"/admin/subscribers/importrun/{run.pk}/delete/", {"post": "yes"}).status_code == 403
    assert admin_client.post(f"/admin/subscribers/importrun/{run.pk}/change/", {"consent": "x"}).status_code == 403
    assert admin_client.get("/admin/subscribers/importrun/").status_code == 200
