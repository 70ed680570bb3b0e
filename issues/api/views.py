"""The read-only API: what is published, in lists that go on where `next` says. openapi.yaml describes it."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from django.core.exceptions import BadRequest
from django.db.models import Exists, OuterRef, QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from issues.addresses import absolute
from issues.api import descriptions
from issues.api.answers import PAGE_SIZE, api_view, number_in, page_of
from issues.corrections import issues_with_corrected_at, published_corrections, with_corrected_at
from issues.lists import page_of_stories, papers_of, public_sections
from issues.models import Issue, Publication, Story, StoryPaper, StoryQuerySet, Topic, TopicAlias
from papers.models import Author, Authorship, PaperAlias

DESCRIPTION = Path(__file__).with_name("openapi.yaml")
LISTS = ("stories", "issues", "sections", "topics", "papers", "corrections")
MOST_TOPICS = 5  # that may be asked for at once


@cache
def read_description() -> dict[str, Any]:
    description: dict[str, Any] = yaml.safe_load(DESCRIPTION.read_text())
    return description


@api_view()
def description(request: HttpRequest) -> dict[str, Any]:
    """The description, with the site's own name and address. One query."""
    publication, document = Publication.objects.current(), read_description()
    info = document["info"] | {"title": publication.name}
    if publication.license_name:  # of the texts
        info["license"] = {"name": publication.license_name}
        if publication.license_url:
            info["license"]["url"] = publication.license_url
    return document | {"info": info, "servers": [{"url": absolute("/").rstrip("/")}]}


@api_view()
def start(request: HttpRequest) -> dict[str, Any]:
    """Where everything is. One query."""
    publication = Publication.objects.current()
    return {
        "name": publication.name,
        "tagline": publication.tagline,
        "language": publication.language,
        "license": {"name": publication.license_name, "url": publication.license_url},
        "url": absolute(reverse("issues:home")),
        "description_url": absolute(reverse("issues:api_description")),
        "lists": {name: absolute(reverse(f"issues:api_{name}")) for name in LISTS},
    }


@api_view()
def nothing(request: HttpRequest) -> dict[str, Any]:
    raise Http404("The API has nothing at this address.")


@api_view("topic", "section", "author", "before")
def stories(request: HttpRequest) -> dict[str, Any]:
    """Newest first. Two queries, or some more if there are none."""
    before = request.GET.get("before")
    if before is not None and not re.fullmatch(r"[0-9]{1,9}\.[0-9]{1,9}", before):
        raise BadRequest("The parameter “before” is a place such as 41.2. Take the address in `next` as it is.")
    publication = Publication.objects.current()
    found = page_of_stories(request, with_corrected_at(chosen_stories(request)).defer("body", "body_html"), PAGE_SIZE)
    if not found["stories"]:
        refuse_unknown_names(request)
    return page_of(
        found["stories"],
        lambda story: descriptions.story_in_list(publication, story),
        next_address(request, before=found["older"]),
    )


def chosen_stories(request: HttpRequest) -> StoryQuerySet:
    """Those about every topic asked for, in the section, about a paper of the author. Raises BadRequest."""
    stories = Story.objects.all()
    topics = request.GET.getlist("topic")
    if len(topics) > MOST_TOPICS:
        raise BadRequest(f"At most {MOST_TOPICS} topics can be combined.")
    if topics:
        stories = stories.about(*topics)
    if (section := request.GET.get("section")) is not None:
        stories = stories.filter(section__slug=section)
    if (author := request.GET.get("author")) is not None:
        theirs = Authorship.objects.filter(author__slug=author, paper__story_papers__story=OuterRef("pk"))
        stories = stories.filter(Exists(theirs))
    return stories


def refuse_unknown_names(request: HttpRequest) -> None:
    """Raises Http404 if there is nothing public of a name that was asked for: a typo should not look like no stories."""
    named: dict[str, QuerySet[Any]] = {
        "topic": Topic.objects.public(),
        "section": public_sections(),
        "author": Author.objects.filter(papers__in=papers_of(StoryPaper.objects.public())),
    }
    for kind, rows in named.items():
        for slug in request.GET.getlist(kind):
            if not rows.filter(slug=slug).exists():
                raise Http404(f"There is no {kind} “{slug}”.")


@api_view()
def story(request: HttpRequest, slug: str) -> dict[str, Any]:
    """Six queries."""
    found = with_corrected_at(Story.objects.published().for_page()).filter(slug=slug).first()
    if found is None:
        raise Http404("No story is published under this slug.")
    return descriptions.story_in_full(Publication.objects.current(), found)


