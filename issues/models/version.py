from django.db import models


class SiteVersion(models.Model):
    """How often something that public pages show has changed. One row: see issues/site_version.py."""

    number = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="one_site_version")]

    def __str__(self) -> str:
        return str(self.number)
