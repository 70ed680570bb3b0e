import datetime
import json
from collections.abc import Collection
from typing import Self

from django.conf import settings
from django.db import connections, models
from django.db.models import Q
from django.db.models.expressions import RawSQL

from issues.models import Issue
from subscribers.models import Subscriber


class MailingState(models.TextChoices):
    APPROVED = "approved", "Approved"
    VOID = "void", "Approval void"
    SCHEDULED = "scheduled", "Scheduled"
    SENDING = "sending", "Sending"
    PAUSED = "paused", "Paused"
    SENT = "sent", "Sent"
    CANCELLED = "cancelled", "Cancelled"


CONTENTS = ["html", "text", "parts", "stories"]  # of a mailing: hundreds of kilobytes


class MailingQuerySet(models.QuerySet["Mailing"]):
    def without_contents(self) -> Self:
        """Only with what lists and figures need."""
        return self.defer(*CONTENTS)

    def current(self) -> Self:
        """All but the cancelled: at most one for each issue."""
        return self.exclude(state=MailingState.CANCELLED)

    def sending(self) -> Self:
        return self.filter(state=MailingState.SENDING)

    def not_started(self) -> Self:
        """Those of which nothing has left, so that they may start; paused ones came too late for their schedule."""
        waiting = Q(state__in=[MailingState.APPROVED, MailingState.SCHEDULED])
        return self.filter(waiting | Q(state=MailingState.PAUSED, started_at=None))

    def replaceable(self) -> Self:
        """Those that another approval may take the place of: nothing has left, be the approval void or not."""
        return self.filter(
            state__in=[MailingState.APPROVED, MailingState.VOID, MailingState.SCHEDULED, MailingState.PAUSED],
            started_at=None,
        )

    def due(self, now: datetime.datetime) -> Self:
        return self.filter(state=MailingState.SCHEDULED, scheduled_for__lte=now)


class Mailing(models.Model):
    """One sending of an issue to its audience: a frozen rendering with a fingerprint, a schedule, a state."""

    issue = models.ForeignKey(Issue, models.PROTECT, related_name="mailings")
    state = models.CharField(max_length=10, choices=MailingState, default=MailingState.APPROVED, db_index=True)
    sender = models.CharField("sender's name", max_length=100)
    from_email = models.EmailField("sender's address")
    reply_to = models.EmailField("reply address", blank=True)
    list_name = models.CharField(max_length=100)
    list_id = models.CharField(max_length=200)
    subject = models.CharField(max_length=200)
    html = models.TextField(help_text="As mailed, with merge fields where readers differ, and marks around stories.")
    text = models.TextField(help_text="As mailed, with merge fields where readers differ, and marks around stories.")
    parts = models.JSONField(
        default=list, help_text="What the text is made of, to be compared with today's: name, story, text."
    )
    stories = models.JSONField(default=list, help_text="What each story is about, for readers who chose only some.")
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of sender, list, subject, HTML, text and stories.")
    scheduled_for = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True, help_text="Also the Date of every mail, on retries too.")
    finished_at = models.DateTimeField(null=True, blank=True)
    candidates = models.PositiveIntegerField(default=0, help_text="How many deliveries were queued at the start.")
    pause_reason = models.TextField(blank=True)
    failures_in_a_row = models.PositiveSmallIntegerField(
        default=0, help_text="How often, since the last success, the mail server did not answer or hung up."
    )
    claimed_at = models.DateTimeField(
        null=True, blank=True, help_text="When a worker last took a batch: the sign that somebody is sending."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = MailingQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        permissions = [("send_mailing", "Can send, schedule, pause, resume and cancel mailings")]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=MailingState.values), name="mailing_state_known"),
            models.UniqueConstraint(
                fields=["issue"], condition=~Q(state="cancelled"), name="one_current_mailing_per_issue"
            ),
            models.CheckConstraint(
                condition=~Q(state="scheduled") | Q(scheduled_for__isnull=False), name="mailing_scheduled_has_time"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["sending", "sent"]) | Q(started_at__isnull=False),
                name="mailing_started_has_time",
            ),
        ]

    def __str__(self) -> str:
        return f"Mailing of {self.issue}"

    @property
    def has_started(self) -> bool:
        return self.started_at is not None

    @property
    def tried_until(self) -> datetime.datetime:
        """When the last attempt is made for what its servers put off, in whole seconds; only of one that has started."""
        assert self.started_at is not None  # noqa: S101, for the types
        return self.started_at.replace(microsecond=0) + datetime.timedelta(hours=settings.SENDING_DEADLINE_HOURS)

    @property
    def is_held(self) -> bool:
        """Paused before anything left: it came too late for its schedule, or could not start then."""
        return self.state == MailingState.PAUSED and not self.has_started

    @property
    def state_in_words(self) -> str:
        return "Held" if self.is_held else str(self.get_state_display())


