"""Versions of stories and issues in words that people read: names for ids, lists as lines."""

from collections.abc import Mapping
from typing import Any

from issues.models import Issue, IssueState, Section, StoryState, Topic
from papers.models import Paper, Resource

LABELS = {
    "title": "Title",
    "slug": "Address",
    "summary": "Summary",
    "body": "Text",
    "section": "Section",
    "topics": "Topics",
    "issue": "Issue",
    "position": "Position",
    "state": "State",
    "papers": "Papers",
    "resources": "Resources",
    "number": "Number",
    "date": "Date",
    "subject": "Subject",
    "preheader": "Preheader",
    "intro": "Intro",
    "outro": "Outro",
}
STATES = dict([*StoryState.choices, *IssueState.choices])


def words_of_snapshot(snapshot: Mapping[str, Any]) -> dict[str, str]:
    """A revision's snapshot, field by field, each as one text. Up to four queries."""
    words = {name: "" if snapshot.get(name) is None else str(snapshot[name]) for name in LABELS if name in snapshot}
    if "state" in words:
        words["state"] = STATES.get(words["state"], words["state"])
    if "section_id" in snapshot:
        section = Section.objects.filter(pk=snapshot["section_id"]).first()
        issue = Issue.objects.filter(pk=snapshot["issue_id"]).first() if snapshot["issue_id"] else None
        words |= {
            "section": section.name if section else "",
            "issue": str(issue) if issue else "In the queue",
            "topics": ", ".join(snapshot["topics"]),
            "papers": "\n".join(papers_in_words(snapshot["papers"])),
            "resources": "\n".join(resources_in_words(snapshot["resources"])),
        }
    return {name: words[name] for name in LABELS if name in words}


def words_of_values(values: Mapping[str, Any]) -> dict[str, str]:
    """The same of what stands in a story's form."""
    topics = Topic.objects.filter(pk__in=[key for key in values.get("topics", []) if str(key).isdecimal()])
    return words_of_snapshot(
        {
            **{name: values[name] for name in ("title", "slug", "summary", "body", "position") if name in values},
            "section_id": number_in(values.get("section")),
            "issue_id": number_in(values.get("issue")),
            "topics": sorted(topic.name for topic in topics),
            "papers": [int(key) for key in values.get("papers", [])],
            "resources": [[int(key), title] for key, title, _ in values.get("resources", [])],
        }
    )


def number_in(typed: Any) -> int | None:
    return int(typed) if str(typed or "").isdecimal() else None


def papers_in_words(keys: list[int]) -> list[str]:
    papers = Paper.objects.in_bulk(keys)
    return [named(papers[key]) if key in papers else f"A paper that was deleted or merged ({key})" for key in keys]


def named(paper: Paper) -> str:
    return f"{paper} ({paper.identifier})" if paper.title and paper.identifier else str(paper)


def resources_in_words(rows: list[tuple[int, str]]) -> list[str]:
    resources = Resource.objects.in_bulk([key for key, _ in rows])
    return [
        f"{title or resources[key].title} ({resources[key].get_kind_display()}): {resources[key].url}"
        if key in resources
        else f"{title or 'A resource'} that was deleted or merged ({key})"
        for key, title in rows
    ]
