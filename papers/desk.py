"""What needs doing at the editors' desk about papers and links."""

from django.db.models import Count, QuerySet

from papers.models import Decision, Paper, PaperQuerySet, PaperUpdate, Resource, ResourceState


def papers_not_found() -> PaperQuerySet:
    """The newest first."""
    return Paper.objects.not_found().defer("abstract").order_by("-pk")


def broken_links() -> QuerySet[Resource]:
    """Dead and failing ones that stories link to and that lead to no archived copy, with their `story_count`."""
    broken = Resource.objects.filter(state__in=[ResourceState.DEAD, ResourceState.FAILING], archived_url="")
    return broken.annotate(story_count=Count("stories")).filter(story_count__gt=0).order_by("-checked_at", "pk")


def open_news() -> QuerySet[PaperUpdate]:
    """What happened to papers, on which nobody has decided yet."""
    return PaperUpdate.objects.filter(state=Decision.PROPOSED)
