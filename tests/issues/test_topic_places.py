"""Where stories stand under their topics: stored, and never other than what issue and position say."""

import pytest
from django.utils import timezone

from issues.arranging import board_of, move, rearrange
from issues.exporting import export_digest
from issues.importing.digests import import_digest
from issues.merging import merge_topics
from issues.models import Story, StoryTopic
from issues.publishing import publish
from issues.search.indexing import index_stories, rebuild
from issues.writing import arrange, save_story


def stored():
    return dict(StoryTopic.objects.values_list("pk", "place"))


def right():
    def place(story):
        published = story.issue is not None and story.issue.state == "published"
        return story.issue.number * 100_000 - story.position if published else 0

    return {item.pk: place(item.content_object) for item in StoryTopic.objects.select_related("content_object__issue")}


@pytest.fixture
def issue(make_issue, make_story, publication):
    """A published one with three stories; another is published, and one waits in the queue."""
    issue = make_issue(published_at=timezone.now())
    for story in range(3):
        make_story(f"Story {story}", issue=issue, topics=["robots", "vision"])
    make_story(issue=make_issue(published_at=timezone.now()))
    make_story()
    assert stored() == right()
    assert len(set(stored().values())) == 5
    return issue


def stories_of(issue):
    return list(issue.stories.order_by("position"))


def test_a_story_that_moves_within_its_issue_has_another_place(issue):
    before = stored()
    arrange(issue, stories_of(issue)[::-1])
    assert stored() == right() != before
    board = board_of(issue)[0]
    rearrange(issue, board, move(board, f"down:{board.story_ids[0]}"))
    assert stored() == right()


def test_a_story_that_goes_to_another_issue_or_to_the_queue_has_another_place(issue, make_issue):
    to_come = make_issue()
    for where in (to_come, None, issue):
        story = stories_of(issue)[0]
        story.issue, story.position = where, None
        before = stored()
        save_story(story)
        assert stored() == right() != before


def test_stories_get_their_places_when_their_issue_is_published(issue, make_issue, make_story):
    to_come = make_issue()
    stories = [make_story(issue=to_come, topics=["robots"]) for _ in range(2)]
    assert set(StoryTopic.objects.filter(content_object__in=stories).values_list("place", flat=True)) == {0}
    publish(to_come)
    assert stored() == right()


def test_other_topics_have_the_same_places(issue, make_topic):
    story = stories_of(issue)[1]
    story.topics.set(["theory", "robots"])
    index_stories([story.pk])
    assert stored() == right()
    merge_topics(make_topic("robots"), [make_topic("vision")], {})
    assert stored() == right()


def test_what_is_imported_stands_in_its_place(issue, tmp_path):
    export_digest(tmp_path)
    Story.objects.all().delete()
    import_digest(tmp_path)
    assert stored() == right()
    assert len(stored()) == 8


def test_a_rebuild_puts_everything_in_its_place(issue):
    StoryTopic.objects.update(place=7)
    rebuild()
    assert stored() == right()
