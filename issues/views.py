"""The public archive: what is published, for everybody alike, without cookies."""

import re
from typing import Any

from django.core.paginator import InvalidPage, Page, Paginator
from django.db.models import Count, Exists, OuterRef, Prefetch, QuerySet
from django.db.models.functions import Lower
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.text import Truncator
from django.views.decorators.cache import cache_control
from django.views.decorators.http import conditional_page, require_safe

from issues.models import Issue, Publication, Reference, Section, Story, StoryPaper, StoryQuerySet, Topic
from issues.models.topic import TopicAlias
from issues.public_pages import public_page
from issues.references import without_repeats
from issues.text_blocks import text_blocks
from papers.models import Paper, PaperQuerySet

PAGE_SIZE = 50  # rows of a long list
RECENT_ISSUES = 8
RECENT_STORIES = 100  # the window from which the home page takes topics and papers, so that its cost stays the same
RECENT_PAPERS = 6
RECENT_TOPICS = 24


def page_of_stories(request: HttpRequest, stories: StoryQuerySet, size: int = PAGE_SIZE) -> dict[str, Any]:
    """One page of a list, newest first, as context: `stories`, and `older`, the place where the next page starts.

    A place is an issue's number and a position, as in `?before=41.2`: no page costs more than another, and none
    moves when stories are added. Raises Http404 for another form. One query.
    """
    stories = stories.published().newest_first().for_list()
    before = request.GET.get("before", "")
    if before:
        place = re.fullmatch(r"(\d{1,9})\.(\d{1,9})", before)
        if place is None:
            raise Http404("A place in the list is written like ?before=41.2")
        stories = stories.older_than(int(place[1]), int(place[2]))
    shown = list(stories[: size + 1])
    last = shown[size - 1] if len(shown) > size else None
    older = f"{last.issue.number}.{last.position}" if last and last.issue else ""
    return {"stories": shown[:size], "before": before, "older": older}


def numbered_page(request: HttpRequest, rows: QuerySet[Any]) -> Page[Any]:
    """The page that `?page=` asks for. Raises Http404 if there is none of this number. Two queries."""
    try:
        return Paginator(rows, PAGE_SIZE).page(request.GET.get("page", 1))
    except InvalidPage as error:
        raise Http404(str(error)) from error


def opening(html: str) -> str:
    """The first words of a text, for search engines and where its address is shared."""
    return Truncator(" ".join(text_blocks(html)[:2])).words(30)


def papers_of(story_papers: QuerySet[StoryPaper]) -> PaperQuerySet:
    return Paper.objects.filter(pk__in=story_papers.values("paper"))


def public_sections() -> QuerySet[Section]:
    return Section.objects.filter(Exists(Story.objects.published().filter(section=OuterRef("pk"))))


@public_page()
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What this is, the latest issue, and ways in. Six queries, none over more than the newest stories."""
    issues = list(Issue.objects.published()[:RECENT_ISSUES])
    recent = Story.objects.published().newest_first()[:RECENT_STORIES].values("pk")
    topics = Topic.objects.filter(items__content_object__in=recent).annotate(story_count=Count("items"))
    context = {
        "issue": issues[0] if issues else None,
        "earlier_issues": issues[1:],
        "stories": issues[0].stories.in_reading_order().for_list() if issues else [],
        "topics": topics.order_by("-story_count", Lower("name"))[:RECENT_TOPICS],
        "sections": public_sections(),
        "papers": papers_of(StoryPaper.objects.filter(story__in=recent)).for_list()[:RECENT_PAPERS],
    }
    return render(request, "issues/home.html", context)


@public_page("page")
@require_safe
def issues(request: HttpRequest) -> HttpResponse:
    """All issues by year, with the titles of their stories. Four queries."""
    stories = Story.objects.in_reading_order().only("title", "slug", "issue_id")
    published = Issue.objects.published().prefetch_related(Prefetch("stories", stories))
    return render(request, "issues/issue_list.html", {"page": numbered_page(request, published)})


@public_page()
@require_safe
def issue(request: HttpRequest, number: int) -> HttpResponse:
    """An issue with the full text of its stories. Eight queries."""
    return issue_page(request, get_object_or_404(Issue.objects.published().with_neighbours(), number=number))


def issue_page(request: HttpRequest, issue: Issue) -> HttpResponse:
    """The page of an issue `with_neighbours()`, public or not: who may see it is the caller's care."""
    stories = issue.stories.in_reading_order().for_page()
    return render(request, "issues/issue_detail.html", {"issue": issue, "stories": stories})


@public_page()
@require_safe
def story(request: HttpRequest, slug: str) -> HttpResponse:
    """A story with its papers, resources, corrections and references in both directions. Seven queries."""
    stories = Story.objects.published().for_page().with_neighbours()
    return story_page(request, get_object_or_404(stories, slug=slug))


def story_page(request: HttpRequest, story: Story) -> HttpResponse:
    """The page of a story `for_page()` and `with_neighbours()`, public or not: who may see it is the caller's care."""
    references = without_repeats(Reference.objects.from_published().touching(story))
    context = {
        "story": story,
        "description": story.summary or opening(story.body_html),
        "refers_to": [each for each in references if each.source == story and each.target and each.target.is_public],
        "referred_to_by": [each for each in references if each.source != story],
    }
    return render(request, "issues/story_detail.html", context)


@public_page()
@require_safe
def topics(request: HttpRequest) -> HttpResponse:
    """All topics on one page, with what they build on. Two queries."""
    topics = Topic.objects.public().with_story_count().with_relations().order_by(Lower("name"))
    return render(request, "issues/topic_list.html", {"topics": topics})


@public_page("before")
@require_safe
def topic(request: HttpRequest, slug: str) -> HttpResponseBase:
    """A topic, or the way to it from another of its names. Five queries."""
    topic = Topic.objects.public().with_relations().filter(slug=slug).first()
    if topic is None:
        alias = get_object_or_404(TopicAlias.objects.filter(topic__in=Topic.objects.public()), slug=slug)
        return redirect(alias.topic, permanent=True)
    stories = page_of_stories(request, Story.objects.filter(topic_items__tag=topic))
    papers = papers_of(StoryPaper.objects.filter(story__in=stories["stories"])).for_list().with_authors()
    context = {"topic": topic, "description": opening(topic.description_html), "papers": papers}
    return render(request, "issues/topic_detail.html", context | stories)


@public_page("before")
@require_safe
def section(request: HttpRequest, slug: str) -> HttpResponse:
    section = get_object_or_404(public_sections(), slug=slug)
    stories = page_of_stories(request, Story.objects.filter(section=section))
    return render(request, "issues/section_detail.html", {"section": section, **stories})


@public_page()
@require_safe
@cache_control(public=True, max_age=3600)  # seconds
@conditional_page
def theme(request: HttpRequest) -> HttpResponse:
    """The publication's colours as custom properties: a file of its own, as the pages allow no inline styles."""
    publication = Publication.objects.current()
    css = f":root{{--accent-on-light:{publication.accent_light};--accent-on-dark:{publication.accent_dark}}}\n"
    return HttpResponse(css, content_type="text/css; charset=utf-8")
