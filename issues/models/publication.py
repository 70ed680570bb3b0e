import datetime
import zoneinfo
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.text import slugify

ACCENT_LIGHT, ACCENT_DARK = "#a8320a", "#ff9d76"  # as in site.css, which needs no other file for them

hex_colour = RegexValidator(r"^#[0-9a-fA-F]{6}$", "Write the colour as six hexadecimal digits, like #8a2b0b.")
one_line = RegexValidator(r"^[^\r\n\x00]*$", "This goes into an email's header: it has to stand on one line.")


def validate_time_zone(name: str) -> None:
    if name not in zoneinfo.available_timezones():
        raise ValidationError(f"“{name}” is not a time zone. Write it like Europe/Amsterdam or UTC.")


class PublicationManager(models.Manager["Publication"]):
    def current(self) -> "Publication":
        """The one publication, made with its defaults if there is none yet. One query."""
        return self.get_or_create(pk=1)[0]


class Publication(models.Model):
    """The digest itself: what it is called, who sends it, under which licence, in which colours. One row."""

    name = models.CharField(max_length=100, default="Dynamically Typed", validators=[one_line])
    tagline = models.CharField(max_length=200, blank=True, help_text="One line under the name.")
    short_name = models.CharField(
        max_length=12,
        default="DT",
        validators=[RegexValidator(r"^[A-Za-z][A-Za-z0-9 -]*$", "Use letters, digits, spaces and hyphens.")],
        help_text="Stands before issue numbers: with “DT”, “DT #41” in a text becomes a link.",
    )
    description = models.TextField(
        blank=True, help_text="What this is and for whom, in Markdown. Shown on the home page."
    )
    description_html = models.TextField(blank=True, editable=False)
    language = models.CharField(
        max_length=12,
        default="en",
        validators=[RegexValidator(r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$", "Write the language like en or pt-BR.")],
        help_text="BCP 47, like en or pt-BR.",
    )
    time_zone = models.CharField(max_length=64, default="UTC", validators=[validate_time_zone])
    from_name = models.CharField(
        "sender's name", max_length=100, blank=True, validators=[one_line], help_text="Empty: the name."
    )
    from_email = models.EmailField("sender's address", default="digest@example.org")
    reply_to = models.EmailField("reply address", blank=True, help_text="Empty: replies go to the sender's address.")
    postal_address = models.TextField(
        blank=True, help_text="Stands at the foot of each email, as the law asks. No issue is approved without it."
    )
    list_id = models.CharField(
        max_length=200,
        blank=True,
        validators=[RegexValidator(r"^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$", "Write it like digest.example.org.")],
        help_text="List-Id (RFC 2919). It has to stay the same for the life of the list. Empty: made from name and domain.",
    )
    license_name = models.CharField("licence", max_length=60, blank=True)
    license_url = models.URLField("licence's address", blank=True)
    accent_light = models.CharField(
        "accent colour on light", max_length=7, default=ACCENT_LIGHT, validators=[hex_colour]
    )
    accent_dark = models.CharField("accent colour on dark", max_length=7, default=ACCENT_DARK, validators=[hex_colour])

    objects = PublicationManager()

    class Meta:
        verbose_name_plural = "publication"
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="one_publication")]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.pk = 1
        self.list_id = self.list_id or f"{slugify(self.name)}.{self.from_email.rpartition('@')[2]}"
        super().save(*args, **kwargs)

    def today(self) -> datetime.date:
        return timezone.localdate(timezone=zoneinfo.ZoneInfo(self.time_zone))

    @property
    def sender(self) -> str:
        return self.from_name or self.name

    @property
    def has_own_colours(self) -> bool:
        return (self.accent_light, self.accent_dark) != (ACCENT_LIGHT, ACCENT_DARK)


class Section(models.Model):
    """A standing heading of the digest, in order."""

    name = models.CharField(max_length=100, unique=True)
    slug = models.SlugField(max_length=100, unique=True)
    description = models.TextField(blank=True)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("issues:section", args=[self.slug])
