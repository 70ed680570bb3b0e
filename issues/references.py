"""References between stories and issues: stored from what a text says, completed when their target becomes public."""

from collections.abc import Iterable

from django.db.models import Q

from issues.models import Issue, Reference, Story, Topic
from issues.rendering import FoundReference


def store_references(story: Story, found: Iterable[FoundReference]) -> None:
    """Make the story's references those that were found in its text. Up to five queries; unchanged rows are kept."""
    wanted = {reference.key: reference.context for reference in found}
    numbers = [int(key[1:]) for key in wanted if key.startswith("#")]
    issues = {f"#{issue.number}": issue for issue in Issue.objects.filter(number__in=numbers)}
    stories = {target.slug: target for target in Story.objects.filter(slug__in=wanted.keys() - issues.keys())}
    story.references.exclude(key__in=wanted).delete()
    Reference.objects.bulk_create(
        [
            Reference(
                source=story, key=key, target_issue=issues.get(key), target_story=stories.get(key), context=context
            )
            for key, context in wanted.items()
        ],
        update_conflicts=True,
        unique_fields=["source", "key"],
        update_fields=["target_issue", "target_story", "context"],
    )


def stories_referring_to(issues: Iterable[Issue], stories: Iterable[Story]) -> list[Story]:
    """The stories whose texts name one of these: what has to be rendered anew when their visibility changes."""
    keys = [f"#{issue.number}" for issue in issues] + [story.slug for story in stories]
    return list(Story.objects.filter(references__key__in=keys).distinct())


def without_repeats(references: Iterable[Reference]) -> list[Reference]:
    """Where one sentence names a story and the issue that it is in, only the story."""
    kept: dict[tuple[int, str, int | None], Reference] = {}
    for reference in references:
        issue_id = reference.target_story.issue_id if reference.target_story else reference.target_issue_id
        key = (reference.source_id, reference.context, issue_id)
        if key not in kept or (reference.target_story and not kept[key].target_story):
            kept[key] = reference
    return list(kept.values())


def topics_referring_to(issues: Iterable[Issue], stories: Iterable[Story]) -> list[Topic]:
    """The topics whose descriptions may name one of these; their references are not stored. One query.

    They are locked: an earlier description must not be written over one that is saved meanwhile.
    """
    named = Q(pk__in=[])
    for issue in issues:
        named |= Q(description__contains=f"#{issue.number}")
    for story in stories:
        named |= Q(description__contains=f"[[{story.slug}")
    return list(Topic.objects.filter(named).select_for_update(no_key=True))
