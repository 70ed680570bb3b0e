"""Sitemaps (https://www.sitemaps.org/protocol.html): an index, and files of bounded size with the public pages.

Ours, as Django's take the host from the request, page by offset, and read every row to date the index.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from issues.addresses import absolute
from issues.lists import papers_of, public_sections, years_of_issues
from issues.machines import for_machines
from issues.models import Issue, Story, StoryPaper, Topic
from issues.public_pages import public_page
from papers.models import Author, Authorship

# A file holds the rows whose keys lie in one block, so that an old file doesn't change when rows are added. The protocol
# allows 50,000 addresses in a file.
BLOCK = 5_000
XML = "application/xml; charset=utf-8"


@dataclass(frozen=True)
class Kind:
    """Pages of a kind; `published` leads from one to the moments at which something on it was published, and so on."""

    public: Callable[[], QuerySet[Any]]
    published: str
    corrected: str = ""

    def with_moments(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """With `published_last` and `corrected_last`; a moment to come is none yet."""
        now = timezone.now()
        moments = {"published_last": self.published, "corrected_last": self.corrected}
        found = {name: Max(path, filter=Q(**{f"{path}__lte": now})) for name, path in moments.items() if path}
        annotated: QuerySet[Any] = rows.annotate(**found)
        return annotated


def public_authors() -> QuerySet[Any]:
    papers = papers_of(StoryPaper.objects.public())
    return Author.objects.filter(Exists(Authorship.objects.filter(author=OuterRef("pk"), paper__in=papers)))


KINDS = {
    "issues": Kind(Issue.objects.published, "published_at", "stories__corrections__published_at"),
    "stories": Kind(Story.objects.published, "issue__published_at", "corrections__published_at"),
    "sections": Kind(public_sections, "stories__issue__published_at"),
    "topics": Kind(Topic.objects.public, "items__content_object__issue__published_at"),
    "papers": Kind(lambda: papers_of(StoryPaper.objects.public()), "story_papers__story__issue__published_at"),
    "authors": Kind(public_authors, "authorships__paper__story_papers__story__issue__published_at"),
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
    """The files that have addresses in them, each with its last change. A query for each kind."""
    files = [{"address": absolute(reverse("issues:sitemap_of_lists"))}]
    for name, kind in KINDS.items():
        blocks = kind.public().order_by().values(block=F("pk") / BLOCK)
        for row in kind.with_moments(blocks).order_by("block"):
            address = absolute(reverse("issues:sitemap", args=[name, row["block"]]))
            last = last_of(row["published_last"], row.get("corrected_last"))
            files.append({"address": address, "changed": last.isoformat() if last else ""})
    return render(request, "sitemap_index.xml", {"files": files}, content_type=XML)


@public_page()
@for_machines
def sitemap(request: HttpRequest, name: str, block: int) -> HttpResponse:
    """The pages of one kind in one block. One query."""
    kind = KINDS.get(name)
    if kind is None:
        raise Http404("There is no such sitemap.")
    rows = kind.public().filter(pk__gte=block * BLOCK, pk__lt=(block + 1) * BLOCK)
    pages = [
        {
            "address": absolute(row.get_absolute_url()),
            "changed": last.isoformat()
            if (last := last_of(row.published_last, getattr(row, "corrected_last", None)))
            else "",
        }
        for row in kind.with_moments(rows).order_by("pk").only("number" if name == "issues" else "slug")
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


def last_of(*moments: datetime | None) -> datetime | None:
    return max((moment for moment in moments if moment), default=None)
