"""The steps that make an issue public, each in one transaction."""

import datetime

from django.db import transaction
from django.utils import timezone

from issues.errors import NotReady
from issues.models import Issue, IssueState, Publication, Story, StoryState
from issues.references import stories_referring_to, topics_referring_to
from issues.rendering import render_for_web
from issues.writing import render_stories_again, save_issue, save_topic


def approve(issue: Issue) -> None:
    """Mark a draft as ready to be sent. Raises NotReady with all that stands in the way."""
    with transaction.atomic():
        issue.refresh_from_db(from_queryset=Issue.objects.select_for_update())
        if issue.state == IssueState.PUBLISHED:
            return
        reasons = reasons_against(issue) + reasons_against_mail()
        if reasons:
            raise NotReady(reasons)
        issue.state = IssueState.APPROVED
        issue.save(update_fields=["state", "updated_at"])


def withdraw_approval(issue: Issue) -> None:
    """Make an approved issue a draft again. A published one stays public."""
    Issue.objects.filter(pk=issue.pk, state=IssueState.APPROVED).update(state=IssueState.DRAFT)
    issue.refresh_from_db(fields=["state"])


def publish(issue: Issue, at: datetime.datetime | None = None) -> None:
    """Make an issue public from `at` (now), and turn what referred to it into links.

    Harmless if it is public already. Raises NotReady.
    """
    with transaction.atomic():
        issue.refresh_from_db(from_queryset=Issue.objects.select_for_update())
        if issue.state == IssueState.PUBLISHED:
            return
        reasons = reasons_against(issue)
        if reasons:
            raise NotReady(reasons)
        issue.state, issue.published_at = IssueState.PUBLISHED, at or timezone.now()
        issue.save(update_fields=["state", "published_at", "updated_at"])
        render_again_around(issue)


def reasons_against(issue: Issue) -> list[str]:
    """What stands in the way of showing the issue to readers, a sentence each; empty if nothing does."""
    stories = list(issue.stories.all())
    reasons = [] if stories else ["The issue has no stories."]
    for story in stories:
        if story.state != StoryState.APPROVED:
            reasons.append(f"The story “{story.title}” is not approved: it is {story.get_state_display().lower()}.")
        rendered = render_for_web(story.body, scope=story.slug, issue=issue)
        reasons += [f"In the story “{story.title}”: {error}" for error in rendered.errors]
    for name in ("intro", "outro"):
        rendered = render_for_web(getattr(issue, name), scope=name, issue=issue)
        reasons += [f"In the {name}: {error}" for error in rendered.errors]
    return reasons


def reasons_against_mail() -> list[str]:
    """What the publication lacks before anything may be mailed in its name."""
    if Publication.objects.current().postal_address.strip():
        return []
    return ["The publication has no postal address, which each email must show. Fill it in under Publication."]


def render_again_around(issue: Issue) -> None:
    """Render anew what may refer to the issue or its stories, and the issue's own texts, whose targets may be public now."""
    stories = list(issue.stories.all())
    referring = stories_referring_to([issue], stories)
    own = Story.objects.filter(issue=issue).exclude(pk__in=[story.pk for story in referring])
    render_stories_again([*referring, *own])
    for topic in topics_referring_to([issue], stories):
        save_topic(topic)
    save_issue(issue)
