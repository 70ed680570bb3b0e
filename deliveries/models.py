import datetime
from typing import Self

from django.conf import settings
from django.db import models

from issues.models import Issue
from subscribers.models import Subscriber


class MailingState(models.TextChoices):
    APPROVED = "approved", "Approved"
    SCHEDULED = "scheduled", "Scheduled"
    SENDING = "sending", "Sending"
    PAUSED = "paused", "Paused"
    SENT = "sent", "Sent"
    CANCELLED = "cancelled", "Cancelled"


class MailingQuerySet(models.QuerySet["Mailing"]):
    def current(self) -> Self:
        """All but the cancelled: at most one for each issue."""
        return self.exclude(state=MailingState.CANCELLED)

    def sending(self) -> Self:
        return self.filter(state=MailingState.SENDING)

    def due(self, now: datetime.datetime) -> Self:
        return self.filter(state=MailingState.SCHEDULED, scheduled_for__lte=now)


class Mailing(models.Model):
    """One sending of an issue to its audience: a frozen rendering with a fingerprint, a schedule, a state."""

    issue = models.ForeignKey(Issue, models.PROTECT, related_name="mailings")
    state = models.CharField(max_length=10, choices=MailingState, default=MailingState.APPROVED, db_index=True)
    subject = models.CharField(max_length=200)
    html = models.TextField(help_text="As mailed, with merge fields where readers differ.")
    text = models.TextField(help_text="As mailed, with merge fields where readers differ.")
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of sender, subject, HTML and text.")
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, related_name="+", null=True, blank=True)
    scheduled_for = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True, help_text="Also the Date of every mail, on retries too.")
    finished_at = models.DateTimeField(null=True, blank=True)
    pause_reason = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = MailingQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(condition=models.Q(state__in=MailingState.values), name="mailing_state_known"),
            models.UniqueConstraint(
                fields=["issue"], condition=~models.Q(state="cancelled"), name="one_current_mailing_per_issue"
            ),
            models.CheckConstraint(
                condition=~models.Q(state="scheduled") | models.Q(scheduled_for__isnull=False),
                name="mailing_scheduled_has_time",
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=["sending", "sent"]) | models.Q(started_at__isnull=False),
                name="mailing_started_has_time",
            ),
        ]

    def __str__(self) -> str:
        return f"Mailing of {self.issue}"


class DeliveryState(models.TextChoices):
    QUEUED = "queued", "Queued"
    CLAIMED = "claimed", "Claimed"
    SENT = "sent", "Sent"
    FAILED = "failed", "Failed"
    SKIPPED = "skipped", "Skipped"
    UNCERTAIN = "uncertain", "Uncertain"


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def queued(self) -> Self:
        return self.filter(state=DeliveryState.QUEUED)

    def remaining(self) -> Self:
        """Those without an outcome yet: queued or claimed."""
        return self.filter(state__in=[DeliveryState.QUEUED, DeliveryState.CLAIMED])

    def lease_expired(self, now: datetime.datetime) -> Self:
        return self.filter(state=DeliveryState.CLAIMED, lease_expires_at__lt=now)


class Delivery(models.Model):
    """What became of one mailing for one subscriber."""

    mailing = models.ForeignKey(Mailing, models.CASCADE, related_name="deliveries")
    subscriber = models.ForeignKey(Subscriber, models.PROTECT, related_name="deliveries")
    state = models.CharField(max_length=10, choices=DeliveryState, default=DeliveryState.QUEUED)
    reason = models.TextField(
        blank=True, help_text="Why it failed, was skipped or is uncertain, with the server's words."
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(null=True, blank=True, help_text="Not before this time (UTC). Empty: at once.")
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        verbose_name_plural = "deliveries"
        indexes = [models.Index(fields=["mailing", "state"], name="delivery_by_state")]
        constraints = [
            models.UniqueConstraint(fields=["mailing", "subscriber"], name="one_delivery_per_subscriber"),
            models.CheckConstraint(condition=models.Q(state__in=DeliveryState.values), name="delivery_state_known"),
            models.CheckConstraint(
                condition=models.Q(state="claimed", lease_expires_at__isnull=False)
                | (~models.Q(state="claimed") & models.Q(lease_expires_at__isnull=True)),
                name="delivery_claimed_has_lease",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subscriber}: {self.get_state_display()}"
