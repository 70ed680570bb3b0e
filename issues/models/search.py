from typing import Self

from django.db import models
from django.utils import timezone


class SearchKind(models.TextChoices):
    STORY = "story", "Stories"
    PAPER = "paper", "Papers"
    TOPIC = "topic", "Topics"
    RESOURCE = "resource", "Resources"


class SearchEntryQuerySet(models.QuerySet["SearchEntry"]):
    def public(self) -> Self:
        """What readers may see."""
        return self.filter(public_from__lte=timezone.now())


class SearchEntry(models.Model):
    """A published thing that can be found. Its rows are short, as a search reads a thousand of them.

    Beside it are its text, and `issues_searchindex`, which differs between the databases: see issues/search/sqlite.py and
    postgresql.py.
    """

    id = models.BigIntegerField(primary_key=True, help_text="Sorts by date: see issues/search/documents.py.")
    kind = models.CharField(max_length=10, choices=SearchKind)
    object_id = models.BigIntegerField()
    public_from = models.DateTimeField(db_index=True)
    labels = models.TextField(help_text="What it is counted under, separated by spaces: t:12 s:3 y:2020 k:story.")

    objects = SearchEntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "search entries"
        constraints = [
            models.CheckConstraint(condition=models.Q(kind__in=SearchKind.values), name="search_kind_known"),
            models.UniqueConstraint(fields=["kind", "object_id"], name="one_search_entry_each"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id}"


class SearchText(models.Model):
    """What readers see of an entry, a block a line, its title first."""

    entry = models.OneToOneField(SearchEntry, models.CASCADE, primary_key=True, related_name="text_row")
    text = models.TextField()

    def __str__(self) -> str:
        return self.text.partition("\n")[0]


class SearchWord(models.Model):
    """A word of the searchable texts: what beginnings of words are completed from, and misspelt ones corrected.

    Saving a text counts the words that are not `COMMON`, which are few; that of the others is what `index_search` counted.
    """

    COMMON = 100

    word = models.CharField(max_length=40, unique=True)
    stem = models.CharField(max_length=40, db_index=True)
    count = models.PositiveIntegerField(help_text="In how many entries it stands; more or less, if in many.")

    class Meta:
        ordering = ["word"]

    def __str__(self) -> str:
        return self.word
