"""What needs doing at the editors' desk, of the digest itself; papers and deliveries have their own."""

import datetime
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.utils import timezone

from issues.models import Issue, Story, StoryState
from issues.preflight.reports import Report, examine

SHOWN = 5  # lines of each list
OLD_AFTER = datetime.timedelta(weeks=4)


@dataclass(frozen=True)
class Lines:
    """The first of what there is, and how much that is."""

    shown: list[Any]
    count: int


@dataclass(frozen=True)
class NextIssue:
    issue: Issue
    story_count: int
    report: Report


def lines(rows: Any) -> Lines:
    """Two queries, or one where there is nothing."""
    count = rows.count()
    return Lines(list(rows[:SHOWN]) if count else [], count)


def in_review(user: User | AnonymousUser) -> Lines | None:
    """The longest waiting first; None for those who may not see stories."""
    stories = Story.objects.filter(state=StoryState.IN_REVIEW).for_board().select_related("section")
    return lines(stories.order_by("updated_at", "pk")) if user.has_perm("issues.view_story") else None


def old_drafts(user: User | AnonymousUser) -> Lines | None:
    """Those that nobody has touched for weeks."""
    if not user.has_perm("issues.view_story"):
        return None
    stories = Story.objects.filter(state=StoryState.DRAFT, updated_at__lt=timezone.now() - OLD_AFTER)
    return lines(stories.for_board().order_by("updated_at", "pk"))


def next_issue(user: User | AnonymousUser) -> NextIssue | None:
    """The first that is not published, with its preflight."""
    if not user.has_perm("issues.view_issue"):
        return None
    issue = Issue.objects.to_come().order_by("number").first()
    if issue is None:
        return None
    report = examine(issue)
    count = len(report.material.stories) if report.material else issue.stories.count()
    return NextIssue(issue, count, report)
