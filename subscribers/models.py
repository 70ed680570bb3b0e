from datetime import date
from typing import Self
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower


class SubscriberState(models.TextChoices):
    PENDING = "pending", "Pending"
    ACTIVE = "active", "Active"
    UNSUBSCRIBED = "unsubscribed", "Unsubscribed"
    BOUNCED = "bounced", "Bounced"
    COMPLAINED = "complained", "Complained"
    ERASED = "erased", "Erased"


class SubscriberQuerySet(models.QuerySet["Subscriber"]):
    def active(self) -> Self:
        """Those who confirmed and may be written to."""
        return self.filter(state=SubscriberState.ACTIVE)

    def with_address(self, email: str) -> Self:
        """The one with this address, however its letters are cased; one look-up in the unique index."""
        return self.alias(folded=Lower("email")).filter(folded=email.lower()).exclude(state=SubscriberState.ERASED)


class Subscriber(models.Model):
    """An address with a consent history."""

    email = models.EmailField(
        max_length=254, help_text="As it was typed, with the domain in lower case and in ASCII (A-labels)."
    )
    state = models.CharField(max_length=12, choices=SubscriberState, default=SubscriberState.PENDING, db_index=True)
    suppression_hash = models.CharField(
        max_length=64, blank=True, help_text="Keyed hash of an erased address, so that nobody adds it again by hand."
    )
    paused_until = models.DateField(
        null=True, blank=True, help_text="The first day (UTC) on which they want mails again; empty or past: no pause."
    )
    choice = models.TextField(
        blank=True,
        default="",
        db_default="",  # The import writes rows without naming what it knows nothing of.
        help_text="What of an issue they want, such as “section/research topic/robots”; empty: all of it.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True, help_text="When the state changed, or somebody last signed up.")

    objects = SubscriberQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [
            models.Index(
                fields=["suppression_hash"], condition=~models.Q(suppression_hash=""), name="subscriber_by_hash"
            )
        ]
        constraints = [
            # What is erased keeps no address: its row only holds together the ledger of what was sent.
            models.UniqueConstraint(
                Lower("email"), condition=~models.Q(state="erased"), name="one_subscriber_per_address"
            ),
            models.CheckConstraint(condition=models.Q(state__in=SubscriberState.values), name="subscriber_state_known"),
            models.CheckConstraint(
                condition=models.Q(state="erased", email="") | (~models.Q(state="erased") & ~models.Q(email="")),
                name="subscriber_erased_without_address",
            ),
        ]

    def __str__(self) -> str:
        return self.email or f"erased subscriber {self.pk}"

    @property
    def name_in_audit(self) -> str:
        """The audit trail is kept for ever, and an address has to be forgotten when its reader says so."""
        return f"subscriber {self.pk}"

    def is_paused(self, day: date) -> bool:
        return self.paused_until is not None and day < self.paused_until


class LinkRequest(models.Model):
    """Somebody asked for the link to the preferences of an address. Gone when it is answered, whoever has the address."""

    address = models.EmailField(max_length=254)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"link request {self.pk}"


class AddressChange(models.Model):
    """A subscriber's wish to get their mails at another address.

    While `former` is empty, the new address has still to confirm the change; a subscriber has one such row at most. Once
    the change is made, `former` holds the old address, and the row stays only until that address has been told.
    """

    subscriber = models.ForeignKey(Subscriber, models.CASCADE, related_name="+")
    address = models.EmailField(max_length=254, help_text="The new one, as `Subscriber.email` has it.")
    former = models.EmailField(max_length=254, blank=True, help_text="The old one, once the change is made.")
    mailed_at = models.DateTimeField(null=True, blank=True, help_text="When the new address was asked to confirm.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subscriber"], condition=models.Q(former=""), name="one_open_change_per_subscriber"
            )
        ]

    def __str__(self) -> str:
        return f"address change {self.pk}"


class ConsentKind(models.TextChoices):
    SIGNED_UP = "signed up", "Signed up"
    CONFIRMATION_SENT = "confirmation sent", "Confirmation mail sent"
    REMINDER_SENT = "reminder sent", "Mail sent: you are subscribed already"
    LINK_SENT = "link sent", "Mail with the link to the preferences sent"
    CONFIRMED = "confirmed", "Confirmed"
    CHOSEN = "chosen", "Chose what of an issue to get"
    PAUSED = "paused", "Paused"
    RESUMED = "resumed", "Ended the pause"
    CHANGED_ADDRESS = "changed address", "Changed the address"
    IMPORTED = "imported", "Imported"
    ADDED = "added", "Added by an editor"
    UNSUBSCRIBED = "unsubscribed", "Unsubscribed"
    BOUNCED = "bounced", "Bounced"
    COMPLAINED = "complained", "Complained"
    ERASED = "erased", "Erased"


AGREED = [ConsentKind.CONFIRMED, ConsentKind.ADDED, ConsentKind.IMPORTED]  # by each of these somebody became active


class ConsentEvent(models.Model):
    """One line of a subscriber's consent history: what happened, when, through what, and the words that were shown."""

    # No index of its own: the one by kind begins with it.
    subscriber = models.ForeignKey(Subscriber, models.CASCADE, related_name="consent_events", db_index=False)
    kind = models.CharField(max_length=20, choices=ConsentKind)
    source = models.CharField(
        max_length=100, help_text="Through what: sign-up form, unsubscribe link, one-click header, admin, file …"
    )
    wording = models.TextField(blank=True, help_text="The words that the person was shown.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created_at", "pk"]
        indexes = [
            models.Index(fields=["subscriber", "kind", "created_at"], name="consent_by_kind"),
            # For `mail.unanswered`, which looks at the last day every ten minutes. Imports, by far the most lines, and
            # what is heard of mailings are not in it.
            models.Index(
                fields=["created_at"],
                condition=models.Q(kind__in=["signed up", "confirmation sent", "reminder sent"]),
                name="consent_of_sign_ups",
            ),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(kind__in=ConsentKind.values), name="consent_kind_known")
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ({self.source})"


class ImportState(models.TextChoices):
    CHECKING = "checking", "Being checked"
    CHECKED = "checked", "Checked, waits for your word"
    IMPORTING = "importing", "Being imported"
    DONE = "done", "Imported"
    DISCARDED = "discarded", "Discarded"
    FAILED = "failed", "Failed"


class ImportRun(models.Model):
    """A file of subscribers that somebody brought to the admin: first checked, then imported or discarded.

    The row stays as the trace of who imported what; it names no address. The files lie in settings.IMPORTS_ROOT, named
    by `key`, and are deleted once they have served (see uploads.py).
    """

    key = models.UUIDField(default=uuid4, unique=True, editable=False)
    file_name = models.CharField("file", max_length=255)
    consent = models.TextField(
        "where consent came from", help_text="When, where and to which words these people agreed to get the digest."
    )
    state = models.CharField(max_length=10, choices=ImportState, default=ImportState.CHECKING)
    bytes_total = models.BigIntegerField(default=0)
    bytes_read = models.BigIntegerField(default=0)
    report = models.JSONField(default=dict, blank=True, help_text="Counts, and the first lines that were refused.")
    problem = models.TextField(blank=True, help_text="Why the file could not be read.")
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = "import"
        ordering = ["-created_at", "-pk"]
        default_permissions = ()
        permissions = [
            ("import_subscribers", "Can import subscribers from a file"),
            ("export_subscribers", "Can export all subscribers"),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(state__in=ImportState.values), name="import_state_known")
        ]

    def __str__(self) -> str:
        return self.file_name
