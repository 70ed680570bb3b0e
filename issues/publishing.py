"""The steps that make an issue public, each in one transaction."""

import datetime

from django.db import transaction
from django.utils import timezone

from issues.errors import NotReady
from issues.models import Issue, IssueState, Story
from issues.preflight import OF_THE_PAGE, SHOWABLE
from issues.preflight.reports import Report, examine
from issues.references import stories_referring_to, topics_referring_to
from issues.writing import render_stories_again, save_issue, save_topic


def approve(issue: Issue) -> None:
    """Mark a draft as ready to be sent. Raises NotReady with all errors of its preflight, and warnings not passed."""
    with transaction.atomic():
        issue.refresh_from_db(from_queryset=Issue.objects.select_for_update())
        if issue.state == IssueState.PUBLISHED:
            return
        require_ready(examine(issue))
        issue.state = IssueState.APPROVED
        issue.save(update_fields=["state", "updated_at"])


def withdraw_approval(issue: Issue) -> None:
    """Make an approved issue a draft again. A published one stays public."""
    Issue.objects.filter(pk=issue.pk, state=IssueState.APPROVED).update(state=IssueState.DRAFT)
    issue.refresh_from_db(fields=["state"])


def publish(issue: Issue, at: datetime.datetime | None = None) -> None:
    """Make an issue public from `at` (now), and turn what referred to it into links.

    For what was approved, or is imported from elsewhere: only what can't be shown is refused. Harmless if it is public
    already. Raises NotReady.
    """
    with transaction.atomic():
        issue.refresh_from_db(from_queryset=Issue.objects.select_for_update())
        if issue.state == IssueState.PUBLISHED:
            return
        require_ready(examine(issue, SHOWABLE))
        issue.state, issue.published_at = IssueState.PUBLISHED, at or timezone.now()
        issue.save(update_fields=["state", "published_at", "updated_at"])
        render_again_around(issue)


def publish_on_the_web(issue: Issue) -> bool:
    """Make an issue public without mailing it; return whether it wasn't before.

    Raises NotReady as `approve` does, but for what concerns the email.
    """
    with transaction.atomic():
        issue.refresh_from_db(from_queryset=Issue.objects.select_for_update())
        if issue.state == IssueState.PUBLISHED:
            return False
        require_ready(examine(issue, OF_THE_PAGE))
        publish(issue)
        return True


def require_ready(report: Report) -> None:
    if not report.is_ready:
        raise NotReady(report.reasons)


def render_again_around(issue: Issue) -> None:
    """Render anew what may refer to the issue or its stories, and the issue's own texts, whose targets may be public now."""
    stories = list(issue.stories.all())
    referring = stories_referring_to([issue], stories)
    own = Story.objects.filter(issue=issue).exclude(pk__in=[story.pk for story in referring])
    render_stories_again([*referring, *own])
    for topic in topics_referring_to([issue], stories):
        save_topic(topic)
    save_issue(issue)