class TestMail(models.Model):
    """One test of what an issue would be mailed as, by the fingerprint of what was tested: see `Mailing.fingerprint`."""

    __test__ = False  # for pytest

    issue = models.ForeignKey(Issue, models.CASCADE, related_name="test_mails")
    fingerprint = models.CharField(max_length=64)
    to = models.EmailField(max_length=254)
    sent_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, related_name="+", null=True, blank=True)
    sent_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-sent_at", "-pk"]
        indexes = [models.Index(fields=["sent_by", "sent_at"], name="test_mail_by_sender")]

    def __str__(self) -> str:
        return f"Test of {self.issue} to {self.to}"


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

    def due(self, now: datetime.datetime) -> Self:
        """The queued ones whose time has come."""
        return self.queued().filter(due_at__lte=now)

    def among(self, ids: Collection[int]) -> Self:
        """Those with these primary keys: one parameter, however many they are.

        Add no other indexed condition, or PostgreSQL may walk an index over all that is done.
        """
        if connections[self.db].vendor == "postgresql":
            return self.filter(pk__in=RawSQL("SELECT unnest(%s::bigint[])", [list(ids)]))
        return self.filter(pk__in=RawSQL("SELECT value FROM json_each(%s)", [json.dumps(list(ids))]))

    def claimed(self) -> Self:
        return self.filter(state=DeliveryState.CLAIMED)

    def remaining(self) -> Self:
        """Those without an outcome yet: queued or claimed."""
        return self.filter(state__in=[DeliveryState.QUEUED, DeliveryState.CLAIMED])

    def uncertain(self) -> Self:
        return self.filter(state=DeliveryState.UNCERTAIN)

    def of_batch(self, name: str) -> Self:
        """Those that a batch has claimed and nobody has settled, be it that its lease ran out meanwhile.

        There is no index on the name: narrow them down by `among`, or by the mailing.
        """
        return self.filter(claimed_by=name, state__in=[DeliveryState.CLAIMED, DeliveryState.UNCERTAIN])

    def release(self) -> int:
        """Put claimed deliveries back into the queue. Returns how many."""
        return self.update(
            state=DeliveryState.QUEUED, reason="", claimed_by="", lease_expires_at=None, finished_at=None
        )


