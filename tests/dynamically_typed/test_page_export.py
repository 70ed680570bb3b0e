import gzip

import brotli
import pytest
from django.core.management import call_command
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.utils import timezone

from dynamically_typed import page_export
from issues.models import Issue
from issues.writing import save_story


@pytest.fixture
def export(db, tmp_path, capsys):
    """As the test client has it: a request would close the connection of the test's transaction."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)

    def run():
        call_command("export_site", str(tmp_path / "site"))
        return capsys.readouterr().out.strip().splitlines()[-1]

    run.folder = tmp_path / "site"
    yield run
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def story(make_issue, make_story):
    return make_story("A story", issue=make_issue(published_at=timezone.now()), topics=["computer vision"])


def test_pages_are_files_as_readers_get_them_with_both_codings_beside(export, story, client):
    export()
    for path, file in {
        "/": "index.html",
        "/stories/a-story/": "stories/a-story/index.html",
        "/topics/computer-vision/": "topics/computer-vision/index.html",
        "/feed.atom": "feed.atom",
        "/theme.css": "theme.css",
    }.items():
        body = (export.folder / file).read_bytes()
        assert body == client.get(path).content
        assert gzip.decompress((export.folder / f"{file}.gz").read_bytes()) == body
        assert brotli.decompress((export.folder / f"{file}.br").read_bytes()) == body


def test_only_what_changed_is_written_again(export, story):
    export()
    before = (export.folder / "theme.css").stat().st_ino
    assert export().startswith("0 written")
    story.title = "Another title"
    save_story(story)
    assert not export().startswith("0 written")
    assert "Another title" in (export.folder / "stories/a-story/index.html").read_text()
    assert (export.folder / "theme.css").stat().st_ino == before


def test_what_is_public_no_more_is_removed(export, story):
    export()
    Issue.objects.update(state="draft", published_at=None)
    export()
    assert not list((export.folder / "stories/a-story").iterdir())
    assert (export.folder / "index.html").exists()


def test_what_an_export_that_was_broken_off_wrote_is_removed_by_the_next(export, story):
    def break_off_after_the_story(path):
        if (export.folder / "stories/a-story/index.html").exists():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        page_export.export(export.folder, page_export.addresses(), break_off_after_the_story)
    Issue.objects.update(state="draft", published_at=None)
    export()
    assert not list((export.folder / "stories/a-story").iterdir())


def test_what_is_not_public_is_not_exported(export, story, make_story):
    make_story("In the queue")
    export()
    names = {str(path.relative_to(export.folder)) for path in export.folder.rglob("*") if path.is_file()}
    assert not any(name.startswith(("admin", "mail", "subscribe", "search")) or "queue" in name for name in names)
