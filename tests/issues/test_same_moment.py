"""A form that is saved in the moment in which its issue is published."""

import threading
import time

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from issues import publishing
from issues.admin import issues as issue_admin
from issues.admin import stories as story_admin
from issues.errors import NotReady
from issues.models import Issue, IssueState, Story
from tests.admin_forms import change, fill

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql", reason="SQLite lets one write at a time, from its first look"
    ),
]
DEADLINE = 60  # seconds


@pytest.fixture
def meanwhile(monkeypatch):
    """Have an issue published by another process, as far as locks let it, just before a function of a module is called.

    Returns what waits for that process.
    """

    def arrange(module, name, issue):
        usual = getattr(module, name)

        def publish():
            try:
                publishing.publish(Issue.objects.get(pk=issue.pk))
            except NotReady:
                pass
            finally:
                connection.close()

        other = threading.Thread(target=publish)

        def call(*args, **kwargs):
            other.start()
            until = time.monotonic() + DEADLINE
            while other.is_alive() and not somebody_waits_for_us() and time.monotonic() < until:
                time.sleep(0.01)
            return usual(*args, **kwargs)

        monkeypatch.setattr(module, name, call)
        return lambda: other.join(DEADLINE)

    return arrange


def somebody_waits_for_us():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
        )
        return cursor.fetchone()[0] > 0


@pytest.fixture
def editor(client):
    client.force_login(User.objects.create_superuser("editor"))
    return client


@pytest.fixture
def issue(publication, make_issue, make_story):
    issue = make_issue(title="Before")
    make_story(issue=issue, position=1)
    return issue


def test_who_saves_an_issue_while_it_is_published_does_not_take_it_back(editor, issue, meanwhile):
    form = fill(editor.get(change(issue)), title="After")
    wait = meanwhile(issue_admin, "save_issue", issue)
    assert editor.post(change(issue), form).status_code == 302
    wait()
    issue.refresh_from_db()
    assert (issue.title, issue.state) == ("After", IssueState.PUBLISHED)
    assert issue.published_at <= timezone.now()


@pytest.mark.parametrize("is_new", [True, False])
def test_no_draft_slips_into_an_issue_while_it_is_published(editor, issue, make_story, meanwhile, is_new):
    """It would be public at once, and nobody has approved it."""
    address = "/admin/issues/story/add/" if is_new else change(make_story("A draft", state="draft", slug="a-draft"))
    values = {"title": "A draft", "slug": "a-draft", "body": "Text.", "section": Story.objects.all()[0].section_id}
    form = fill(editor.get(address), **values, issue=issue.pk, position="")
    wait = meanwhile(story_admin, "store_story", issue)
    assert editor.post(address, form).status_code == 302
    wait()
    assert not Story.objects.published().filter(slug="a-draft").exists()
