"""Saving texts: the one way in for stories, issues and topics, from the admin, the importer and tests alike."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Max, QuerySet

from issues.models import Issue, IssueState, Publication, Story, StoryPaper, StoryResource, StoryTopic, Topic
from issues.references import store_references
from issues.rendering import Rendered, render_for_web
from issues.revising import record_revision
from issues.search.indexing import index_issue, index_stories, index_topic
from issues.topic_places import put_in_place
from papers.models import Paper, Resource


def hold(rows: QuerySet[Any]) -> int:
    """Lock these rows until the transaction ends, in the order of their keys; return how many. One query.

    Who needs an issue and its stories holds the issue first, so that no two wait for each other.
    """
    return len(rows.order_by("pk").select_for_update(of=["self"]).values_list("pk"))


@transaction.atomic
def save_story(story: Story, *, editor: User | None = None, note: str = "") -> Rendered:
    """Save a story with its HTML, references and a revision; return what the renderer found.

    A story with an issue and no position gets the last one. Related rows (topics, papers) are set before or after,
    with `record_revision` and `index_stories` called again. Raises BadMarkdown; then nothing is changed.
    """
    rendered = store_story(story)
    record_revision(story, editor=editor, note=note)
    index_stories([story.pk])
    return rendered


@transaction.atomic
def store_story(story: Story) -> Rendered:
    """As `save_story`, without the revision: for those who set topics and papers next and record it all as one."""
    rendered = render_story(story)
    if story.issue_id is None:
        story.position = None
    elif story.position is None:
        story.position = next_position(story.issue_id)
    story.save()
    put_in_place(story.topic_items.all())
    store_references(story, rendered.references)
    return rendered


def render_story(story: Story) -> Rendered:
    """Set the story's HTML and word count from its Markdown, without saving."""
    rendered = render_for_web(story.body, scope=story.slug, issue=story.issue)
    story.body_html, story.word_count = rendered.html, rendered.word_count
    return rendered


@transaction.atomic
def render_stories_again(stories: Iterable[Story]) -> None:
    """Bring stored HTML and references up to date after something that the texts refer to has changed.

    The rows are locked and read anew first: else the HTML of an earlier text could take the place of a later one's.
    """
    story_ids = [story.pk for story in stories]
    rows = Story.objects.filter(pk__in=story_ids)
    hold(rows)
    for story in rows.select_related("issue"):
        rendered = render_story(story)
        story.save(update_fields=["body_html", "word_count"])
        store_references(story, rendered.references)
    index_stories(story_ids)


@transaction.atomic
def save_issue(issue: Issue, *, editor: User | None = None, note: str = "") -> tuple[Rendered, Rendered]:
    """Save an issue with its HTML and a revision; return its intro and outro, rendered. Raises BadMarkdown."""
    intro = render_for_web(issue.intro, scope="intro", issue=issue if issue.pk else None)
    outro = render_for_web(issue.outro, scope="outro", issue=issue if issue.pk else None)
    issue.intro_html, issue.outro_html = intro.html, outro.html
    issue.save()
    record_revision(issue, editor=editor, note=note)
    if issue.state == IssueState.PUBLISHED:
        index_issue(issue)
    return intro, outro


def save_publication(publication: Publication) -> Rendered:
    """Save the publication with its description as HTML; return what the renderer found. Raises BadMarkdown."""
    rendered = render_for_web(publication.description, scope="publication")
    publication.description_html = rendered.html
    publication.save()
    return rendered


def save_topic(topic: Topic) -> Rendered:
    """Save a topic with its description as HTML; return what the renderer found. Raises BadMarkdown."""
    rendered = render_for_web(topic.description, scope=topic.slug or "topic")
    topic.description_html = rendered.html
    topic.save()
    index_topic(topic)
    return rendered


def next_position(issue_id: int) -> int:
    """The position after the last story of the issue. One query."""
    last: int | None = Story.objects.filter(issue=issue_id).aggregate(last=Max("position"))["last"]
    return (last or 0) + 1


@transaction.atomic
def arrange(issue: Issue, stories: Sequence[Story]) -> None:
    """Give the stories of an issue the positions 1, 2, 3 … in this order.

    In two steps, since no two may share a position at any moment: first out of the way, then into place.
    """
    offset = next_position(issue.pk) + len(stories)
    for step in (offset, 0):
        for place, story in enumerate(stories, start=1):
            story.position = place + step
        Story.objects.bulk_update(stories, ["position"])
    put_in_place(StoryTopic.objects.filter(content_object__in=stories))


def set_papers(story: Story, papers: Sequence[Paper]) -> bool:
    """Make these, in this order, the papers of the story. Return whether anything changed."""
    wanted = [(paper.pk, position) for position, paper in enumerate(papers)]
    if wanted == list(story.story_papers.values_list("paper_id", "position")):
        return False
    story.story_papers.all().delete()
    StoryPaper.objects.bulk_create([StoryPaper(story=story, paper_id=pk, position=position) for pk, position in wanted])
    return True


def set_resources(story: Story, resources: Sequence[tuple[Resource, str]]) -> bool:
    """Make these, in this order and with these labels, the story's resources. Return whether anything changed."""
    wanted: list[tuple[Any, ...]] = [(row.pk, label, position) for position, (row, label) in enumerate(resources)]
    if wanted == list(story.story_resources.values_list("resource_id", "label", "position")):
        return False
    story.story_resources.all().delete()
    StoryResource.objects.bulk_create(
        [StoryResource(story=story, resource_id=pk, label=label, position=position) for pk, label, position in wanted]
    )
    return True
