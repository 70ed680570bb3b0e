"""Feeds of the lists of papers and resources, with the parameters of their pages: what was told of last comes first."""

import re
from collections.abc import Callable
from typing import Any

from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.http import Http404, HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse

from issues.addresses import absolute, tag_uri
from issues.feeds.answering import Page, feed_view
from issues.feeds.formats import Entry
from issues.models import Publication, Story
from issues.paper_lists import (
    PAPER_PARAMETERS,
    RESOURCE_PARAMETERS,
    chosen,
    listed_papers,
    listed_resources,
    named,
)
from papers.json_rows import JSONRows

ENTRIES = 50  # on a page


@feed_view(*PAPER_PARAMETERS)
def papers(request: HttpRequest, publication: Publication, form: str) -> Page:
    asked = chosen(request.GET, PAPER_PARAMETERS)
    told = told_of_last(listed_papers(asked).for_list().defer(None), Q(papers=OuterRef("pk")))
    entries, older = page_of(request, told, lambda paper: paper_entry(publication, paper))
    name = ", ".join(["papers", *named(asked).values()])
    return Page(entries, older, name, reverse("issues:papers"), asked, pinged=False)


@feed_view(*RESOURCE_PARAMETERS)
def resources(request: HttpRequest, publication: Publication, form: str) -> Page:
    asked = chosen(request.GET, RESOURCE_PARAMETERS)
    about = Q(resources=OuterRef("pk")) | Q(papers__resources=OuterRef("pk"))
    told = told_of_last(listed_resources(asked), about)
    entries, older = page_of(request, told, lambda resource: resource_entry(publication, resource))
    name = ", ".join(["resources", *named(asked).values()])
    return Page(entries, older, name, reverse("issues:resources"), asked, pinged=False)


def told_of_last(rows: QuerySet[Any], about: Q) -> QuerySet[Any]:
    """With the number and the moment of the first issue that told of each, and `story_rows`, title and slug of each."""
    stories = Story.objects.published().filter(about).order_by("issue__number", "position")
    rows = rows.annotate(
        told_in=Subquery(stories.values("issue__number")[:1]),
        told_at=Subquery(stories.values("issue__published_at")[:1]),
        story_rows=JSONRows(stories.distinct(), title="title", slug="slug"),
    )
    return rows.order_by(F("told_in").desc(), "-pk")


def page_of(request: HttpRequest, rows: QuerySet[Any], entry: Callable[[Any], Entry]) -> tuple[list[Entry], str]:
    """The entries of the page that `?before=41.7` asks for, and the place where the next starts. Raises Http404."""
    if before := request.GET.get("before", ""):
        place = re.fullmatch(r"(\d{1,9})\.(\d{1,18})", before, re.ASCII)
        if place is None:
            raise Http404("A place in the list is written like ?before=41.7")
        number, pk = int(place[1]), int(place[2])
        rows = rows.filter(Q(told_in__lt=number) | Q(told_in=number, pk__lt=pk))
    shown = list(rows[: ENTRIES + 1])
    last = shown[ENTRIES - 1] if len(shown) > ENTRIES else None
    return [entry(row) for row in shown[:ENTRIES]], f"{last.told_in}.{last.pk}" if last else ""


def paper_entry(publication: Publication, paper: Any) -> Entry:
    address, name = absolute(paper.get_absolute_url()), f"papers/{paper.pk}"
    return entry_of(publication, paper, name, address, paper.abstract)


def resource_entry(publication: Publication, resource: Any) -> Entry:
    summary = f"{resource.get_kind_display()} at {resource.host}"
    return entry_of(publication, resource, f"resources/{resource.pk}", resource.address, summary)


def entry_of(publication: Publication, row: Any, name: str, address: str, summary: str) -> Entry:
    """Of a row `told_of_last()`. What services add to a record later is no news: its moment is that of the telling."""
    stories = [
        {"title": story["title"], "address": absolute(reverse("issues:story", args=[story["slug"]]))}
        for story in row.story_rows
    ]
    return Entry(
        id=tag_uri(publication, row.told_at, name),
        address=address,
        title=str(row),
        published=row.told_at,
        updated=row.told_at,
        modified=max(row.told_at, getattr(row, "updated_at", row.told_at)),
        summary=summary or str(row),
        html=render_to_string("issues/feed_listed.html", {"row": row, "summary": summary, "stories": stories}),
    )
