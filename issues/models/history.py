import datetime

from django.conf import settings
from django.db import models
from django.utils import timezone

from issues.models.issue import Issue
from issues.models.story import Story


class Revision(models.Model):
    """A kept earlier state of a story or an issue: who saved it, when, and all its fields as they were then."""

    story = models.ForeignKey(Story, models.CASCADE, related_name="revisions", null=True, blank=True)
    issue = models.ForeignKey(Issue, models.CASCADE, related_name="revisions", null=True, blank=True)
    number = models.PositiveIntegerField(help_text="1, 2, 3 … for each story and issue.")
    editor = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, related_name="+", null=True, blank=True)
    note = models.CharField(max_length=200, blank=True)
    snapshot = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-number"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(story__isnull=False, issue__isnull=True)
                | models.Q(story__isnull=True, issue__isnull=False),
                name="revision_of_one_thing",
            ),
            models.UniqueConstraint(fields=["story", "number"], name="story_revision_numbers_once"),
            models.UniqueConstraint(fields=["issue", "number"], name="issue_revision_numbers_once"),
        ]

    def __str__(self) -> str:
        return f"{self.story or self.issue}, revision {self.number}"


class Correction(models.Model):
    """A dated, reasoned, public note on a story that was changed after its publication."""

    story = models.ForeignKey(Story, models.CASCADE, related_name="corrections")
    date = models.DateField(default=datetime.date.today)
    text = models.TextField(help_text="What was wrong and what is right now, in plain words.")
    # The moment, where `date` is what readers see: two corrections of a day are two changes to those who follow feeds.
    published_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["date", "pk"]

    def __str__(self) -> str:
        return f"{self.date}: {self.text[:60]}"
