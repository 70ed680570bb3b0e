"""The public archive: what is published, for everybody alike, without cookies."""

import datetime
import re
from functools import cache
from typing import Any

from django.db.models import Count, F, OuterRef, QuerySet
from django.db.models.functions import Lower
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import conditional_page, require_safe

from issues.lists import PAGE_SIZE, page_of_stories, papers_of, parts_of_list, public_sections, years_of_issues
from issues.models import (
    Issue,
    IssueQuerySet,
    Publication,
    Reference,
    Story,
    StoryPaper,
    StoryQuerySet,
    Topic,
)
from issues.models.story import reading_minutes
from issues.public_pages import public_page
from issues.references import without_repeats
from issues.text_blocks import opening
from papers.json_rows import JSONRows

RECENT_ISSUES = 8
RECENT_STORIES = 100  # the window from which the home page takes topics and papers, so that its cost stays the same
RECENT_PAPERS = 6
RECENT_TOPICS = 24


@public_page()
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What this is, the latest issue, and ways in. Seven queries, none over more than the newest stories."""
    issues = list(Issue.objects.published()[:RECENT_ISSUES])
    context = {
        "issue": issues[0] if issues else None,
        "earlier_issues": issues[1:],
        "stories": issues[0].stories.in_reading_order().for_list() if issues else [],
        "years": years_of_issues(),
    }
    context |= {name: rows.all() for name, rows in ways_in().items()}
    return render(request, "issues/home.html", context)


@cache
def ways_in() -> dict[str, QuerySet[Any]]:
    """What the home page lists beside issues. Put together once, as that takes longer than asking; so are those below."""
    recent = Story.objects.published().newest_first()[:RECENT_STORIES].values("pk")
    topics = Topic.objects.filter(items__content_object__in=recent).annotate(story_count=Count("items"))
    return {
        "topics": topics.order_by("-story_count", Lower("name"))[:RECENT_TOPICS],
        "sections": public_sections(),
        "papers": papers_of(StoryPaper.objects.filter(story__in=recent)).for_list()[:RECENT_PAPERS],
    }


@public_page("before")
@require_safe
def issues(request: HttpRequest) -> HttpResponse:
    """All issues by year, with the titles of their stories, newest first; `?before=` goes on from a number.

    Three queries.
    """
    before = request.GET.get("before", "")
    listed = Issue.objects.published()
    if before:
        if not re.fullmatch(r"\d{1,9}", before, re.ASCII):
            raise Http404("A place in the list is written like ?before=41")
        listed = listed.filter(number__lt=int(before))
    shown = for_table(listed[: PAGE_SIZE + 1])
    older = str(shown[PAGE_SIZE - 1].number) if len(shown) > PAGE_SIZE else ""
    context = {"issues": shown[:PAGE_SIZE], "before": before, "older": older, "years": years_of_issues()}
    return render(request, "issues/issue_list.html", context)


def for_table(issues: IssueQuerySet) -> list[Any]:
    """Issues with `story_rows`, the title and slug of their stories, and the `minutes` that reading them takes. One query."""
    stories = Story.objects.filter(issue=OuterRef("pk")).in_reading_order()
    found: list[Any] = list(
        issues.annotate(story_rows=JSONRows(stories, title="title", slug="slug", words="word_count"))
    )
    for issue in found:
        issue.minutes = reading_minutes(sum(row["words"] for row in issue.story_rows))
    return found


@public_page()
@require_safe
def year(request: HttpRequest, year: int) -> HttpResponse:
    """The issues of a year in a calendar, and as a list with their stories; its topics. Four queries."""
    years = years_of_issues()
    if year not in years:
        raise Http404("No issue was published in this year.")
    issues = for_table(Issue.objects.published().filter(date__year=year).order_by("date", "number"))
    topics: Any = Topic.objects.public().filter(years__year=year).annotate(story_count=F("years__story_count"))
    context = {
        "year": year,
        "newer": year + 1 if year + 1 in years else None,
        "older": year - 1 if year - 1 in years else None,
        "issues": issues,
        "months": [
            {"first": datetime.date(year, month, 1), "issues": [each for each in issues if each.date.month == month]}
            for month in range(1, 13)
        ],
        "topics": topics.order_by("-story_count", Lower("name"))[:RECENT_TOPICS],
    }
    return render(request, "issues/year.html", context)


@public_page()
@require_safe
def issue(request: HttpRequest, number: int) -> HttpResponse:
    """An issue with the full text of its stories. Seven queries."""
    return issue_page(request, get_object_or_404(issue_pages(), number=number))


@cache
def issue_pages() -> IssueQuerySet:
    return Issue.objects.published().with_neighbours()


def issue_page(request: HttpRequest, issue: Issue) -> HttpResponse:
    """The page of an issue `with_neighbours()`, public or not: who may see it is the caller's care."""
    stories = stories_of_issue_pages().filter(issue=issue)
    return render(request, "issues/issue_detail.html", {"issue": issue, "stories": stories})


@cache
def stories_of_issue_pages() -> StoryQuerySet:
    return Story.objects.in_reading_order().for_page()


@public_page()
@require_safe
def story(request: HttpRequest, slug: str) -> HttpResponse:
    """A story with its papers, resources, corrections and references in both directions. Six queries."""
    return story_page(request, get_object_or_404(story_pages(), slug=slug))


@cache
def story_pages() -> StoryQuerySet:
    return Story.objects.published().for_page().with_neighbours()


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


@public_page("before")
@require_safe
def section(request: HttpRequest, slug: str) -> HttpResponse:
    section = get_object_or_404(public_sections(), slug=slug)
    stories = page_of_stories(request, Story.objects.filter(section=section))
    topics = (topic["name"] for story in stories["stories"] for topic in story.topic_rows)
    parts = parts_of_list("section", section.name, "topic", topics)
    return render(request, "issues/section_detail.html", {"section": section, "parts": parts, **stories})


@public_page()
@require_safe
@cache_control(public=True, max_age=3600)  # seconds
@conditional_page
def theme(request: HttpRequest) -> HttpResponse:
    """The publication's colours as custom properties: a file of its own, as the pages allow no inline styles."""
    publication = Publication.objects.current()
    css = f":root{{--accent-on-light:{publication.accent_light};--accent-on-dark:{publication.accent_dark}}}\n"
    return HttpResponse(css, content_type="text/css; charset=utf-8")
