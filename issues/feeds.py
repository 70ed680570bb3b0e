"""Feeds of stories, issues and corrections, each as Atom and as JSON Feed. Two queries each, at any size."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.http import http_date, urlencode

from issues.addresses import absolute, feed_id, moment_of_publication, permanent_id, tag_uri
from issues.corrections import issues_with_corrected_at, published_corrections, updated, with_corrected_at
from issues.feed_content import html_for_feeds
from issues.feed_formats import MEDIA_TYPES, WRITERS, Entry, Feed
from issues.machines import for_machines
from issues.models import (
    Correction,
    Issue,
    Publication,
    SearchKind,
    Story,
    StoryPaper,
    StoryQuerySet,
    StoryResource,
    TopicAlias,
)
from issues.public_pages import public_page
from issues.search import Query
from issues.search import search as search_for
from issues.views import opening, page_of_stories
from papers.json_rows import JSONRows
from papers.models import Author, AuthorAlias, Authorship

STORIES, ISSUES, CORRECTIONS = 30, 10, 50  # entries on a page
MOST_TOPICS = 5  # that a feed combines


@dataclass(frozen=True)
class Page:
    """What a feed view found: a page of entries, and where the next one starts."""

    entries: list[Entry]
    older: str
    name: str = ""  # after the publication's
    path: str = "/"  # of the page that shows the same to people
    parameters: dict[str, str] = field(default_factory=dict)  # of both addresses
    pinged: bool = True  # whether the hub is told when it changes: see websub.py


def feed_view(*parameters: str) -> Callable[[Callable[..., Page | HttpResponseBase]], Callable[..., HttpResponseBase]]:
    """A view that answers in the form that the address ends with, at `?before=` and what these parameters leave."""

    def decorate(find: Callable[..., Page | HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        @public_page("before", *parameters)
        @for_machines
        @wraps(find)
        def view(request: HttpRequest, form: str, **kwargs: Any) -> HttpResponseBase:
            publication = Publication.objects.current()
            found = find(request, publication, form=form, **kwargs)
            return (
                found
                if isinstance(found, HttpResponseBase)
                else as_response(feed_of(request, publication, found), form)
            )

        return view

    return decorate


def as_response(feed: Feed, form: str) -> HttpResponse:
    response = HttpResponse(WRITERS[form](feed), content_type=f"{MEDIA_TYPES[form]}; charset=utf-8")
    response["Last-Modified"] = http_date(feed.modified.timestamp())
    links = [{"rel": "self", "href": feed.address}, *feed.links]
    response["Link"] = ", ".join(f'<{link["href"]}>; rel="{link["rel"]}"' for link in links)
    return response


def feed_of(request: HttpRequest, publication: Publication, page: Page) -> Feed:
    def address(before: str) -> str:
        parameters = page.parameters | ({"before": before} if before else {})
        return absolute(request.path) + (f"?{urlencode(parameters)}" if parameters else "")

    query = f"?{urlencode(page.parameters)}" if page.parameters else ""
    return Feed(
        id=feed_id(publication, request.path + query),
        title=f"{publication.name}: {page.name}" if page.name else publication.name,
        page_address=absolute(page.path) + query,
        address=address(request.GET.get("before", "")),
        first_address=address(""),
        next_address=address(page.older) if page.older else "",
        hub=settings.WEBSUB_HUB_URL if page.pinged else "",
        publication=publication,
        entries=page.entries,
    )


# Stories


@feed_view()
def stories(request: HttpRequest, publication: Publication, form: str) -> Page:
    entries, older, _ = story_entries(request, publication, Story.objects.all())
    return Page(entries, older)


@feed_view()
def section(request: HttpRequest, publication: Publication, form: str, slug: str) -> Page:
    entries, older, rows = story_entries(request, publication, Story.objects.filter(section__slug=slug))
    if not rows:
        raise Http404("No stories are published in this section.")
    return Page(entries, older, rows[0].section.name, rows[0].section.get_absolute_url())


@feed_view()
def topics(request: HttpRequest, publication: Publication, form: str, slugs: str) -> Page | HttpResponseBase:
    """Stories about a topic, or about all of some, as in /topics/vision+robots/feed.atom."""
    wanted = slugs.split("+")
    stories = Story.objects.all()
    for slug in wanted[:MOST_TOPICS]:
        stories = stories.filter(topic_items__tag__slug=slug)
    entries, older, rows = story_entries(request, publication, stories)
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
    stories = Story.objects.filter(Exists(theirs)).annotate(name_rows=names)
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
    entries, older, _ = story_entries(request, publication, Story.objects.filter(pk__in=found))
    return Page(entries, older, query.text, reverse("issues:search"), {"q": query.text}, pinged=False)


def story_entries(
    request: HttpRequest, publication: Publication, stories: StoryQuerySet
) -> tuple[list[Entry], str, list[Any]]:
    """A page of entries, the place where the next one starts, and the stories themselves. One query."""
    found = page_of_stories(request, for_feed(stories), STORIES)
    return [story_entry(publication, story) for story in found["stories"]], found["older"], found["stories"]


def for_feed(stories: StoryQuerySet) -> StoryQuerySet:
    """With all that an entry shows, in one query."""
    here = OuterRef("pk")
    papers, resources = StoryPaper.objects.filter(story=here), StoryResource.objects.filter(story=here)
    return (
        with_corrected_at(stories)
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
    """Of a story `for_feed()` and `for_list()`."""
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


# Issues and corrections


@feed_view()
def issues(request: HttpRequest, publication: Publication, form: str) -> Page:
    """Whole issues: intro, stories and outro of each."""
    stories = Story.objects.filter(issue=OuterRef("pk")).in_reading_order()
    rows = JSONRows(stories, title="title", slug="slug", html="body_html")
    published = issues_with_corrected_at(Issue.objects.published()).annotate(story_rows=rows).defer("intro", "outro")
    if number := place_in(request):
        published = published.filter(number__lt=number)
    shown = list(published[: ISSUES + 1])
    older = str(shown[ISSUES - 1].number) if len(shown) > ISSUES else ""
    return Page(
        [issue_entry(publication, issue) for issue in shown[:ISSUES]], older, "issues", reverse("issues:issues")
    )


def issue_entry(publication: Publication, issue: Any) -> Entry:
    address = absolute(issue.get_absolute_url())
    stories = [
        {
            "title": row["title"],
            "address": (where := absolute(reverse("issues:story", args=[row["slug"]]))),
            "html": html_for_feeds(row["html"], where),
        }
        for row in issue.story_rows
    ]
    titles = " · ".join(story["title"] for story in stories)
    context = {
        "intro": html_for_feeds(issue.intro_html, address),
        "stories": stories,
        "outro": html_for_feeds(issue.outro_html, address),
    }
    return Entry(
        id=permanent_id(publication, issue),
        address=address,
        title=f"{publication.short_name} {issue}",
        published=moment_of_publication(issue),
        updated=updated(issue),
        modified=max(updated(issue), issue.updated_at),
        summary=issue.summary or titles,
        html=render_to_string("issues/feed_issue.html", context),
    )


@feed_view()
def corrections(request: HttpRequest, publication: Publication, form: str) -> Page:
    """What was wrong, the latest correction first."""
    rows = (
        published_corrections().select_related("story__issue").order_by("-pk").defer("story__body", "story__body_html")
    )
    if number := place_in(request):
        rows = rows.filter(pk__lt=number)
    shown = list(rows[: CORRECTIONS + 1])
    older = str(shown[CORRECTIONS - 1].pk) if len(shown) > CORRECTIONS else ""
    entries = [correction_entry(publication, correction) for correction in shown[:CORRECTIONS]]
    return Page(entries, older, "corrections", reverse("issues:corrections"))


def correction_entry(publication: Publication, correction: Correction) -> Entry:
    story = correction.story
    address = f"{absolute(story.get_absolute_url())}#correction-{correction.pk}"
    return Entry(
        id=tag_uri(
            publication, moment_of_publication(story.issue), f"stories/{story.slug}/corrections/{correction.pk}"
        ),
        address=address,
        title=f"Correction: {story.title}",
        published=correction.published_at,
        updated=correction.published_at,
        modified=correction.published_at,
        summary=correction.text,
        html=render_to_string("issues/feed_correction.html", {"correction": correction, "address": address}),
    )


def place_in(request: HttpRequest) -> int | None:
    """The number in ?before=41. Raises Http404 for what is no number."""
    before = request.GET.get("before", "")
    if before and not (before.isascii() and before.isdigit() and len(before) < 19):
        raise Http404("A place in the list is written like ?before=41")
    return int(before) if before else None
