"""Checks of what the issue is made of."""

from collections import Counter
from collections.abc import Iterator

from issues.models import Issue, Section, Story, StoryState
from issues.preflight.findings import Finding, error, warning
from issues.preflight.material import Material, address_of

USUAL = 3  # issues in a row that filled a section: its readers look for it


def issue_has_stories(material: Material) -> Iterator[Finding]:
    if not material.stories:
        yield error("The issue has no stories.", "Add some from the queue.", material.page)


def stories_are_approved(material: Material) -> Iterator[Finding]:
    for story in material.stories:
        if story.state != StoryState.APPROVED:
            yield error(
                f"The story “{story.title}” is not approved: it is {story.get_state_display().lower()}.",
                "Have it approved, or put it back to the queue.",
                address_of(story, "state"),
            )


def stories_have_a_topic(material: Material) -> Iterator[Finding]:
    for story in material.stories:
        if not story.topic_rows:  # type: ignore[attr-defined]  # annotated by `for_list`
            yield warning(
                f"The story “{story.title}” has no topic.",
                "Give it one, so that it is found in the archive.",
                address_of(story, "topics"),
            )


def stories_have_a_summary(material: Material) -> Iterator[Finding]:
    for story in material.stories:
        if not story.summary.strip():
            yield warning(
                f"The story “{story.title}” has no summary.",
                "Write a sentence or two for lists, feeds and search engines.",
                address_of(story, "summary"),
            )


def titles_differ(material: Material) -> Iterator[Finding]:
    """Within the issue, and from what readers have seen before. Two queries."""
    counts = Counter(story.title.casefold() for story in material.stories)
    for story in material.stories:
        if counts[story.title.casefold()] > 1:
            yield warning(
                f"Another story of the issue is called “{story.title}”, too.",
                "Give one of them another title.",
                address_of(story, "title"),
            )
    titles = [story.title for story in material.stories]
    for earlier in Story.objects.published().filter(title__in=titles).exclude(issue=material.issue):
        yield warning(
            f"A published story is called “{earlier.title}” already.",
            "Give the new one another title.",
            address_of(next(story for story in material.stories if story.title == earlier.title), "title"),
        )
    if material.issue.title:
        for issue in Issue.objects.filter(title__iexact=material.issue.title).exclude(pk=material.issue.pk)[:1]:
            yield warning(
                f"Issue #{issue.number} is called “{issue.title}”, too.",
                "Give this one another title.",
                material.field("title"),
            )


def usual_sections_are_filled(material: Material) -> Iterator[Finding]:
    """A section that each of the last issues had is missed. Two queries."""
    last = material.recent[:USUAL]
    if len(last) < USUAL:
        return
    rows = Story.objects.filter(issue__in=last).order_by().values_list("issue_id", "section_id").distinct()
    counts = Counter(section_id for _, section_id in rows)
    usual = {section_id for section_id, count in counts.items() if count == USUAL}
    usual -= {story.section_id for story in material.stories}
    for section in Section.objects.filter(pk__in=usual):
        yield warning(
            f"The section “{section.name}” is empty, and the last {USUAL} issues had it.",
            "Add a story to it.",
            material.page,
        )
