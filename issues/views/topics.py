"""The public pages of topics."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from django.db.models.functions import Lower
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from issues.charts import year_chart
from issues.lists import page_of_stories, papers_of, parts_of_list
from issues.models import Story, StoryPaper, Topic, TopicAlias, TopicQuerySet
from issues.public_pages import public_page
from issues.text_blocks import opening

LONGEST_FILTER = 100  # characters


@public_page("q")
@require_safe
def topics(request: HttpRequest) -> HttpResponse:
    """All topics, or those whose name or description holds `?q=`; and how they build on each other. Two queries."""
    asked = " ".join(request.GET.get("q", "").split())[:LONGEST_FILTER]
    topics: list[Any] = list(Topic.objects.public().with_story_count().with_relations().order_by(Lower("name")))
    context = {
        "asked": asked,
        "topics": [topic for topic in topics if asked.lower() in f"{topic.name} {topic.description}".lower()],
        "trees": [] if asked else trees(topics),
    }
    return render(request, "issues/topic_list.html", context)


def trees(topics: Iterable[Any]) -> list[dict[str, Any]]:
    """The topics that others build on and that build on none, each as `topic` with the `branches` above it.

    A topic that builds on several stands under each of them, but goes on only where it stands first.
    """
    by_slug = {topic.slug: topic for topic in topics}
    seen: set[str] = set()
    roots = [topic for topic in by_slug.values() if topic.built_on_by_rows and not topic.builds_on_rows]
    return [tree(root, by_slug, seen) for root in roots]


def tree(topic: Any, by_slug: Mapping[str, Any], seen: set[str]) -> dict[str, Any]:
    if topic.slug in seen:
        return {"topic": topic, "branches": []}
    seen.add(topic.slug)
    above = [by_slug[row["slug"]] for row in topic.built_on_by_rows if row["slug"] in by_slug]
    return {"topic": topic, "branches": [tree(each, by_slug, seen) for each in above]}


@public_page("before")
@require_safe
def topic(request: HttpRequest, slug: str) -> HttpResponseBase:
    """A topic, or the way to it from another of its names. Four queries."""
    topic: Any = topic_pages().filter(slug=slug).first()
    if topic is None:
        alias = get_object_or_404(TopicAlias.objects.filter(topic__in=Topic.objects.public()), slug=slug)
        return redirect(alias.topic, permanent=True)
    stories = page_of_stories(request, Story.objects.about(topic.slug))
    papers = papers_of(StoryPaper.objects.filter(story__in=stories["stories"]))
    counts = {row["year"]: row["story_count"] for row in topic.year_rows}
    context = {
        "topic": topic,
        "description": opening(topic.description_html),
        "papers": papers.for_list().with_author_rows(),
        "story_count": sum(counts.values()),
        "chart": year_chart(counts),
        "parts": parts_of_list("topic", topic.name, "section", (story.section.name for story in stories["stories"])),
    }
    return render(request, "issues/topic_detail.html", context | stories)


@cache
def topic_pages() -> TopicQuerySet:
    """Put together once, as that takes longer than asking."""
    return Topic.objects.public().with_relations().with_years().with_related()
