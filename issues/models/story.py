import math
from typing import Self

from django.db import models
from django.db.models.functions import Lower
from django.urls import reverse
from taggit.managers import TaggableManager

from issues.models.issue import Issue, IssueState
from issues.models.moments import TimeOfAsking
from issues.models.publication import Section
from issues.models.topic import StoryTopic, Topic, place_of
from papers.json_rows import JSONRows
from papers.models import Paper, PaperUpdate, Resource

WORDS_PER_MINUTE = 230  # silent reading of non-fiction: Brysbaert 2019, doi:10.1016/j.jml.2019.104047, gives 238


def reading_minutes(words: int) -> int:
    return max(1, math.ceil(words / WORDS_PER_MINUTE))


class StoryState(models.TextChoices):
    DRAFT = "draft", "Draft"
    IN_REVIEW = "in review", "In review"
    APPROVED = "approved", "Approved"


class StoryQuerySet(models.QuerySet["Story"]):
    def published(self) -> Self:
        """What readers may see: the stories of published issues."""
        return self.filter(issue__state=IssueState.PUBLISHED, issue__published_at__lte=TimeOfAsking())

    def queued(self) -> Self:
        """Those that wait for an issue."""
        return self.filter(issue=None)

    def about(self, *slugs: str) -> Self:
        """Those about each of these topics, with `place`, by which a topic's stories are found in order without sorting."""
        stories = self
        for slug in slugs:
            stories = stories.filter(topic_items__tag=Topic.objects.filter(slug=slug).values("pk")[:1])
        return stories.annotate(place=models.F("topic_items__place"))

    @property
    def has_place(self) -> bool:
        return "place" in self.query.annotations

    def newest_first(self) -> Self:
        return self.order_by("-place") if self.has_place else self.order_by("-issue__number", "position")

    def first_of(self, count: int) -> Self:
        """So many of them, in their order. What is annotated and joined is worked out for these alone, not for all."""
        return self.filter(pk__in=self.values("pk")[:count])

    def in_reading_order(self) -> Self:
        """By section, then by position: how an issue shows its stories."""
        return self.order_by("section__position", "section_id", "position", "pk")

    def approved_first(self) -> Self:
        """Then those in review, then drafts; in each what was changed last."""
        rank = models.Case(
            models.When(state=StoryState.APPROVED, then=0), models.When(state=StoryState.IN_REVIEW, then=1), default=2
        )
        return self.order_by(rank, "-updated_at", "-pk")

    def for_board(self) -> Self:
        """Without their texts: what a card shows."""
        return self.defer("body", "body_html", "summary")

    def for_list(self) -> Self:
        """With what a line in a list shows: section, issue, and `topic_rows` with name and slug. One query in all."""
        topics = Topic.objects.filter(items__content_object=models.OuterRef("pk")).order_by(Lower("name"))
        return self.select_related("issue", "section").annotate(topic_rows=JSONRows(topics, name="name", slug="slug"))

    def for_page(self) -> Self:
        """With all that a story's page shows, in a number of queries that doesn't grow with the rows."""
        papers = Paper.objects.with_author_rows().order_by("story_papers__position", "story_papers__pk")
        stories = self.for_list().with_news()
        return stories.prefetch_related(
            models.Prefetch("papers", papers),
            models.Prefetch("story_resources", StoryResource.objects.select_related("resource")),
            "corrections",
        )

    def with_news(self) -> Self:
        """With `since_rows`: text and url of what happened to its papers since the day it was published."""
        since = PaperUpdate.objects.accepted().filter(
            paper__story_papers__story=models.OuterRef("pk"),
            happened_on__gte=models.OuterRef("issue__published_at__date"),
        )
        return self.annotate(since_rows=JSONRows(since.order_by("happened_on", "pk"), text="text", url="url"))

    def with_neighbours(self) -> Self:
        """With `previous_rows` and `next_rows`: title and slug of the published story before and after, or nothing.

        In the archive's order, by issue and position. No further query; the cost is that of one row by index.
        """
        here = {"issue": models.OuterRef("issue"), "number": models.OuterRef("issue__number")}
        position = models.OuterRef("position")
        stories = Story.objects.published()
        earlier = stories.filter(issue__number__lte=here["number"]).exclude(issue=here["issue"], position__gte=position)
        later = stories.filter(issue__number__gte=here["number"]).exclude(issue=here["issue"], position__lte=position)
        return self.annotate(
            previous_rows=JSONRows(earlier.order_by("-issue__number", "-position")[:1], title="title", slug="slug"),
            next_rows=JSONRows(later.order_by("issue__number", "position")[:1], title="title", slug="slug"),
        )

    def older_than(self, number: int, position: int) -> Self:
        """Those that follow the story at this place in `newest_first()`: where the next page of a long list starts."""
        if self.has_place:
            return self.filter(place__lt=place_of(number, position))
        return self.filter(issue__number__lte=number).exclude(issue__number=number, position__lte=position)


