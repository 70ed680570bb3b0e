"""What needs doing at the editors' desk about papers and links."""

from django.db.models import Count, OuterRef, QuerySet, Subquery

from papers.models import Decision, Lookup, LookupState, Paper, PaperQuerySet, PaperUpdate, Resource, ResourceState


def papers_not_found() -> PaperQuerySet:
    """Those whose last lookup failed, with its `lookup_message`; the newest first."""
    newest = Lookup.objects.filter(paper=OuterRef("pk"))
    papers = Paper.objects.defer("abstract").alias(lookup_state=Subquery(newest.values("state")[:1]))
    papers = papers.annotate(lookup_message=Subquery(newest.values("message")[:1]))
    return papers.filter(lookup_state=LookupState.FAILED).order_by("-pk")


def broken_links() -> QuerySet[Resource]:
    """Dead and failing ones that stories link to and that lead to no archived copy, with their `story_count`."""
    broken = Resource.objects.filter(state__in=[ResourceState.DEAD, ResourceState.FAILING], archived_url="")
    return broken.annotate(story_count=Count("stories")).filter(story_count__gt=0).order_by("-checked_at", "pk")


def open_news() -> QuerySet[PaperUpdate]:
    """What happened to papers, on which nobody has decided yet."""
    return PaperUpdate.objects.filter(state=Decision.PROPOSED)
