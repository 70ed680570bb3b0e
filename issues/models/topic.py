from typing import Any, Self

from django.db import models
from django.db.models.functions import Lower
from django.urls import reverse
from taggit.models import ItemBase, TagBase

from issues.models.issue import IssueState
from issues.models.moments import TimeOfAsking
from papers.json_rows import JSONRows

NEWEST_STORIES = 200  # of a topic, from which its related topics are taken
MOST_RELATED = 10
POSITIONS = 100_000  # more than an issue has, so that issue and position make one number


def place_of(number: Any, position: Any) -> Any:
    """A number, or an expression, that is greater the later a story of this position in this issue stands in the archive."""
    return number * POSITIONS - position


def public_items() -> models.QuerySet["StoryTopic"]:
    """Topics of stories that readers may see."""
    items: models.QuerySet[StoryTopic] = StoryTopic.objects.filter(
        content_object__issue__state=IssueState.PUBLISHED, content_object__issue__published_at__lte=TimeOfAsking()
    )
    return items


class TopicQuerySet(models.QuerySet["Topic"]):
    def public(self) -> Self:
        """What readers may see: those with a published story.

        Its newest is asked for, by index: for EXISTS, PostgreSQL would join all stories of a topic with their issues.
        """
        newest = public_items().filter(tag=models.OuterRef("pk")).order_by("-place")
        return self.alias(newest=models.Subquery(newest.values("pk")[:1])).filter(newest__isnull=False)

    def with_story_count(self) -> Self:
        """With the stored number of published stories."""
        return self.annotate(story_count=models.functions.Coalesce(models.Sum("years__story_count"), 0))

    def with_years(self) -> Self:
        """With `year_rows`: year and story_count, oldest first, for each year that has stories. No query more."""
        years = TopicYear.objects.filter(topic=models.OuterRef("pk")).order_by("year")
        return self.annotate(year_rows=JSONRows(years, year="year", story_count="story_count"))

    def with_related(self) -> Self:
        """With `related_rows`: the topics that its newest stories share with it most, without those of `with_relations`."""
        newest = public_items().filter(tag=models.OuterRef(models.OuterRef("pk"))).order_by("-place")
        together = Topic.objects.filter(items__content_object__in=newest.values("content_object")[:NEWEST_STORIES])
        here = models.OuterRef("pk")
        next_to_it = models.Q(pk=here) | models.Q(builds_on=here) | models.Q(built_on_by=here)
        counted = together.exclude(next_to_it).annotate(shared=models.Count("items"))
        related = counted.order_by("-shared", "name")[:MOST_RELATED]
        return self.annotate(related_rows=JSONRows(related, name="name", slug="slug"))

    def with_relations(self) -> Self:
        """With `builds_on_rows` and `built_on_by_rows`: name and slug of the public topics next to it. No query more."""
        public, here = Topic.objects.public().order_by(Lower("name")), models.OuterRef("pk")
        return self.annotate(
            builds_on_rows=JSONRows(public.filter(built_on_by=here), name="name", slug="slug"),
            built_on_by_rows=JSONRows(public.filter(builds_on=here), name="name", slug="slug"),
        )


class Topic(TagBase):
    """A tag that explains itself: what it means, which other names it has, and which topics it builds on."""

    description = models.TextField(blank=True, help_text="Markdown.")
    description_html = models.TextField(blank=True, editable=False)
    builds_on = models.ManyToManyField("self", symmetrical=False, related_name="built_on_by", blank=True)

    objects = TopicQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def get_absolute_url(self) -> str:
        return reverse("issues:topic", args=[self.slug])

    @property
    def initial(self) -> str:
        """The letter that an index puts it under."""
        return str(self.name)[:1].upper()


class TopicAlias(models.Model):
    """Another or an earlier name of a topic; its address redirects to the topic's."""

    topic = models.ForeignKey(Topic, models.CASCADE, related_name="aliases")
    name = models.CharField(max_length=100, unique=True)
    slug = models.SlugField(max_length=100, unique=True, allow_unicode=True)

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "aliases"

    def __str__(self) -> str:
        return self.name


class StoryTopic(ItemBase):
    """That a story is about a topic."""

    tag = models.ForeignKey(Topic, models.CASCADE, related_name="items", db_index=False)  # The index below serves it.
    content_object = models.ForeignKey("issues.Story", models.CASCADE, related_name="topic_items")
    place = models.BigIntegerField(
        default=0, editable=False, help_text="The story's `place_of` if it is published: see issues/topic_places.py."
    )

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["tag", "-place"], name="stories_of_topic_newest_first")]
        constraints = [models.UniqueConstraint(fields=["content_object", "tag"], name="one_topic_once_a_story")]


class TopicYear(models.Model):
    """The number of a topic's published stories in a year: see issues/topic_counts.py."""

    topic = models.ForeignKey(Topic, models.CASCADE, related_name="years")
    year = models.PositiveSmallIntegerField()
    story_count = models.PositiveIntegerField()

    class Meta:
        ordering = ["year"]
        constraints = [models.UniqueConstraint(fields=["topic", "year"], name="one_count_for_topic_and_year")]

    def __str__(self) -> str:
        return f"{self.topic_id} in {self.year}: {self.story_count}"