@api_view("before")
def issues(request: HttpRequest) -> dict[str, Any]:
    """Newest first. Two queries."""
    published = issues_with_corrected_at(Issue.objects.published())
    if (number := number_in(request, "before")) is not None:
        published = published.filter(number__lt=number)
    shown = list(published.order_by("-number")[: PAGE_SIZE + 1])
    publication = Publication.objects.current()
    return page_of(
        shown[:PAGE_SIZE],
        lambda issue: descriptions.issue_in_list(publication, issue),
        next_address(request, before=str(shown[PAGE_SIZE - 1].number) if len(shown) > PAGE_SIZE else ""),
    )


@api_view()
def issue(request: HttpRequest, number: int) -> dict[str, Any]:
    """Three queries."""
    found = issues_with_corrected_at(Issue.objects.published()).filter(number=number).first()
    if found is None:
        raise Http404("No issue is published under this number.")
    stories = with_corrected_at(found.stories.in_reading_order().for_list()).defer("body", "body_html")
    return descriptions.issue_in_full(Publication.objects.current(), found, list(stories))


@api_view()
def sections(request: HttpRequest) -> dict[str, Any]:
    """All, in their order. One query."""
    return page_of(list(public_sections()), descriptions.section, "")


@api_view("after")
def topics(request: HttpRequest) -> dict[str, Any]:
    """By slug. One query."""
    public = Topic.objects.public().with_relations().order_by("slug").filter(slug__gt=request.GET.get("after", ""))
    shown = list(public[: PAGE_SIZE + 1])
    after = shown[PAGE_SIZE - 1].slug if len(shown) > PAGE_SIZE else ""
    return page_of(shown[:PAGE_SIZE], descriptions.topic, next_address(request, after=after))


@api_view()
def topic(request: HttpRequest, slug: str) -> dict[str, Any] | HttpResponseBase:
    """A topic, or the way to it from another of its names. One query, or two."""
    found = Topic.objects.public().with_relations().filter(slug=slug).first()
    if found is not None:
        return descriptions.topic(found)
    alias = TopicAlias.objects.filter(topic__in=Topic.objects.public(), slug=slug).select_related("topic").first()
    if alias is None:
        raise Http404("No stories are published about a topic of this slug.")
    return redirect("issues:api_topic", slug=alias.topic.slug, permanent=True)


@api_view("before")
def papers(request: HttpRequest) -> dict[str, Any]:
    """Those that published stories are about, the last one recorded first. Two queries."""
    public = papers_of(StoryPaper.objects.public()).with_authors().defer("abstract").order_by("-pk")
    if (number := number_in(request, "before")) is not None:
        public = public.filter(pk__lt=number)
    shown = list(public[: PAGE_SIZE + 1])
    before = str(shown[PAGE_SIZE - 1].pk) if len(shown) > PAGE_SIZE else ""
    return page_of(shown[:PAGE_SIZE], descriptions.paper_in_list, next_address(request, before=before))


@api_view()
def paper(request: HttpRequest, slug: str) -> dict[str, Any] | HttpResponseBase:
    """A paper, or the way to it from one that was merged into it. Four queries, or two."""
    public = papers_of(StoryPaper.objects.public())
    found = public.with_authors().prefetch_related("resources").filter(slug=slug).first()
    if found is None:
        alias = PaperAlias.objects.filter(paper__in=public, slug=slug).select_related("paper").first()
        if alias is None:
            raise Http404("No stories are published about a paper of this slug.")
        return redirect("issues:api_paper", slug=alias.paper.slug, permanent=True)
    stories = Story.objects.published().filter(papers=found).newest_first().only("slug", "title")
    return descriptions.paper_in_full(found, list(stories))


@api_view("before")
def corrections(request: HttpRequest) -> dict[str, Any]:
    """The last one first. Two queries."""
    rows = published_corrections().order_by("-pk").select_related("story__issue")
    if (number := number_in(request, "before")) is not None:
        rows = rows.filter(pk__lt=number)
    shown = list(rows.defer("story__body", "story__body_html")[: PAGE_SIZE + 1])
    publication = Publication.objects.current()
    return page_of(
        shown[:PAGE_SIZE],
        lambda correction: descriptions.correction(publication, correction),
        next_address(request, before=str(shown[PAGE_SIZE - 1].pk) if len(shown) > PAGE_SIZE else ""),
    )


def next_address(request: HttpRequest, **place: str) -> str:
    """The address of the next page, with the parameters of this one; empty if there is none."""
    ((name, value),) = place.items()
    if not value:
        return ""
    parameters = request.GET.copy()
    parameters[name] = value
    return f"{absolute(request.path)}?{parameters.urlencode()}"
