"""What the services of metadata said of papers, and what became of it. The rows are written by `looking_up`."""

from typing import Self

from django.conf import settings
from django.db import models


class Source(models.TextChoices):
    ARXIV = "arxiv", "arXiv"
    CROSSREF = "crossref", "Crossref"
    OPENALEX = "openalex", "OpenAlex"


class SourceTurn(models.Model):
    """From when on a service may be asked again, by whichever worker is first: one row for each service."""

    source = models.CharField(max_length=10, choices=Source, primary_key=True)
    free_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.get_source_display()


class SourceAnswer(models.Model):
    """What a service last said about an identifier, in our fields, so that it isn't asked twice a day."""

    source = models.CharField(max_length=10, choices=Source)
    identifier = models.CharField(max_length=300)
    facts = models.JSONField()
    fetched_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "identifier"], name="one_answer_per_identifier")]

    def __str__(self) -> str:
        return f"{self.get_source_display()}: {self.identifier}"


class LookupState(models.TextChoices):
    WAITING = "waiting", "Looking it up"
    FOUND = "found", "Found"
    FAILED = "failed", "Nothing was found"


class Lookup(models.Model):
    """One asking of the services about a paper. `message` is for the editor: what was filled in, or what went wrong."""

    paper = models.ForeignKey("papers.Paper", models.CASCADE, related_name="lookups")
    state = models.CharField(max_length=10, choices=LookupState, default=LookupState.WAITING)
    message = models.TextField(blank=True)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    requested_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-requested_at", "-pk"]
        constraints = [
            models.CheckConstraint(condition=models.Q(state__in=LookupState.values), name="lookup_state_known"),
            models.UniqueConstraint(
                fields=["paper"], condition=models.Q(state=LookupState.WAITING), name="one_waiting_lookup_per_paper"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.paper}: {self.get_state_display()}"


class Decision(models.TextChoices):
    PROPOSED = "proposed", "Proposed"
    ACCEPTED = "accepted", "Accepted"
    REFUSED = "refused", "Refused"


class FieldProposal(models.Model):
    """A value that a service gives where the paper has another. What was refused is not proposed again.

    The value of `authors` is a list of [family, given, suffix].
    """

    paper = models.ForeignKey("papers.Paper", models.CASCADE, related_name="field_proposals")
    field = models.CharField(max_length=30)
    value = models.JSONField()
    source = models.CharField(max_length=10, choices=Source)
    found_at = models.DateTimeField(auto_now_add=True)
    state = models.CharField(max_length=10, choices=Decision, default=Decision.PROPOSED)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["paper", "pk"]
        constraints = [
            models.CheckConstraint(condition=models.Q(state__in=Decision.values), name="field_proposal_state_known"),
            models.UniqueConstraint(
                fields=["paper", "field"],
                condition=models.Q(state=Decision.PROPOSED),
                name="one_open_proposal_per_field",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.paper}: {self.field}"


class UpdateKind(models.TextChoices):
    NEW_VERSION = "new version", "New version on arXiv"
    PUBLISHED = "published", "Published in a journal or at a conference"
    RETRACTED = "retracted", "Retracted"
    CODE = "code released", "Code released"
    OTHER = "other", "Other"


class PaperUpdateQuerySet(models.QuerySet["PaperUpdate"]):
    def accepted(self) -> Self:
        """What readers may see."""
        return self.filter(state=Decision.ACCEPTED)


class PaperUpdate(models.Model):
    """Something that happened to a paper after a story was written about it: a line under the story, once accepted."""

    paper = models.ForeignKey("papers.Paper", models.CASCADE, related_name="updates")
    kind = models.CharField(max_length=20, choices=UpdateKind, default=UpdateKind.OTHER)
    key = models.CharField(max_length=255, blank=True, help_text="What makes it this one: v3, or a DOI.")
    text = models.CharField(max_length=500, help_text="The line that readers see.")
    url = models.URLField("address", max_length=2000, blank=True)
    happened_on = models.DateField(help_text="Stories that are older show it.")
    found_at = models.DateTimeField(auto_now_add=True)
    state = models.CharField(max_length=10, choices=Decision, default=Decision.PROPOSED, db_index=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)

    objects = PaperUpdateQuerySet.as_manager()

    class Meta:
        ordering = ["-found_at", "-pk"]
        verbose_name = "news of a paper"
        verbose_name_plural = "news of papers"
        constraints = [
            models.CheckConstraint(condition=models.Q(state__in=Decision.values), name="paper_update_state_known"),
            models.CheckConstraint(condition=models.Q(kind__in=UpdateKind.values), name="paper_update_kind_known"),
            models.UniqueConstraint(
                fields=["paper", "kind", "key"], condition=~models.Q(key=""), name="one_update_per_event"
            ),
        ]

    def __str__(self) -> str:
        return self.text
