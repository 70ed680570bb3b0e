"""Where stories stand in the lists of their topics: stored, so that no page has to sort all that a topic has."""

from django.db.models import BigIntegerField, F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Cast, Coalesce

from issues.models import IssueState, Story, StoryTopic
from issues.models.topic import place_of


def put_in_place(items: QuerySet[StoryTopic]) -> None:
    """Write the places that aren't right. One query.

    Called when a story is published, moves, or gets other topics. As with counts, an issue that will be public at a later
    moment has its places already.
    """
    published = Story.objects.filter(pk=OuterRef("content_object"), issue__state=IssueState.PUBLISHED).order_by()
    place = place_of(Cast("issue__number", BigIntegerField()), F("position"))
    right = Coalesce(Subquery(published.values(place=place)), 0)
    items.exclude(place=right).update(place=right)
