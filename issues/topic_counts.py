"""How many published stories a topic has in each year: stored, so that no page has to count an archive."""

from collections.abc import Collection

from django.db import transaction
from django.db.models import Count, F

from issues.models import IssueState, StoryTopic, Topic, TopicYear


@transaction.atomic
def count_stories(topics: Collection[int]) -> None:
    """Count the published stories of these topics anew. Four queries.

    Called when a story that readers may find moves, appears or goes. An issue that will be public at a later moment is
    counted already; what lists stories or topics leaves it out until then.
    """
    # Of two at once, the second counts what the first has saved. Stories may be given the topics meanwhile.
    list(Topic.objects.filter(pk__in=topics).order_by("pk").select_for_update(no_key=True).values_list("pk"))
    items = StoryTopic.objects.filter(tag__in=topics, content_object__issue__state=IssueState.PUBLISHED)
    years = items.values("tag_id", year=F("content_object__issue__date__year"))
    counts = years.annotate(story_count=Count("pk")).order_by("tag_id", "year")
    TopicYear.objects.filter(topic__in=topics).delete()
    TopicYear.objects.bulk_create(
        [TopicYear(topic_id=row["tag_id"], year=row["year"], story_count=row["story_count"]) for row in counts]
    )
