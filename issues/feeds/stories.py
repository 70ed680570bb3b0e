"""Feeds of stories: of all, of a section, about topics, about an author's papers, and of a search. Two queries each."""

from dataclasses import replace
from functools import cache
from typing import Any

from django.db.models import Exists, OuterRef
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.urls import reverse

from issues.addresses import absolute, moment_of_publication, permanent_id
from issues.corrections import published_corrections, updated, with_corrected_at
from issues.feeds.answering import Page, feed_view
from issues.feeds.content import html_for_feeds
from issues.feeds.formats import Entry
from issues.lists import page_of_stories
from issues.models import Publication, SearchKind, Story, StoryPaper, StoryQuerySet, StoryResource, TopicAlias
from issues.search import Query
from issues.search import search as search_for
from issues.text_blocks import opening
from papers.json_rows import JSONRows
from papers.models import Author, AuthorAlias, Authorship

STORIES = 30  # entries on a page
MOST_TOPICS = 5  # that a feed combines


@feed_view()
def stories(request: HttpRequest, publication: Publication, form: str) -> Page:
    entries, older, _ = story_entries(request, publication, feed_stories())
    return Page(entries, older)


@feed_view()
def section(request: HttpRequest, publication: Publication, form: str, slug: str) -> Page:
    entries, older, rows = story_entries(request, publication, feed_stories().filter(section__slug=slug))
    if not rows:
        raise Http404("No stories are published in this section.")
    return Page(entries, older, rows[0].section.name, rows[0].section.get_absolute_url())


@feed_view()
def topics(request: HttpRequest, publication: Publication, form: str, slugs: str) -> Page | HttpResponseBase:
    """Stories about a topic, or about all of some, as in /topics/vision+robots/feed.atom."""
    wanted = slugs.split("+")
    entries, older, rows = story_entries(request, publication, feed_stories().about(*wanted[:MOST_TOPICS]))
    if not rows or wanted != sorted(set(wanted)) or len(wanted) > MOST_TOPICS:
        return usual_address_of_topics(wanted, form)
    names = {topic["slug"]: topic["name"] for topic in rows[0].topic_rows}
    path = reverse("issues:topic", args=wanted) if len(wanted) == 1 else reverse("issues:topics")
    return Page(entries, older, " + ".join(names[slug] for slug in wanted), path, pinged=len(wanted) == 1)


def usual_address_of_topics(slugs: list[str], form: str) -> HttpResponseBase:
    """The way to the feed under the topics' own names, each once and in order. Raises Http404 if it is this one."""
    aliases = dict(TopicAlias.objects.filter(slug__in=slugs).values_list("slug", "topic__slug"))
    usual = sorted({aliases.get(slug, slug) for slug in slugs})
    if usual == slugs or len(usual) > MOST_TOPICS or "" in usual:
        raise Http404("No stories are published about this.")
    return redirect("issues:topics_feed", slugs="+".join(usual), form=form, permanent=True)


@feed_view()
def author(request: HttpRequest, publication: Publication, form: str, slug: str) -> Page | HttpResponseBase:
    """Stories about the papers of somebody."""
    theirs = Authorship.objects.filter(author__slug=slug, paper__story_papers__story=OuterRef("pk"))
    names = JSONRows(Author.objects.filter(slug=slug), given="given", family="family", suffix="suffix")
    stories = feed_stories().filter(Exists(theirs)).annotate(name_rows=names)
    entries, older, rows = story_entries(request, publication, stories)
    if not rows:
        alias = get_object_or_404(AuthorAlias.objects.select_related("author"), slug=slug)
        return redirect("issues:author_feed", slug=alias.author.slug, form=form, permanent=True)
    return Page(entries, older, str(Author(**rows[0].name_rows[0])), reverse("issues:author", args=[slug]))


@feed_view("q")
def search(request: HttpRequest, publication: Publication, form: str) -> Page:
    """What `?q=` finds on the search page, but stories only, and newest first: the 1,000 newest. An empty one may fill.

    Four queries, and one for each filter and each prefix.
    """
    query = replace(Query.from_params(request.GET), order="date")
    found = search_for(query, with_hits=False).ids(SearchKind.STORY)
    entries, older, _ = story_entries(request, publication, feed_stories().filter(pk__in=found))
    return Page(entries, older, query.text, reverse("issues:search"), {"q": query.text}, pinged=False)


def story_entries(
    request: HttpRequest, publication: Publication, stories: StoryQuerySet
) -> tuple[list[Entry], str, list[Any]]:
    """A page of entries, the place where the next one starts, and the `feed_stories()` themselves. One query."""
    found = page_of_stories(request, stories, STORIES)
    return [story_entry(publication, story) for story in found["stories"]], found["older"], found["stories"]


@cache
def feed_stories() -> StoryQuerySet:
    """All, with what an entry shows, in one query; put together once, as that takes longer than asking."""
    here = OuterRef("pk")
    papers, resources = StoryPaper.objects.filter(story=here), StoryResource.objects.filter(story=here)
    return (
        with_corrected_at(Story.objects.all())
        .annotate(
            correction_rows=JSONRows(published_corrections().filter(story=here), date="date", text="text"),
            paper_rows=JSONRows(
                papers, title="paper__title", slug="paper__slug", arxiv_id="paper__arxiv_id", doi="paper__doi"
            ),
            resource_rows=JSONRows(resources, url="resource__url", label="label", title="resource__title"),
        )
        .defer("body")
    )


def story_entry(publication: Publication, story: Any) -> Entry:
    """Of one of `feed_stories()` that is `for_list()`, too."""
    address = absolute(story.get_absolute_url())
    papers = [paper_of(row) for row in story.paper_rows]
    context = {"story": story, "papers": papers, "html": html_for_feeds(story.body_html, address)}
    return Entry(
        id=permanent_id(publication, story),
        address=address,
        title=story.title,
        published=moment_of_publication(story.issue),
        updated=updated(story),
        modified=max(updated(story), story.updated_at, story.issue.updated_at),
        summary=story.summary or opening(story.body_html),
        html=render_to_string("issues/feed_story.html", context),
        topics=[topic["name"] for topic in story.topic_rows],
        papers=papers,
    )


def paper_of(row: dict[str, Any]) -> dict[str, str]:
    identifiers = {"arxiv": row["arxiv_id"], "doi": row["doi"]}
    title = row["title"] or next(filter(None, identifiers.values()))
    url = absolute(reverse("issues:paper", args=[row["slug"]]))
    return {"title": title, "url": url} | {name: text for name, text in identifiers.items() if text}
