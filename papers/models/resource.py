"""Typed links that stories and papers share, and what the last look at each of them found."""

from typing import Self
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.db import models

from papers.errors import BadIdentifier
from papers.identifiers import normalise_address


class ResourceKind(models.TextChoices):
    CODE = "code", "Code"
    DATASET = "dataset", "Data set"
    DEMO = "demo", "Demo"
    MODEL_CARD = "model card", "Model card"
    BLOG_POST = "blog post", "Blog post"
    ARTICLE = "article", "Article"
    VIDEO = "video", "Video"
    TOOL = "tool", "Tool"
    ANNOUNCEMENT = "announcement", "Announcement"
    THREAD = "thread", "Thread"
    OTHER = "other", "Link"


class ResourceState(models.TextChoices):
    UNCHECKED = "unchecked", "Not checked yet"
    OK = "ok", "Works"
    REDIRECTED = "redirected", "Works, at another address"
    REFUSED = "refused", "Not to be checked"  # its server, or our own rules, want no program there
    FAILING = "failing", "Fails for now"
    DEAD = "dead", "Dead"


class ResourceQuerySet(models.QuerySet["Resource"]):
    def at(self, url: str) -> Self:
        """The one that has this normalised address, or had it before a merge. A union, for the sake of PostgreSQL."""
        resources = Resource.objects.order_by().filter(url=url).values("pk")
        return self.filter(pk__in=resources.union(ResourceAlias.objects.filter(url=url).values("resource")))


class CheckedLink(models.Model):
    """A normalised address, and what the last look at it found."""

    url = models.URLField("address", max_length=2000, unique=True)
    state = models.CharField(
        max_length=10, choices=ResourceState, default=ResourceState.UNCHECKED, editable=False, db_index=True
    )
    checked_at = models.DateTimeField("last checked", null=True, blank=True, editable=False)
    failing_since = models.DateTimeField(null=True, blank=True, editable=False)
    finding = models.CharField(max_length=300, blank=True, editable=False, help_text="What the last check met.")
    final_url = models.URLField("leads to", max_length=2000, blank=True, editable=False)

    class Meta:
        abstract = True

    @property
    def host(self) -> str:
        return (urlsplit(self.url).hostname or "").removeprefix("www.")


class Resource(CheckedLink):
    """A typed link that stories and papers share: one row for each normalised address."""

    title = models.CharField(max_length=300)
    kind = models.CharField(max_length=20, choices=ResourceKind, default=ResourceKind.OTHER)
    archived_url = models.URLField(
        "archived address",
        max_length=2000,
        blank=True,
        help_text="A copy that readers are led to when the link is dead, such as one at web.archive.org.",
    )
    objects = ResourceQuerySet.as_manager()

    class Meta:
        ordering = ["title", "pk"]
        constraints = [
            models.CheckConstraint(condition=models.Q(kind__in=ResourceKind.values), name="resource_kind_known"),
            models.CheckConstraint(condition=models.Q(state__in=ResourceState.values), name="resource_state_known"),
            models.CheckConstraint(
                condition=models.Q(state=ResourceState.UNCHECKED, checked_at__isnull=True)
                | (~models.Q(state=ResourceState.UNCHECKED) & models.Q(checked_at__isnull=False)),
                name="resource_checked_has_time",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def clean(self) -> None:
        for name in ("url", "archived_url"):
            try:
                setattr(self, name, getattr(self, name) and normalise_address(getattr(self, name)))
            except BadIdentifier as error:
                raise ValidationError({name: str(error)}) from error

    @property
    def is_dead(self) -> bool:
        return self.state == ResourceState.DEAD

    @property
    def address(self) -> str:
        """Where readers are led: the archived copy, if there is one and the link is dead."""
        return self.archived_url if self.is_dead and self.archived_url else self.url


class TextLink(CheckedLink):
    """An address in the texts of an issue to come, which is looked at before its readers do."""

    wanted_at = models.DateTimeField(help_text="When such a text was last seen to have it.")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(state__in=ResourceState.values), name="text_link_state_known"),
            models.CheckConstraint(
                condition=models.Q(state=ResourceState.UNCHECKED, checked_at__isnull=True)
                | (~models.Q(state=ResourceState.UNCHECKED) & models.Q(checked_at__isnull=False)),
                name="text_link_checked_has_time",
            ),
        ]

    def __str__(self) -> str:
        return self.url


class ResourceAlias(models.Model):
    """The address of a resource that was merged into another, so that it isn't stored a second time."""

    resource = models.ForeignKey(Resource, models.CASCADE, related_name="aliases")
    url = models.URLField("address", max_length=2000, unique=True)

    class Meta:
        verbose_name_plural = "resource aliases"

    def __str__(self) -> str:
        return self.url
