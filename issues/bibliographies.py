"""Bibliographies: the papers of an issue, a story, a topic, a section, an author, a search or the archive, as one file.

They are streamed: papers are read in pieces, so neither memory nor the number of queries at a time grows with them.
"""

from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from issues.lists import papers_of, public_sections
from issues.models import Issue, SearchKind, Story, StoryPaper, Topic, TopicAlias
from issues.paper_lists import listed_papers, public_papers
from issues.search import Query, search
from papers.citations import FORMATS
from papers.models import Author, AuthorAlias, Paper, PaperAlias, PaperQuerySet

PAPERS_AT_ONCE = 200  # that are held in memory; each so many make two queries
MAX_AGE = 300  # seconds for which caches needn't ask again


def bibliography(papers: PaperQuerySet, form: str, name: str) -> StreamingHttpResponse:
    """The papers as a file of this name, in the form with this ending. `name` is ours, or a slug."""
    chosen = FORMATS[form]
    response = StreamingHttpResponse(
        (piece.encode() for piece in chosen.write(in_pieces(papers))), content_type=chosen.content_type
    )
    response["Content-Disposition"] = f'attachment; filename="{name}.{form}"'
    return response


def in_pieces(papers: PaperQuerySet) -> Iterator[Paper]:
    return papers.with_authors().iterator(chunk_size=PAPERS_AT_ONCE)


def papers_told(**stories: Any) -> PaperQuerySet:
    return papers_of(StoryPaper.objects.public().filter(**stories))


@require_safe
@cache_control(public=True, max_age=MAX_AGE)
def of_paper(request: HttpRequest, slug: str, form: str) -> HttpResponseBase:
    papers = public_papers()
    if papers.filter(slug=slug).exists():
        return bibliography(papers.filter(slug=slug), form, slug)
    alias = get_object_or_404(PaperAlias.objects.select_related("paper"), slug=slug, paper__in=papers)
    return redirect("issues:paper_bibliography", alias.paper.slug, form, permanent=True)


@require_safe
@cache_control(public=True, max_age=MAX_AGE)
def of_issue(request: HttpRequest, number: int, form: str) -> HttpResponseBase:
    issue = get_object_or_404(Issue.objects.published(), number=number)
    papers = papers_told(story__issue=issue)
    return bibliography(papers, form, f"issue-{number}")


@require_safe
@cache_control(public=True, max_age=MAX_AGE)
def of_story(request: HttpRequest, slug: str, form: str) -> HttpResponseBase:
    story = get_object_or_404(Story.objects.published(), slug=slug)
    papers = Paper.objects.filter(story_papers__story=story).order_by("story_papers__position")
    return bibliography(papers, form, slug)


@require_safe
@cache_control(public=True, max_age=MAX_AGE)
def of_topic(request: HttpRequest, slug: str, form: str) -> HttpResponseBase:
    topic = Topic.objects.public().filter(slug=slug).first()
    if topic is None:
        alias = get_object_or_404(TopicAlias.objects.filter(topic__in=Topic.objects.public()), slug=slug)
        return redirect("issues:topic_bibliography", alias.topic.slug, form, permanent=True)
    papers = papers_told(story__topic_items__tag=topic)
    return bibliography(papers, form, f"topic-{topic.pk}" if not slug.isascii() else slug)


@require_safe
@cache_control(public=True, max_age=MAX_AGE)
def of_section(request: HttpRequest, slug: str, form: str) -> HttpResponseBase:
    section = get_object_or_404(public_sections(), slug=slug)
    return bibliography(papers_told(story__section=section), form, slug)


@require_safe
@cache_control(public=True, max_age=MAX_AGE)
def of_author(request: HttpRequest, slug: str, form: str) -> HttpResponseBase:
    papers = public_papers()
    author = Author.objects.filter(slug=slug, papers__in=papers).first()
    if author is None:
        alias = get_object_or_404(AuthorAlias.objects.select_related("author"), slug=slug, author__papers__in=papers)
        return redirect("issues:author_bibliography", alias.author.slug, form, permanent=True)
    return bibliography(papers.filter(authorships__author=author), form, slug)


@require_safe
@cache_control(public=True, max_age=MAX_AGE)
def of_archive(request: HttpRequest, form: str) -> HttpResponseBase:
    """All papers, or those that the parameters of the list of papers leave."""
    return bibliography(listed_papers(request.GET).order_by("-issued", "title", "pk"), form, "papers")


@require_safe
@cache_control(public=True, max_age=MAX_AGE)
def of_search(request: HttpRequest, form: str) -> HttpResponseBase:
    """The papers among what a search finds, newest first, with the same parameters as the page."""
    found = search(Query.from_params(request.GET), with_hits=False).ids(SearchKind.PAPER)
    return bibliography(public_papers().filter(pk__in=found), form, "search")
