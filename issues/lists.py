"""The archive's lists: a page of one, and what of the archive they are made of."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery
from django.http import Http404, HttpRequest

from issues.models import Issue, Section, Story, StoryPaper, StoryQuerySet
from issues.search import Query
from issues.search.queries import Field
from papers.models import Paper, PaperQuerySet

PAGE_SIZE = 50  # rows of a long list
STORIES_ON_PAGE = 30  # which take some lines each, and bring their papers along
MOST_PARTS = 8  # that a list is offered to be narrowed down to


def page_of_stories(request: HttpRequest, stories: StoryQuerySet, size: int = STORIES_ON_PAGE) -> dict[str, Any]:
    """One page of a list, newest first, as context: `stories`, and `older`, the place where the next page starts.

    A place is an issue's number and a position, as in `?before=41.2`: no page costs more than another, and none
    moves when stories are added. Raises Http404 for another form. One query.
    """
    stories = stories.published().newest_first()
    before = request.GET.get("before", "")
    if before:
        place = re.fullmatch(r"(\d{1,9})\.(\d{1,9})", before, re.ASCII)
        if place is None:
            raise Http404("A place in the list is written like ?before=41.2")
        stories = stories.older_than(int(place[1]), int(place[2]))
    shown = list(stories.first_of(size + 1).for_list())
    last = shown[size - 1] if len(shown) > size else None
    older = f"{last.issue.number}.{last.position}" if last and last.issue else ""
    return {"stories": shown[:size], "before": before, "older": older}


def parts_of_list(field: Field, value: str, other: Field, names: Iterable[str]) -> list[tuple[str, Query]]:
    """The searches, each of them a feed as well, for a topic in its sections or a section's topics: of these the commonest."""
    whole = Query().with_filter(field, value)
    most = Counter(names).most_common(MOST_PARTS)
    return [(name, whole.with_filter(other, name)) for name, _ in most] if len(most) > 1 else []


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


def papers_of(story_papers: QuerySet[StoryPaper]) -> PaperQuerySet:
    return Paper.objects.filter(pk__in=story_papers.values("paper"))


def public_sections() -> QuerySet[Section]:
    """Those with a published story. Any will do; for EXISTS, PostgreSQL would join all stories with their issues."""
    stories = Story.objects.published().filter(section=OuterRef("pk")).order_by()
    return Section.objects.alias(a_story=Subquery(stories.values("pk")[:1])).filter(a_story__isnull=False)


def years_of_issues() -> list[int]:
    """The years from that of the latest issue back to that of the first. One query of one row, by index."""
    issues = Issue.objects.published()
    first = Subquery(issues.order_by("date").values("date")[:1])
    for last, first_date in issues.order_by("-date").values_list("date", first)[:1]:
        return list(range(last.year, first_date.year - 1, -1))
    return []
