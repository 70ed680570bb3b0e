import datetime
from typing import Self

from django.db import models
from django.urls import reverse
from django.utils import timezone

from issues.models.moments import TimeOfAsking
from papers.json_rows import JSONRows


class IssueState(models.TextChoices):
    DRAFT = "draft", "Draft"
    APPROVED = "approved", "Approved"
    PUBLISHED = "published", "Published"


class IssueQuerySet(models.QuerySet["Issue"]):
    def published(self) -> Self:
        """What readers may see."""
        return self.filter(state=IssueState.PUBLISHED, published_at__lte=TimeOfAsking())

    def to_come(self) -> Self:
        """Drafts and approved ones."""
        return self.exclude(state=IssueState.PUBLISHED)

    def with_story_count(self) -> Self:
        return self.annotate(story_count=models.Count("stories"))

    def with_neighbours(self) -> Self:
        """With `previous_rows` and `next_rows`: number and title of the published issue before and after, or nothing."""
        number = models.OuterRef("number")
        earlier = Issue.objects.published().filter(number__lt=number).order_by("-number")[:1]
        later = Issue.objects.published().filter(number__gt=number).order_by("number")[:1]
        return self.annotate(
            previous_rows=JSONRows(earlier, number="number", title="title"),
            next_rows=JSONRows(later, number="number", title="title"),
        )

    def next_number(self) -> int:
        return (self.aggregate(last=models.Max("number"))["last"] or 0) + 1


class Issue(models.Model):
    """A numbered collection of stories with intro and outro; public as a page, frozen as a mailing."""

    number = models.PositiveIntegerField(unique=True)
    date = models.DateField(default=datetime.date.today, help_text="The date that it carries.")
    title = models.CharField(max_length=200, blank=True)
    summary = models.TextField(blank=True, help_text="One or two sentences for lists, feeds and search engines.")
    subject = models.CharField(max_length=200, blank=True, help_text="Of the email. Empty: made from number and title.")
    preheader = models.CharField(max_length=200, blank=True, help_text="Shown after the subject in the inbox.")
    intro = models.TextField(blank=True, help_text="Markdown.")
    intro_html = models.TextField(blank=True, editable=False)
    outro = models.TextField(blank=True, help_text="Markdown.")
    outro_html = models.TextField(blank=True, editable=False)
    state = models.CharField(max_length=10, choices=IssueState, default=IssueState.DRAFT, editable=False, db_index=True)
    published_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = IssueQuerySet.as_manager()

    class Meta:
        ordering = ["-number"]
        indexes = [models.Index(fields=["date"], name="issues_by_date")]
        permissions = [("publish_issue", "Can publish issues on the web, and take back their approval")]
        constraints = [
            models.CheckConstraint(condition=models.Q(state__in=IssueState.values), name="issue_state_known"),
            models.CheckConstraint(condition=models.Q(number__gte=1), name="issue_number_positive"),
            models.CheckConstraint(
                condition=models.Q(state=IssueState.PUBLISHED, published_at__isnull=False)
                | (~models.Q(state=IssueState.PUBLISHED) & models.Q(published_at__isnull=True)),
                name="issue_published_has_time",
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.number}: {self.title}" if self.title else f"#{self.number}"

    def get_absolute_url(self) -> str:
        return reverse("issues:issue", args=[self.number])

    @property
    def is_public(self) -> bool:
        return (
            self.state == IssueState.PUBLISHED and self.published_at is not None and self.published_at <= timezone.now()
        )
