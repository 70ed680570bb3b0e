from collections.abc import Iterable

from django.db import IntegrityError, models, transaction
from django.urls import reverse
from django.utils.text import slugify

from papers.slugs import free_slugs

Name = tuple[str, str, str]  # family, given, suffix


class AuthorQuerySet(models.QuerySet["Author"]):
    def named(self, family: str, given: str = "", suffix: str = "") -> "Author":
        """Return the author of this name, or who had it before a merge; made if there is none."""
        name = family, given, suffix
        return self.all_named([name])[name]

    def all_named(self, names: Iterable[Name]) -> dict[Name, "Author"]:
        """The author of each name, or who had it before a merge; made if there is none. Two queries, or up to nine."""
        wanted = sorted(set(names))
        families = {family for family, _, _ in wanted}
        aliases = AuthorAlias.objects.filter(family__in=families).select_related("author")
        found: dict[Name, Author] = {(alias.family, alias.given, alias.suffix): alias.author for alias in aliases}
        found |= {(each.family, each.given, each.suffix): each for each in self.filter(family__in=families)}
        lacking = [name for name in wanted if name not in found]
        if not lacking:
            return found
        slugs = free_slugs(
            [slugify(f"{given} {family} {suffix}") or "author" for family, given, suffix in lacking],
            Author.objects.all(),
            AuthorAlias.objects.all(),
        )
        new = [
            Author(family=family, given=given, suffix=suffix, slug=slug)
            for (family, given, suffix), slug in zip(lacking, slugs, strict=True)
        ]
        try:
            with transaction.atomic():
                made = self.bulk_create(new)
        except IntegrityError:  # Another process made one of them at this moment.
            return self.all_named(wanted)
        return found | {(each.family, each.given, each.suffix): each for each in made}


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
