from django.db import models

FIGURES_FOLDER = "figures/"
RENDITION_WIDTHS = (480, 960, 1440)  # CSS pixels times density; a rendition is never wider than its original


class Image(models.Model):
    """A picture that stories show. Its file never changes: another picture is another row, so old emails keep theirs."""

    name = models.CharField(max_length=120, unique=True, help_text="How texts name it: figures/<name>.")
    file = models.ImageField(upload_to="figures/", width_field="width", height_field="height")
    width = models.PositiveIntegerField(editable=False)
    height = models.PositiveIntegerField(editable=False)
    sha256 = models.CharField(max_length=64, unique=True, editable=False, help_text="Of the bytes that were uploaded.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "name"]

    def __str__(self) -> str:
        return self.name

    @property
    def source(self) -> str:
        """What stands in Markdown for it."""
        return FIGURES_FOLDER + self.name
