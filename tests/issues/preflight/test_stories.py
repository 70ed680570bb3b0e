"""What the issue is made of: each check, silent and speaking."""

import pytest
from django.utils import timezone

from issues.preflight import stories

pytestmark = pytest.mark.django_db


def test_an_issue_has_stories(found, issue, make_story):
    assert found(stories.issue_has_stories, issue) == ["E: The issue has no stories."]
    make_story(issue=issue)
    assert found(stories.issue_has_stories, issue) == []


def test_all_stories_are_approved(found, issue, make_story):
    make_story("Done", issue=issue)
    assert found(stories.stories_are_approved, issue) == []
    make_story("Half done", issue=issue, state="in review")
    assert found(stories.stories_are_approved, issue) == ["E: The story “Half done” is not approved: it is in review."]


def test_each_story_has_a_topic(found, issue, make_story, make_topic):
    make_story("Filed", issue=issue, topics=[make_topic()])
    assert found(stories.stories_have_a_topic, issue) == []
    make_story("Loose", issue=issue, topics=[])
    assert found(stories.stories_have_a_topic, issue) == ["W: The story “Loose” has no topic."]


def test_each_story_has_a_summary(found, issue, make_story):
    make_story("Told", issue=issue, summary="In short.")
    assert found(stories.stories_have_a_summary, issue) == []
    make_story("Untold", issue=issue, summary=" ")
    assert found(stories.stories_have_a_summary, issue) == ["W: The story “Untold” has no summary."]


def test_no_title_is_there_twice(found, issue, make_story, make_issue):
    make_story("One", issue=issue)
    make_story("Two", issue=issue)
    make_story("In the queue", slug="queued")
    make_issue(number=49, title="Another", published_at=timezone.now())
    assert found(stories.titles_differ, issue) == []
    make_story("one", slug="one-again", issue=issue)
    before = make_issue(number=48, title=issue.title, published_at=timezone.now())
    make_story("Two", slug="two-before", issue=before)
    assert found(stories.titles_differ, issue) == [
        "W: Another story of the issue is called “One”, too.",
        "W: Another story of the issue is called “one”, too.",
        "W: A published story is called “Two” already.",
        f"W: Issue #48 is called “{issue.title}”, too.",
    ]


def test_a_section_that_the_last_three_issues_had_is_not_empty(found, issue, make_story, make_issue, make_section):
    usual, rare = make_section("Quick Links"), make_section("Rare")
    for number in (47, 48, 49):
        make_story(section=usual, issue=make_issue(number=number, published_at=timezone.now()))
    make_story(section=rare, issue=make_issue(number=46, published_at=timezone.now()))
    assert found(stories.usual_sections_are_filled, issue) == [
        "W: The section “Quick Links” is empty, and the last 3 issues had it."
    ]
    make_story(section=usual, issue=issue)
    assert found(stories.usual_sections_are_filled, issue) == []