class Delivery(models.Model):
    """What became of one mailing for one subscriber."""

    mailing = models.ForeignKey(Mailing, models.CASCADE, related_name="deliveries", db_index=False)
    subscriber = models.ForeignKey(Subscriber, models.PROTECT, related_name="deliveries", db_index=False)
    state = models.CharField(max_length=10, choices=DeliveryState, default=DeliveryState.QUEUED)
    reason = models.TextField(
        blank=True, help_text="Why it failed, was skipped, waits or is uncertain, with the server's words."
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(help_text="Not before this time (UTC).")
    claimed_by = models.CharField(max_length=100, blank=True, help_text="Which batch of which worker has or had it.")
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        verbose_name_plural = "deliveries"
        # A mailing makes a row for each reader, so each index costs seconds. These serve the claims, the ledger and,
        # by the constraint, all that is known of a subscriber.
        indexes = [
            models.Index(fields=["mailing", "state", "due_at"], name="delivery_by_state"),
            models.Index(fields=["lease_expires_at"], condition=Q(state="claimed"), name="delivery_by_lease"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["subscriber", "mailing"], name="one_delivery_per_subscriber"),
            models.CheckConstraint(condition=Q(state__in=DeliveryState.values), name="delivery_state_known"),
            models.CheckConstraint(
                condition=Q(state="claimed", lease_expires_at__isnull=False)
                | (~Q(state="claimed") & Q(lease_expires_at__isnull=True)),
                name="delivery_claimed_has_lease",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["queued", "claimed"], finished_at__isnull=True)
                | (~Q(state__in=["queued", "claimed"]) & Q(finished_at__isnull=False)),
                name="delivery_outcome_has_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subscriber}: {self.get_state_display()}"


class RateLimit(models.Model):
    """What the workers have used of a mail server's limits, all together: see rate_limits.py."""

    server = models.CharField(max_length=400, unique=True, help_text="user@host:port")
    next_grant_at = models.FloatField(default=0, help_text="Seconds since 1970: nobody gets more before.")
    minutes = models.JSONField(default=dict, help_text="Minutes since 1970, with the mails that were granted in each.")

    def __str__(self) -> str:
        return self.server


class EventType(models.TextChoices):
    """What became of a mail, in Anymail's words, whoever tells it."""

    DELIVERED = "delivered", "Delivered"
    DEFERRED = "deferred", "Deferred"
    BOUNCED = "bounced", "Bounced"
    REJECTED = "rejected", "Rejected by the provider"
    FAILED = "failed", "Failed at the provider"
    COMPLAINED = "complained", "Complained"
    UNSUBSCRIBED = "unsubscribed", "Unsubscribed"


class Verdict(models.TextChoices):
    """What it means for the reader. A constraint keeps others out, so the words are part of the schema."""

    HARD = "hard", "Bounced for good"
    SOFT = "soft", "Bounced for now"
    OURS = "ours", "Refused for what it was or where it came from"
    COMPLAINT = "complaint", "Complained"
    UNSUBSCRIBED = "unsubscribed", "Unsubscribed at the provider"
    DELIVERED = "delivered", "Delivered"


class MailEvent(models.Model):
    """What a mail server, a provider or a reader told of a mail, recorded once. See feedback/taking.py."""

    subscriber = models.ForeignKey(Subscriber, models.CASCADE, related_name="mail_events", db_index=False)
    # With the subscriber it names the delivery; null for a mail that belongs to no mailing, such as a confirmation.
    mailing = models.ForeignKey(
        Mailing, models.CASCADE, related_name="mail_events", null=True, blank=True, db_index=False
    )
    source = models.CharField(max_length=40, help_text="Who told: sending, bounce mailbox, or the provider's name.")
    event_id = models.CharField(max_length=200, help_text="The provider's, or a digest of what was told.")
    event_type = models.CharField(max_length=12, choices=EventType)
    reject_reason = models.CharField(max_length=12, blank=True, help_text="Anymail's word for why.")
    verdict = models.CharField(max_length=12, choices=Verdict)
    status = models.CharField(max_length=11, blank=True, help_text="The enhanced status code (RFC 3463), if any.")
    excerpt = models.TextField(blank=True, help_text="The server's words, in one line and without addresses.")
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-occurred_at", "-pk"]
        indexes = [
            models.Index(fields=["subscriber", "verdict", "occurred_at"], name="event_by_subscriber"),
            models.Index(fields=["mailing", "verdict"], name="event_by_mailing"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["source", "event_id"], name="one_event_per_report"),
            models.CheckConstraint(condition=Q(event_type__in=EventType.values), name="event_type_known"),
            models.CheckConstraint(condition=Q(verdict__in=Verdict.values), name="event_verdict_known"),
        ]

    def __str__(self) -> str:
        return f"{self.get_verdict_display()} ({self.source})"
