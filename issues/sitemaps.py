"""Sitemaps (https://www.sitemaps.org/protocol.html): an index, and files of bounded size with the public pages.

Ours, as Django's take the host from the request, page by offset, and read every row to date the index. Ours has no dates
in the index, and none for pages that as many stories as there are may have changed: they would take a look at all of these.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Max, OuterRef, Q, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from issues.addresses import absolute
from issues.lists import public_sections, years_of_issues
from issues.machines import for_machines
from issues.models import Issue, Story, StoryPaper, Topic
from issues.public_pages import public_page
from papers.models import Author, Paper

# A file holds the rows whose keys lie in one block, so that an old file doesn't change when rows are added. The protocol
# allows 50,000 addresses in a file.
BLOCK = 5_000
XML = "application/xml; charset=utf-8"


@dataclass(frozen=True)
class Kind:
    """Pages of a kind; `moments` lead from one to those at which something on it was published or corrected."""

    public: Callable[[], QuerySet[Any]]
    moments: tuple[str, ...] = ()

    def with_moments(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """With the last of each as `last_0`, `last_1`; one to come is none yet."""
        now = timezone.now()
        found = {f"last_{n}": Max(path, filter=Q(**{f"{path}__lte": now})) for n, path in enumerate(self.moments)}
        annotated: QuerySet[Any] = rows.annotate(**found)
        return annotated

    def last_change(self, row: Any) -> datetime | None:
        lasts = [getattr(row, f"last_{n}") for n in range(len(self.moments))]
        return max(filter(None, lasts), default=None)

    def blocks(self) -> Iterator[int]:
        """Those with a public page. A query for each, by index, and one more."""
        rows, start = self.public().order_by("pk").values_list("pk", flat=True), 0
        while found := rows.filter(pk__gte=start)[:1]:
            block = found[0] // BLOCK
            yield block
            start = (block + 1) * BLOCK


def told_of(rows: QuerySet[Any], way: str) -> QuerySet[Any]:
    """Those of papers, or of what `way` leads to from a paper, of which a published story tells. Row by row, by index."""
    told = StoryPaper.objects.public().filter(**{way: OuterRef("pk")}).order_by()
    found: QuerySet[Any] = rows.alias(told=Subquery(told.values("pk")[:1])).filter(told__isnull=False)
    return found


KINDS = {
    "issues": Kind(Issue.objects.published, ("published_at", "stories__corrections__published_at")),
    "stories": Kind(Story.objects.published, ("issue__published_at", "corrections__published_at")),
    "sections": Kind(public_sections),
    "topics": Kind(Topic.objects.public),
    "papers": Kind(lambda: told_of(Paper.objects.all(), "paper"), ("story_papers__story__issue__published_at",)),
    "authors": Kind(lambda: told_of(Author.objects.all(), "paper__authorships__author")),
}
LISTS = (
    "issues:home",
    "issues:issues",
    "issues:topics",
    "issues:papers",
    "issues:resources",
    "issues:corrections",
)


@public_page()
@for_machines
def index(request: HttpRequest) -> HttpResponse:
    """The files that have addresses in them. A query for each, and one for each kind."""
    files = [reverse("issues:sitemap_of_lists")]
    files += [reverse("issues:sitemap", args=[name, block]) for name, kind in KINDS.items() for block in kind.blocks()]
    return render(request, "sitemap_index.xml", {"files": map(absolute, files)}, content_type=XML)


@public_page()
@for_machines
def sitemap(request: HttpRequest, name: str, block: int) -> HttpResponse:
    """The pages of one kind in one block. One query."""
    kind = KINDS.get(name)
    if kind is None:
        raise Http404("There is no such sitemap.")
    rows = kind.public().filter(pk__gte=block * BLOCK, pk__lt=(block + 1) * BLOCK)
    rows = kind.with_moments(rows).order_by("pk").only("number" if name == "issues" else "slug")
    pages = [
        {"address": absolute(row.get_absolute_url()), "changed": last.isoformat() if last else ""}
        for row in rows
        for last in [kind.last_change(row)]
    ]
    if not pages:
        raise Http404("There is nothing in this sitemap.")
    return render(request, "sitemap.xml", {"pages": pages}, content_type=XML)


@public_page()
@for_machines
def sitemap_of_lists(request: HttpRequest) -> HttpResponse:
    """The pages that lead to all others. One query."""
    years = [reverse("issues:year", args=[year]) for year in years_of_issues()]
    pages = [{"address": absolute(path)} for path in [*map(reverse, LISTS), *years]]
    return render(request, "sitemap.xml", {"pages": pages}, content_type=XML)
