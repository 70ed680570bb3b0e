from django.db import models
from django.urls import reverse
from django.utils.text import slugify

from papers.slugs import free_slug


class AuthorQuerySet(models.QuerySet["Author"]):
    def named(self, family: str, given: str = "", suffix: str = "") -> "Author":
        """Return the author of this name, or who had it before a merge; made if there is none. One query, or more."""
        names = {"family": family, "given": given, "suffix": suffix}
        former = AuthorAlias.objects.filter(**names).values("author")
        author = self.filter(**names).first() or self.filter(pk__in=former).first()
        slug = slugify(f"{given} {family} {suffix}") or "author"
        return author or self.create(**names, slug=free_slug(self, slug, AuthorAlias.objects.all()))


class Author(models.Model):
    """A person, or a group whose whole name stands in `family` (CSL's `literal`)."""

    family = models.CharField("family name", max_length=200, help_text="The family name, or the whole name of a group.")
    given = models.CharField("given names", max_length=200, blank=True)
    suffix = models.CharField(max_length=20, blank=True, help_text="Jr., III")
    slug = models.SlugField(max_length=120, unique=True)

    objects = AuthorQuerySet.as_manager()

    class Meta:
        ordering = ["family", "given", "pk"]
        constraints = [models.UniqueConstraint(fields=["family", "given", "suffix"], name="one_author_per_name")]

    def __str__(self) -> str:
        name = f"{self.given} {self.family}".strip()
        return f"{name} {self.suffix}".strip()

    def get_absolute_url(self) -> str:
        return reverse("issues:author", args=[self.slug])


class AuthorAlias(models.Model):
    """The name and the slug of an author who was merged into another: the address redirects, the name finds the other."""

    author = models.ForeignKey(Author, models.CASCADE, related_name="aliases")
    family = models.CharField("family name", max_length=200)
    given = models.CharField("given names", max_length=200, blank=True)
    suffix = models.CharField(max_length=20, blank=True)
    slug = models.SlugField(max_length=120, unique=True)

    class Meta:
        verbose_name_plural = "author aliases"
        constraints = [models.UniqueConstraint(fields=["family", "given", "suffix"], name="one_author_alias_per_name")]

    def __str__(self) -> str:
        return f"{self.given} {self.family}".strip()
