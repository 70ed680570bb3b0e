"""Revisions: every saved state of a story or an issue is kept."""

from typing import Any

from django.contrib.auth.models import User

from issues.models import Issue, Revision, Story

STORY_FIELDS = ("title", "slug", "section_id", "issue_id", "position", "state", "summary", "body")
ISSUE_FIELDS = ("number", "title", "summary", "subject", "preheader", "intro", "outro", "state")


def snapshot(thing: Story | Issue) -> dict[str, Any]:
    """All that an editor can change, as JSON. Three queries for a story, none for an issue."""
    if isinstance(thing, Issue):
        return {name: getattr(thing, name) for name in ISSUE_FIELDS} | {"date": thing.date.isoformat()}
    return {name: getattr(thing, name) for name in STORY_FIELDS} | {
        "topics": sorted(topic.name for topic in thing.topics.all()),
        "papers": [row.paper_id for row in thing.story_papers.all()],
        "resources": [[row.resource_id, row.label] for row in thing.story_resources.all()],
    }


def record_revision(thing: Story | Issue, *, editor: User | None = None, note: str = "") -> Revision | None:
    """Keep the state as it is now, unless it is that of the last revision. Call it within the saving transaction."""
    current, last = snapshot(thing), thing.revisions.order_by("-number").first()
    if last is not None and last.snapshot == current:
        return None
    number = last.number + 1 if last else 1
    return thing.revisions.create(number=number, editor=editor, note=note, snapshot=current)
