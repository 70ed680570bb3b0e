from uuid import uuid4

from django.conf import settings
from django.db import models


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
