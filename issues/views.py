"""The public archive: what is published, for everybody alike, without cookies."""

import datetime
import re
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Lower
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.text import Truncator
from django.views.decorators.cache import cache_control
from django.views.decorators.http import conditional_page, require_safe

from issues.models import (
    Issue,
    IssueQuerySet,
    Publication,
    Reference,
    Section,
    Story,
    StoryPaper,
    StoryQuerySet,
    Topic,
)
from issues.models.story import reading_minutes
from issues.public_pages import public_page
from issues.references import without_repeats
from issues.text_blocks import text_blocks
from papers.json_rows import JSONRows
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
    stories = stories.published().newest_first()
    before = request.GET.get("before", "")
    if before:
        place = re.fullmatch(r"(\d{1,9})\.(\d{1,9})", before)
        if place is None:
            raise Http404("A place in the list is written like ?before=41.2")
        stories = stories.older_than(int(place[1]), int(place[2]))
    shown = list(stories.first_of(size + 1).for_list())
    last = shown[size - 1] if len(shown) > size else None
    older = f"{last.issue.number}.{last.position}" if last and last.issue else ""
    return {"stories": shown[:size], "before": before, "older": older}


@dataclass(frozen=True)
class NumberedPage:
    """A page of a list without the number of all pages, for which all rows would have to be counted."""

    rows: list[Any]
    number: int
    newer: int | None
    older: int | None


def numbered_page(request: HttpRequest, rows: QuerySet[Any]) -> NumberedPage:
    """The page that `?page=` asks for. Raises Http404 if there is none of this number. One query."""
    asked = request.GET.get("page", "1")
    if not re.fullmatch(r"[1-9]\d{0,5}", asked, re.ASCII):
        raise Http404("Pages have numbers.")
    number = int(asked)
    start = (number - 1) * PAGE_SIZE
    shown = list(rows[start : start + PAGE_SIZE + 1])
    if not shown and number > 1:
        raise Http404("The list has no such page.")
    newer = number - 1 if number > 1 else None
    return NumberedPage(shown[:PAGE_SIZE], number, newer, number + 1 if len(shown) > PAGE_SIZE else None)


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
    """What this is, the latest issue, and ways in. Seven queries, none over more than the newest stories."""
    issues = list(Issue.objects.published()[:RECENT_ISSUES])
    recent = Story.objects.published().newest_first()[:RECENT_STORIES].values("pk")
    topics = Topic.objects.filter(items__content_object__in=recent).annotate(story_count=Count("items"))
    context = {
        "issue": issues[0] if issues else None,
        "earlier_issues": issues[1:],
        "stories": issues[0].stories.in_reading_order().for_list() if issues else [],
        "topics": topics.order_by("-story_count", Lower("name"))[:RECENT_TOPICS],
        "sections": public_sections(),
        "years": years_of_issues(),
        "papers": papers_of(StoryPaper.objects.filter(story__in=recent)).for_list()[:RECENT_PAPERS],
    }
    return render(request, "issues/home.html", context)


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


def years_of_issues() -> list[int]:
    """The years from that of the latest issue back to that of the first. One query of one row, by index."""
    issues = Issue.objects.published()
    first = Subquery(issues.order_by("date").values("date")[:1])
    for last, first_date in issues.order_by("-date").values_list("date", first)[:1]:
        return list(range(last.year, first_date.year - 1, -1))
    return []


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
    return issue_page(request, get_object_or_404(Issue.objects.published().with_neighbours(), number=number))


def issue_page(request: HttpRequest, issue: Issue) -> HttpResponse:
    """The page of an issue `with_neighbours()`, public or not: who may see it is the caller's care."""
    stories = issue.stories.in_reading_order().for_page()
    return render(request, "issues/issue_detail.html", {"issue": issue, "stories": stories})


@public_page()
@require_safe
def story(request: HttpRequest, slug: str) -> HttpResponse:
    """A story with its papers, resources, corrections and references in both directions. Six queries."""
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
