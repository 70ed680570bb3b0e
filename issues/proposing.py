"""What the next issue would be, going by those before it."""

import datetime
from typing import Any

from issues.models import Issue, Publication, Story, StoryState

USUALLY = datetime.timedelta(weeks=2)
LONGEST_GAP = datetime.timedelta(days=62)  # What is longer was a pause.


def propose_issue() -> dict[str, Any]:
    """Number, date and title: that of the approved story that waits longest. Four queries."""
    issues = list(Issue.objects.order_by("-number")[:2])
    today = Publication.objects.current().today()
    lead = Story.objects.queued().filter(state=StoryState.APPROVED).order_by("updated_at", "pk").first()
    return {
        "number": Issue.objects.next_number(),
        "date": next_date([issue.date for issue in issues], today),
        "title": lead.title if lead else "",
    }


def next_date(newest_first: list[datetime.date], today: datetime.date) -> datetime.date:
    """As long after the last issue as that came after the one before it, and not in the past."""
    if not newest_first:
        return today
    gap = newest_first[0] - newest_first[1] if len(newest_first) > 1 else USUALLY
    if not datetime.timedelta(0) < gap <= LONGEST_GAP:
        gap = USUALLY
    steps = max(1, -(-(today - newest_first[0]) // gap))
    return newest_first[0] + steps * gap
