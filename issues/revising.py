"""Revisions: every saved state of a story or an issue is kept."""

from typing import Any

from django.contrib.auth.models import User
from django.db.models import Max, Q

from issues.models import Issue, Revision, Story, Topic
from papers.models import Paper, Resource

STORY_FIELDS = ("title", "slug", "section_id", "issue_id", "position", "state", "summary", "body")
ISSUE_TEXTS = ("title", "summary", "subject", "preheader", "intro", "outro")
ISSUE_FIELDS = ("number", *ISSUE_TEXTS, "state")


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


def current_number(thing: Story | Issue) -> int:
    """The number of the newest revision; 0 if nothing is saved yet. One query."""
    if thing._state.adding:
        return 0
    last: int | None = thing.revisions.aggregate(last=Max("number"))["last"]
    return last or 0


def form_values(revision: Revision) -> dict[str, Any]:
    """A revision as the values of its form's fields, with what still exists of what it names. Three queries for a story."""
    state = revision.snapshot
    if revision.issue_id is not None:
        return {name: state.get(name, "") for name in (*ISSUE_TEXTS, "date")}
    papers = Paper.objects.in_bulk(state["papers"])
    resources = Resource.objects.in_bulk([key for key, _ in state["resources"]])
    return {
        **{name: state[name] for name in ("title", "slug", "summary", "body")},
        "section": as_typed(state["section_id"]),
        "issue": as_typed(state["issue_id"]),
        "position": as_typed(state["position"]),
        "topics": [str(topic.pk) for topic in topics_called(state["topics"])],
        "papers": [str(key) for key in state["papers"] if key in papers],
        "resources": [
            [str(key), label or resources[key].title, resources[key].kind]
            for key, label in state["resources"]
            if key in resources
        ],
    }


def restorable_values(revision: Revision) -> dict[str, Any]:
    """What restoring a revision brings back: its texts and lists. Address and place stay as they are today."""
    values = form_values(revision)
    return {name: values[name] for name in values if name not in {"slug", "issue", "position"}}


def topics_called(names: list[str]) -> list[Topic]:
    """The topics that have these names, or had them. One query."""
    return list(Topic.objects.filter(Q(name__in=names) | Q(aliases__name__in=names)).distinct())


def as_typed(value: Any) -> str:
    return "" if value is None else str(value)
