"""The desk's front page: what needs doing, for whoever may do it."""

import datetime

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from issues.models import Story
from papers.models import Lookup, LookupState, PaperUpdate, Resource
from subscribers.models import Subscriber
from tests.admin_forms import member_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def busy(publication, make_issue, make_story, make_paper):
    """A desk with so many of all things to do."""

    def make(count, first=0):
        issue = make_issue(title="To come")
        for number in range(first, first + count):
            make_story(f"To review {number}", state="in review", issue=issue)
            old = make_story(f"Old draft {number}", state="draft")
            Story.objects.filter(pk=old.pk).update(updated_at=timezone.now() - datetime.timedelta(days=30))
            make_story(f"New draft {number}", state="draft")
            paper = make_paper(f"Unknown paper {number}")
            Lookup.objects.create(paper=paper, state=LookupState.FAILED, message="Nobody knows it.")
            found = make_paper(f"Known paper {number}")
            Lookup.objects.create(paper=found, state=LookupState.FAILED)
            Lookup.objects.create(paper=found, state=LookupState.FOUND)
            day = timezone.localdate()
            PaperUpdate.objects.create(paper=found, kind="other", text="News.", happened_on=day)
            link = Resource.objects.create(
                url=f"https://example.org/{number}",
                title=f"Gone {number}",
                state="dead",
                checked_at=timezone.now(),
                finding="It answered with status 404.",
            )
            make_story(f"With link {number}", resources=[link], issue=make_issue(published_at=timezone.now()))
        return issue

    return make


def desk_of(client, user):
    client.force_login(user)
    return " ".join(client.get("/admin/").content.decode().split())


def test_an_editor_sees_what_needs_doing_with_links_to_it(client, busy):
    issue = busy(1)
    page = desk_of(client, member_of("editor"))
    for words in (
        f"/admin/issues/issue/{issue.pk}/change/",
        "<strong>1 error</strong>: not to be approved yet.",
        "The story “To review 0” is not approved",
        ">To review 0</a>",
        ">Old draft 0</a>",
        ">Unknown paper 0</a>",
        "Nobody knows it.",
        ">Gone 0</a>",
        "It answered with status 404.",
        "Nothing was sent yet.",
        "Decide what readers are told",
        "/admin/issues/topic/",
    ):
        assert words in page
    for words in (">New draft 0</a>", ">Known paper 0</a>"):
        assert words not in page


def test_a_desk_with_nothing_to_do_says_how_to_begin(client, publication):
    page = desk_of(client, member_of("editor"))
    assert "None is begun." in page
    assert "/admin/issues/issue/add/" in page
    assert "No story waits for a review." in page


def test_each_sees_only_what_they_may(client, busy):
    busy(1)
    writer = desk_of(client, member_of("writer"))
    assert "To review 0" in writer
    assert "The last sending" not in writer
    nobody = desk_of(client, User.objects.create_user("nobody", is_staff=True))
    for words in ("The next issue", "In review", "Broken links", "Unknown paper", "News of papers", "quick-add"):
        assert words not in nobody


def test_the_desk_takes_as_many_queries_for_sixteen_of_each_as_for_four(client, busy, make_subscriber):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert client.get("/admin/").status_code == 200
        return len(captured)

    busy(4)  # three published issues say what is usual
    client.force_login(member_of("publisher"))
    queries()
    few = queries()
    busy(12, first=4)
    for _ in range(5):
        make_subscriber()
    assert Subscriber.objects.count() == 5
    assert queries() == few <= 60