class Story(models.Model):  # type: ignore[django-manager-missing]
    """The unit of writing, with a permanent address; in at most one issue, at a position, else in the queue."""

    title = models.CharField(max_length=200)
    slug = models.SlugField(max_length=120, unique=True, help_text="Part of the permanent address.")
    section = models.ForeignKey(Section, models.PROTECT, related_name="stories")
    issue = models.ForeignKey(
        Issue, models.PROTECT, related_name="stories", null=True, blank=True, help_text="Empty: it waits in the queue."
    )
    position = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Within the issue. Empty: last.")
    state = models.CharField(max_length=10, choices=StoryState, default=StoryState.DRAFT, db_index=True)
    summary = models.TextField(blank=True, help_text="One or two sentences for lists, feeds and search engines.")
    body = models.TextField(help_text="Markdown.")
    body_html = models.TextField(blank=True, editable=False)
    word_count = models.PositiveIntegerField(default=0, editable=False)
    papers = models.ManyToManyField(Paper, through="StoryPaper", related_name="stories")
    resources = models.ManyToManyField(Resource, through="StoryResource", related_name="stories")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = StoryQuerySet.as_manager()
    topics = TaggableManager(through=StoryTopic, related_name="stories", verbose_name="topics", blank=True)

    class Meta:
        ordering = ["-issue__number", "position", "-pk"]
        verbose_name_plural = "stories"
        permissions = [("approve_story", "Can approve stories, and change approved ones")]
        constraints = [
            models.CheckConstraint(condition=models.Q(state__in=StoryState.values), name="story_state_known"),
            models.UniqueConstraint(fields=["issue", "position"], name="one_story_per_position"),
            models.CheckConstraint(
                condition=models.Q(issue__isnull=True, position__isnull=True)
                | models.Q(issue__isnull=False, position__isnull=False),
                name="story_position_with_issue",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("issues:story", args=[self.slug])

    @property
    def is_public(self) -> bool:
        return self.issue is not None and self.issue.is_public

    @property
    def reading_minutes(self) -> int:
        return reading_minutes(self.word_count)


class StoryPaperQuerySet(models.QuerySet["StoryPaper"]):
    def public(self) -> Self:
        """Those of stories that readers may see."""
        return self.filter(story__issue__state=IssueState.PUBLISHED, story__issue__published_at__lte=TimeOfAsking())


class StoryPaper(models.Model):
    """A paper that a story is about, at a place in its list."""

    story = models.ForeignKey(Story, models.CASCADE, related_name="story_papers")
    paper = models.ForeignKey(Paper, models.PROTECT, related_name="story_papers")
    position = models.PositiveSmallIntegerField(default=0)

    objects = StoryPaperQuerySet.as_manager()

    class Meta:
        ordering = ["position", "pk"]
        constraints = [models.UniqueConstraint(fields=["story", "paper"], name="one_paper_once_a_story")]

    def __str__(self) -> str:
        return str(self.paper)


class StoryResource(models.Model):
    """A resource that a story links to, at a place in its list, under its own title or the one the story gives it."""

    story = models.ForeignKey(Story, models.CASCADE, related_name="story_resources")
    resource = models.ForeignKey(Resource, models.PROTECT, related_name="story_resources")
    label = models.CharField(max_length=300, blank=True, help_text="Empty: the resource's own title.")
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position", "pk"]
        constraints = [models.UniqueConstraint(fields=["story", "resource"], name="one_resource_once_a_story")]

    def __str__(self) -> str:
        return self.title

    @property
    def title(self) -> str:
        return self.label or self.resource.title


class ReferenceQuerySet(models.QuerySet["Reference"]):
    def unresolved(self) -> Self:
        return self.filter(target_issue=None, target_story=None)

    def from_published(self) -> Self:
        """References in stories that readers may see."""
        return self.filter(source__issue__state=IssueState.PUBLISHED, source__issue__published_at__lte=TimeOfAsking())

    def touching(self, story: Story) -> Self:
        """Those that a story makes, and those that others make to it or to its issue, with both ends. One query."""
        ends = [models.Q(source=story), models.Q(target_story=story)]
        if story.issue is not None:  # Else all references that lead to no issue would be found.
            ends.append(models.Q(target_issue=story.issue))
        return self.with_an_end(*ends)

    def with_an_end(self, *ends: models.Q) -> Self:
        """Those of which one of these is true, with both ends. One query."""
        # A union, as with OR neither database uses the index of each.
        first, *others = (Reference.objects.order_by().filter(end).values("pk") for end in ends)
        found = self.filter(pk__in=first.union(*others))
        return found.select_related("source__issue", "target_issue", "target_story__issue")


class Reference(models.Model):
    """A link from one story to another story or issue, found in the text. Without a target it stayed text."""

    source = models.ForeignKey(Story, models.CASCADE, related_name="references")
    key = models.CharField(max_length=120, help_text="#41 for an issue, the slug for a story.")
    target_issue = models.ForeignKey(Issue, models.SET_NULL, related_name="references", null=True, blank=True)
    target_story = models.ForeignKey(Story, models.SET_NULL, related_name="referenced_by", null=True, blank=True)
    context = models.TextField(blank=True, help_text="The sentence around it, as plain text.")

    objects = ReferenceQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["source", "key"], name="one_reference_once_a_story"),
            models.CheckConstraint(
                condition=models.Q(target_issue__isnull=True) | models.Q(target_story__isnull=True),
                name="reference_one_target",
            ),
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def target(self) -> Issue | Story | None:
        return self.target_story or self.target_issue
