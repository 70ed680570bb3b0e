from django.db import models
from django.urls import reverse
from taggit.models import ItemBase, TagBase


class Topic(TagBase):
    """A tag that explains itself: what it means, which other names it has, and which topics it builds on."""

    description = models.TextField(blank=True, help_text="Markdown.")
    description_html = models.TextField(blank=True, editable=False)
    builds_on = models.ManyToManyField("self", symmetrical=False, related_name="built_on_by", blank=True)

    class Meta:
        ordering = ["name"]

    def get_absolute_url(self) -> str:
        return reverse("issues:topic", args=[self.slug])


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
