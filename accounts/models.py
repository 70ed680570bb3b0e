from django.db import models


class FailedLogIn(models.Model):
    """One wrong log-in, kept as long as a limit looks back. See throttle.py."""

    account = models.CharField(max_length=64, help_text="A keyed hash of what was typed as user name.")
    network = models.CharField(max_length=45)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            models.Index(fields=["account", "at"], name="failed_log_in_by_account"),
            models.Index(fields=["network", "at"], name="failed_log_in_by_network"),
            models.Index(fields=["at"], name="failed_log_in_by_time"),
        ]

    def __str__(self) -> str:
        return f"wrong log-in from {self.network} at {self.at:%c}"
