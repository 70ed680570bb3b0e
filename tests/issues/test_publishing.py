"""The steps of an issue: draft, approved, published; and what becomes a link when it is public."""

import datetime

import pytest
from django.utils import timezone

from issues.errors import NotReady
from issues.models import Issue, IssueState, StoryState
from issues.publishing import approve, publish, withdraw_approval
from issues.writing import save_topic

pytestmark = pytest.mark.django_db


@pytest.fixture
def ready(make_issue, make_story, publication):
    """Issue #50 with one approved story, `fifty`."""
    issue = make_issue(number=50)
    make_story("The fiftieth", slug="fifty", issue=issue)
    return issue


def state_of(issue):
    return Issue.objects.get(pk=issue.pk).state


def test_publishing_makes_an_issue_and_its_stories_public(client, ready):
    assert client.get("/issues/50/").status_code == 404
    assert client.get("/stories/fifty/").status_code == 404
    before = timezone.now()
    publish(ready)
    assert before <= ready.published_at <= timezone.now()
    assert client.get("/issues/50/").status_code == 200
    assert client.get("/stories/fifty/").status_code == 200


def test_publishing_twice_changes_nothing(ready):
    publish(ready, datetime.datetime(2021, 1, 17, 12, tzinfo=datetime.UTC))
    publish(ready)
    assert Issue.objects.get(pk=ready.pk).published_at.year == 2021


def test_an_issue_without_stories_is_not_published(make_issue):
    with pytest.raises(NotReady, match="no stories"):
        publish(make_issue())


@pytest.mark.parametrize("state", [StoryState.DRAFT, StoryState.IN_REVIEW])
def test_a_story_that_is_not_approved_keeps_its_issue_from_being_published(ready, make_story, state):
    make_story("Unfinished", issue=ready, state=state)
    with pytest.raises(NotReady, match=r"“Unfinished” is not approved: it is (draft|in review)"):
        publish(ready)
    assert state_of(ready) == IssueState.DRAFT


def test_all_that_stands_in_the_way_is_said_at_once(ready, make_story):
    make_story("No picture", issue=ready, body="![Seen](figures/none.png)")
    make_story("Half a comparison", issue=ready, body="/// comparison\n\n///", state="draft")
    with pytest.raises(NotReady) as refused:
        publish(ready)
    said = "\n".join(refused.value.reasons)
    assert "In the story “No picture”: There is no picture “figures/none.png”" in said
    assert "In the story “Half a comparison”: A comparison has fewer than two answers" in said
    assert "“Half a comparison” is not approved" in said


@pytest.mark.parametrize("name", ["intro", "outro"])
def test_a_picture_that_is_missing_in_the_issue_s_own_texts_keeps_it_from_being_published(ready, name):
    setattr(ready, name, "![Seen](figures/none.png)")
    ready.save()
    with pytest.raises(NotReady, match=f"In the {name}: There is no picture “figures/none.png”"):
        publish(ready)
    assert state_of(ready) == IssueState.DRAFT


def test_approval_wants_a_postal_address_and_publication_does_not(ready, publication):
    publication.postal_address = " "
    publication.save()
    with pytest.raises(NotReady, match="postal address"):
        approve(ready)
    publish(ready)
    assert state_of(ready) == IssueState.PUBLISHED


def test_an_approval_can_be_withdrawn_and_a_publication_cannot(ready):
    approve(ready)
    assert state_of(ready) == IssueState.APPROVED
    withdraw_approval(ready)
    assert state_of(ready) == IssueState.DRAFT
    publish(ready)
    withdraw_approval(ready)
    approve(ready)
    assert state_of(ready) == IssueState.PUBLISHED


def test_the_database_s_state_counts_and_not_that_of_an_old_copy(ready):
    old = Issue.objects.get(pk=ready.pk)
    publish(ready, datetime.datetime(2021, 1, 17, 12, tzinfo=datetime.UTC))
    publish(old)
    assert old.published_at.year == 2021


def test_references_become_links_when_their_target_is_published(ready, make_story, make_issue, make_topic, client):
    earlier = make_story(
        slug="earlier", body="Soon: DT #50 and [[fifty]].", issue=make_issue(number=1, published_at=timezone.now())
    )
    topic = make_topic("things", description="See [[fifty]] and DT #50.")
    save_topic(topic)
    earlier.topics.add(topic)
    assert "/stories/fifty/" not in earlier.body_html + topic.description_html
    publish(ready)
    earlier.refresh_from_db()
    topic.refresh_from_db()
    for html in (earlier.body_html, topic.description_html):
        assert 'href="/issues/50/"' in html
        assert 'href="/stories/fifty/"' in html
        assert ">The fiftieth</a>" in html
    assert {reference.key: reference.target for reference in earlier.references.all()} == {
        "#50": ready,
        "fifty": ready.stories.get(),
    }
    assert b"The fiftieth" in client.get("/stories/earlier/").content


def test_the_issue_s_own_texts_link_to_what_has_become_public_meanwhile(ready, make_story, make_issue):
    other = make_issue(number=60, intro="After DT #50 and [[fifty]].")
    story = make_story(body="As in [[fifty]].", issue=other)
    assert "<a" not in other.intro_html
    publish(ready)
    publish(other)
    other.refresh_from_db()
    story.refresh_from_db()
    assert other.intro_html.count("<a ") == 2
    assert "<a " in story.body_html
