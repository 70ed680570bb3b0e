from django.conf import settings
from django.db import models

from issues.models.issue import Issue


class Waiver(models.Model):
    """That somebody let a warning of an issue's preflight pass, and why. It holds for that finding and no other."""

    issue = models.ForeignKey(Issue, models.CASCADE, related_name="waivers")
    key = models.CharField(max_length=100, help_text="Of the finding.")
    check_name = models.CharField(max_length=80)
    sentence = models.TextField(help_text="What the check said.")
    reason = models.TextField()
    passed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, related_name="+", null=True, blank=True)
    passed_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-passed_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["issue", "key"], name="one_waiver_per_finding"),
            models.CheckConstraint(condition=~models.Q(reason=""), name="waiver_has_reason"),
        ]

    def __str__(self) -> str:
        return self.sentence
