"""What is saved in the moment in which somebody else saves or publishes it."""

import datetime
import sys
import threading
import time
from contextlib import suppress

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from issues import arranging, publishing, writing
from issues.admin import issues as issue_admin
from issues.admin import stories as story_admin
from issues.errors import NotReady
from issues.management.commands import render_texts
from issues.models import Issue, IssueState, Story, Topic
from issues.preflight import reports
from issues.search import indexing
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
    """Have another process do something, as far as locks let it, just before a function of a module is first called.

    Returns what waits for that process.
    """

    def arrange(module, name, action):
        usual = getattr(module, name)

        def act():
            try:
                action()
            finally:
                connection.close()

        other = threading.Thread(target=act)

        def call(*args, **kwargs):
            if other.ident is None:
                other.start()
                until = time.monotonic() + DEADLINE
                while other.is_alive() and not somebody_waits_for_us() and time.monotonic() < until:
                    time.sleep(0.01)
            return usual(*args, **kwargs)

        monkeypatch.setattr(module, name, call)
        return lambda: other.join(DEADLINE)

    return arrange


def done():
    """Called within a transaction after its last step."""


def publish(issue):
    with suppress(NotReady):
        publishing.publish(Issue.objects.get(pk=issue.pk))


def rewrite(story):
    """As the form of a story does."""
    with transaction.atomic():
        writing.hold(Story.objects.filter(pk=story.pk))
        story = Story.objects.get(pk=story.pk)
        story.body = "A later text."
        writing.save_story(story)


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
    wait = meanwhile(issue_admin, "save_issue", lambda: publish(issue))
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
    wait = meanwhile(story_admin, "store_story", lambda: publish(issue))
    assert editor.post(address, form).status_code == 302
    wait()
    assert not Story.objects.published().filter(slug="a-draft").exists()


def test_what_a_writer_saves_while_the_story_is_put_into_an_issue_stays(issue, make_story, meanwhile):
    story = make_story("In the queue", body="An earlier text.")
    before, _ = arranging.board_of(issue)
    after = arranging.move(before, f"{story.section_id}:{story.pk}")
    wait = meanwhile(arranging, "save_story", lambda: rewrite(story))
    arranging.rearrange(issue, before, after)
    wait()
    story.refresh_from_db()
    assert (story.issue, story.body) == (issue, "A later text.")


def test_the_html_of_a_story_is_never_that_of_an_earlier_text(make_story, meanwhile):
    story = make_story(body="An earlier text.")
    wait = meanwhile(writing, "render_story", lambda: rewrite(story))
    writing.render_stories_again([story])
    wait()
    story.refresh_from_db()
    assert (story.body, story.body_html) == ("A later text.", "<p>A later text.</p>")


def test_a_topic_that_is_described_anew_while_an_issue_is_published_keeps_that(issue, make_topic, meanwhile):
    topic = make_topic("grids", description=f"See DT #{issue.number}.")

    def describe():
        later = Topic.objects.get(pk=topic.pk)
        later.description = "A later text."
        writing.save_topic(later)

    wait = meanwhile(publishing, "save_topic", describe)
    publishing.publish(issue)
    wait()
    topic.refresh_from_db()
    assert (topic.description, topic.description_html) == ("A later text.", "<p>A later text.</p>")


def test_what_is_saved_while_an_issue_is_examined_for_the_web_waits_for_its_publication(issue, meanwhile):
    states = []

    def look():
        with transaction.atomic():
            writing.hold(Issue.objects.all())
            states.append(Issue.objects.get().state)

    wait = meanwhile(publishing, "require_ready", look)
    publishing.publish_on_the_web(issue)
    wait()
    assert states == [IssueState.PUBLISHED]


def test_of_two_who_pass_a_warning_at_once_the_second_is_told(issue, meanwhile):
    Story.objects.update(summary="")
    user, key, told = User.objects.create_user("ada"), reports.examine(issue).warnings[0].key, []

    def pass_it():
        try:
            reports.pass_warning(issue, key, "It is all right.", user)
        except NotReady as error:
            told.append(str(error))

    wait = meanwhile(reports, "record", pass_it)
    pass_it()
    wait()
    assert told == ["This warning is gone or was passed already. Look at the list as it is now."]


def test_two_stories_that_get_the_same_topic_at_once_are_both_counted(make_issue, make_story, make_topic, meanwhile):
    topic, day = make_topic("grids"), datetime.date(2026, 1, 1)
    make_story(issue=make_issue(published_at=timezone.now()), topics=[topic])
    one, other = (make_story(body="Grids.", issue=make_issue(published_at=timezone.now(), date=day)) for _ in "ab")

    def add(story):
        with transaction.atomic():
            story.topics.add(topic)
            indexing.index_stories([story.pk])
            done()

    wait = meanwhile(sys.modules[__name__], "done", lambda: add(other))
    add(one)
    wait()
    assert sum(year.story_count for year in topic.years.all()) == 3


def test_rendering_all_texts_takes_no_publication_back(issue, meanwhile, capsys):
    wait = meanwhile(render_texts, "save_issue", lambda: publish(issue))
    call_command("render_texts")
    wait()
    issue.refresh_from_db()
    assert issue.state == IssueState.PUBLISHED
