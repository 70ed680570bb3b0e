"""The public pages of papers, their authors, and resources."""

from collections.abc import Mapping
from typing import Any

from django.db.models import F
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from issues.lists import numbered_page
from issues.mentions import sentence_about
from issues.models import Story, StoryPaper
from issues.paper_lists import (
    PAPER_PARAMETERS,
    RESOURCE_PARAMETERS,
    address_with,
    chosen,
    kept,
    listed_papers,
    listed_resources,
    named,
    public_papers,
    ways_into_papers,
    ways_into_resources,
    with_story_count,
)
from issues.public_pages import public_page
from papers.citations import bibtex, csl_json, ris, text
from papers.models import Author, AuthorAlias, Authorship, Paper, PaperAlias

MOST_STORIES = 50  # about a paper, or about an author's papers, on their page
MOST_TOGETHER = 12  # papers that are told of beside another


@public_page(*PAPER_PARAMETERS, "order", "page")
@require_safe
def papers(request: HttpRequest) -> HttpResponse:
    """All papers that published stories are about, or those that the parameters leave. Two queries, or up to eight."""
    asked = chosen(request.GET, PAPER_PARAMETERS)
    order = {"order": "stories"} if request.GET.get("order") == "stories" else {}
    papers = listed_papers(asked).for_list().order_by("-issued", "title", "pk")
    if order:
        papers = with_story_count(papers).order_by(F("story_count").desc(), "-issued", "title", "pk")
    context = {
        "page": numbered_page(request, papers),
        "by_stories": bool(order),
        "newest_first": address_with(asked),
        "most_stories_first": address_with(asked, order="stories"),
    }
    context |= ways_and_chosen(asked | order, asked, kept("papers", ways_into_papers))
    return render(request, "issues/paper_list.html", context)


@public_page()
@require_safe
def paper(request: HttpRequest, slug: str) -> HttpResponseBase:
    """A paper, how to cite it, the stories about it, and the papers told of with it. Six queries."""
    papers = public_papers().with_authors().prefetch_related("resources")
    paper = papers.filter(slug=slug).first()
    if paper is None:
        alias = get_object_or_404(PaperAlias.objects.select_related("paper"), slug=slug, paper__in=public_papers())
        return redirect(alias.paper, permanent=True)
    stories: list[Any] = list(Story.objects.published().filter(papers=paper).newest_first().for_list()[:MOST_STORIES])
    together = Paper.objects.filter(story_papers__story__in=[story.pk for story in stories]).exclude(pk=paper.pk)
    context = {
        "paper": paper,
        "stories": stories,
        "told": [(story, sentence_about(paper, story)) for story in stories],
        "keywords": sorted({topic["name"] for story in stories for topic in story.topic_rows}),
        "together": together.distinct().for_list()[:MOST_TOGETHER],
        "citations": citations(paper),
    }
    return render(request, "issues/paper_detail.html", context)


def citations(paper: Paper) -> dict[str, dict[str, str]]:
    """The paper's citations by name: as text, and as what programs read, without the abstract to be short."""
    return {
        "texts": {name: write(paper) for name, write in text.STYLES.items()},
        "files": {
            "BibTeX": bibtex.entry(paper, abstract=False),
            "RIS": ris.record(paper, abstract=False).replace("\r\n", "\n"),
            "CSL-JSON": csl_json.as_text([csl_json.item(paper, abstract=False)]),
        },
    }


@public_page()
@require_safe
def author(request: HttpRequest, slug: str) -> HttpResponseBase:
    """An author with the papers of theirs that stories are about, and these stories. Four queries."""
    author = Author.objects.filter(slug=slug).first()
    papers = public_papers().filter(pk__in=Authorship.objects.filter(author=author).values("paper"))
    shown = list(papers.for_list()[:MOST_STORIES]) if author else []
    if not shown:
        aliases = AuthorAlias.objects.select_related("author").filter(author__papers__in=public_papers())
        return redirect(get_object_or_404(aliases.distinct(), slug=slug).author, permanent=True)
    told = StoryPaper.objects.filter(paper__authorships__author=author).values("story")
    stories = Story.objects.published().filter(pk__in=told).newest_first().first_of(MOST_STORIES).for_list()
    return render(request, "issues/author_detail.html", {"author": author, "papers": shown, "stories": stories})


@public_page(*RESOURCE_PARAMETERS, "page")
@require_safe
def resources(request: HttpRequest) -> HttpResponse:
    """Code, data sets, demos …: what published stories and their papers link to, by kind. Two queries, or up to five."""
    asked = chosen(request.GET, RESOURCE_PARAMETERS)
    context = {"page": numbered_page(request, listed_resources(asked).order_by("kind", "title", "pk"))}
    context |= ways_and_chosen(asked, asked, kept("resources", ways_into_resources))
    return render(request, "issues/resource_list.html", context)


def ways_and_chosen(
    parameters: Mapping[str, str], asked: Mapping[str, str], ways: Mapping[str, list[dict[str, Any]]]
) -> dict[str, Any]:
    """As context: what was asked for, each with the address without it; and the ways into the list, with theirs."""
    for name, values in ways.items():
        for way in values:
            way["address"] = address_with(parameters, **{name: way["value"]})
            way["is_chosen"] = asked.get(name) == way["value"]
    return {
        "query": address_with(parameters).removeprefix("?"),
        "parameters": parameters,
        "asked": asked,
        "asked_query": address_with(asked) if asked else "",  # of the same list as a feed or a bibliography
        "chosen": [(name, text, address_with(parameters, **{name: ""})) for name, text in named(asked).items()],
        "ways": ways,
    }
