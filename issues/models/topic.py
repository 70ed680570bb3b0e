from typing import Self

from django.db import models
from django.urls import reverse
from taggit.models import ItemBase, TagBase

from issues.models.issue import Issue
from papers.json_rows import JSONRows


class TopicQuerySet(models.QuerySet["Topic"]):
    def public(self) -> Self:
        """What readers may see: those with a published story."""
        items = StoryTopic.objects.filter(content_object__issue__in=Issue.objects.published())
        return self.filter(models.Exists(items.filter(tag=models.OuterRef("pk"))))

    def with_story_count(self) -> Self:
        """With the number of published stories. It reads all of them: for the page of all topics."""
        public = models.Q(items__content_object__issue__in=Issue.objects.published())
        return self.annotate(story_count=models.Count("items", filter=public))

    def with_relations(self) -> Self:
        """With `builds_on_rows` and `built_on_by_rows`: name and slug of the public topics next to it. No query more."""
        public, here = Topic.objects.public().order_by("name"), models.OuterRef("pk")
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

    tag = models.ForeignKey(Topic, models.CASCADE, related_name="items")
    content_object = models.ForeignKey("issues.Story", models.CASCADE, related_name="topic_items")

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["content_object", "tag"], name="one_topic_once_a_story")]
