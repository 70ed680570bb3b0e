from typing import Self

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.utils import timezone


class Action(models.TextChoices):
    """All that the trail tells of. Past tense: it has happened."""

    ADDED = "added", "Added"
    CHANGED = "changed", "Changed"
    DELETED = "deleted", "Deleted"
    STATE_CHANGED = "state changed", "Changed the state"
    RESTORED = "restored", "Restored a revision"
    WAIVED = "waived", "Passed a warning"
    TESTED = "tested", "Sent a test"
    APPROVED = "approved", "Approved"
    APPROVAL_VOIDED = "approval voided", "Voided the approval"
    SCHEDULED = "scheduled", "Scheduled"
    UNSCHEDULED = "unscheduled", "Undid the schedule"
    HELD = "held", "Held a schedule"
    STARTED = "started", "Started sending"
    PAUSED = "paused", "Paused sending"
    RESUMED = "resumed", "Resumed sending"
    CANCELLED = "cancelled", "Cancelled sending"
    FINISHED = "finished", "Finished sending"
    RESOLVED = "resolved", "Settled deliveries"
    PUBLISHED = "published", "Published"
    CORRECTED = "corrected", "Corrected"
    IMPORTED = "imported", "Imported"
    EXPORTED = "exported", "Exported"
    ERASED = "erased", "Erased"
    LOGGED_IN = "logged in", "Logged in"
    LOGGED_OUT = "logged out", "Logged out"
    LOG_IN_FAILED = "log-in failed", "Failed to log in"
    CREDENTIALS_CHANGED = "credentials changed", "Changed password or second factor"
    ROLE_CHANGED = "role changed", "Changed what somebody may do"


class EntryQuerySet(models.QuerySet["Entry"]):
    def about(self, thing: models.Model) -> Self:
        return self.filter(content_type=ContentType.objects.get_for_model(thing), object_id=str(thing.pk))


class Entry(models.Model):
    """Who did what to what, and when. Written once; it outlives both the person and the thing."""

    at = models.DateTimeField("when", default=timezone.now, db_index=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, related_name="+", null=True, blank=True)
    who = models.CharField(max_length=150, help_text="The user's name then, or what acted without a person.")
    action = models.CharField(max_length=20, choices=Action, db_index=True)
    content_type = models.ForeignKey(
        ContentType, models.SET_NULL, related_name="+", null=True, blank=True, verbose_name="kind"
    )
    object_id = models.CharField(max_length=64, blank=True)
    object_name = models.CharField("what", max_length=200)
    note = models.TextField(blank=True)

    objects = EntryQuerySet.as_manager()

    class Meta:
        ordering = ["-at", "-pk"]
        verbose_name_plural = "audit trail"
        indexes = [models.Index(fields=["content_type", "object_id"], name="audit_by_object")]

    def __str__(self) -> str:
        return f"{self.who}: {self.get_action_display().lower()}: {self.object_name}"
