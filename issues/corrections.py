"""When something public changed in a way that matters: at its publication and by corrections, not by other edits."""

import datetime

from django.db.models import OuterRef, QuerySet, Subquery

from issues.addresses import moment_of_publication
from issues.models import Correction, Issue, IssueQuerySet, Story, StoryQuerySet
from issues.models.moments import TimeOfAsking


def published_corrections() -> QuerySet[Correction]:
    """Those that readers may see, the latest first."""
    stories = Story.objects.published()
    return Correction.objects.filter(story__in=stories, published_at__lte=TimeOfAsking()).order_by(
        "-published_at", "-pk"
    )


def last_moment(corrections: QuerySet[Correction]) -> Subquery:
    return Subquery(corrections.order_by("-published_at").values("published_at")[:1])


def with_corrected_at(stories: StoryQuerySet) -> StoryQuerySet:
    """With `corrected_at`, the moment of the last correction or None."""
    corrections = Correction.objects.filter(story=OuterRef("pk"), published_at__lte=TimeOfAsking())
    return stories.annotate(corrected_at=last_moment(corrections))


def issues_with_corrected_at(issues: IssueQuerySet) -> IssueQuerySet:
    """The same, of the stories of an issue."""
    corrections = Correction.objects.filter(story__issue=OuterRef("pk"), published_at__lte=TimeOfAsking())
    return issues.annotate(corrected_at=last_moment(corrections))


def updated(thing: Story | Issue) -> datetime.datetime:
    """The moment of the last change that readers are told of. The thing comes from one of the two above."""
    published = moment_of_publication(thing.issue if isinstance(thing, Story) else thing)
    corrected: datetime.datetime | None = thing.corrected_at  # type: ignore[union-attr]
    return max(published, corrected or published)
