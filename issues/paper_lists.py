"""Which papers and resources a list shows: the parameters that its address may have, and the ways into it."""

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from django.core.cache import cache
from django.db.models import Count, Exists, F, OuterRef, Q, Value
from django.db.models.functions import Concat, Left, Trim
from django.http import Http404

from issues.models import Issue, StoryPaper, StoryResource, StoryTopic, Topic
from papers.models import Author, Authorship, Paper, PaperQuerySet, Resource, ResourceKind, ResourceQuerySet

MOST_WAYS = 12  # venues, topics and authors that a list offers
WAYS_KEPT = 300  # seconds
LONGEST_SEARCH = 200  # characters


def public_papers() -> PaperQuerySet:
    return Paper.objects.filter(Exists(StoryPaper.objects.public().filter(paper=OuterRef("pk"))))


def of_year(papers: PaperQuerySet, year: str) -> PaperQuerySet:
    if not re.fullmatch(r"\d{4}", year, re.ASCII):
        raise Http404("A year has four digits.")
    return papers.filter(issued__startswith=year)


def of_author(papers: PaperQuerySet, slug: str) -> PaperQuerySet:
    return papers.filter(pk__in=Authorship.objects.filter(author__slug=slug).values("paper"))


def of_venue(papers: PaperQuerySet, venue: str) -> PaperQuerySet:
    return papers.filter(container_title=venue)


def of_topic(papers: PaperQuerySet, slug: str) -> PaperQuerySet:
    about = StoryPaper.objects.public().filter(story__topic_items__tag__slug=slug)
    return papers.filter(pk__in=about.values("paper"))


def with_words(papers: PaperQuerySet, text: str) -> PaperQuerySet:
    """Those that have each word in their title, their venue, an author's family name, or as an identifier."""
    for word in text.split():
        named = Authorship.objects.filter(paper=OuterRef("pk"), author__family__icontains=word)
        papers = papers.filter(
            Q(title__icontains=word)
            | Q(container_title__icontains=word)
            | Q(arxiv_id__iexact=word)
            | Q(doi__iexact=word)
            | Exists(named)
        )
    return papers


PAPER_PARAMETERS: dict[str, Callable[[PaperQuerySet, str], PaperQuerySet]] = {
    "year": of_year,
    "author": of_author,
    "venue": of_venue,
    "topic": of_topic,
    "q": with_words,
}


def chosen(parameters: Mapping[str, Any], allowed: Mapping[str, Any]) -> dict[str, str]:
    """Those parameters that a list has, with what was asked for; all others are passed over. Raises Http404."""
    found = {name: str(parameters.get(name, "")).strip() for name in allowed}
    if any(len(text) > LONGEST_SEARCH for text in found.values()):
        raise Http404("Nothing is searched with so long a text.")
    return {name: text for name, text in found.items() if text}


def address_with(parameters: Mapping[str, str], **changed: str) -> str:
    """The query of the list with some parameters changed, or without those that are empty; at its first page."""
    return "?" + urlencode({name: text for name, text in {**parameters, **changed}.items() if text})


def named(parameters: Mapping[str, str]) -> dict[str, str]:
    """The parameters as people read them. A query for a topic, and one for an author."""
    names = dict(parameters)
    if slug := parameters.get("topic"):
        names["topic"] = Topic.objects.filter(slug=slug).values_list("name", flat=True).first() or slug
    if slug := parameters.get("author"):
        names["author"] = str(Author.objects.filter(slug=slug).first() or slug)
    if kind := parameters.get("kind"):
        names["kind"] = ResourceKind(kind).label
    return names


def listed_papers(parameters: Mapping[str, Any]) -> PaperQuerySet:
    papers = public_papers()
    for name, text in chosen(parameters, PAPER_PARAMETERS).items():
        papers = PAPER_PARAMETERS[name](papers, text)
    return papers


def with_story_count(papers: PaperQuerySet) -> PaperQuerySet:
    """With the number of published stories about each."""
    public = Q(story_papers__story__issue__in=Issue.objects.published())
    return papers.annotate(story_count=Count("story_papers", filter=public))


def ways_into_papers() -> dict[str, list[dict[str, Any]]]:
    """Years, and the commonest venues, topics and authors, each with `value`, `name` and `count`. A query each."""
    papers = public_papers().order_by()
    years: Any = papers.exclude(issued="").values(value=Left("issued", 4), name=Left("issued", 4))
    venues = papers.exclude(container_title="").values(value=F("container_title"), name=F("container_title"))
    topics = StoryTopic.objects.filter(content_object__issue__in=Issue.objects.published()).order_by()
    names = Trim(Concat("author__given", Value(" "), "author__family"))
    authors = Authorship.objects.filter(paper__in=papers).order_by()
    return {
        "year": list(years.annotate(count=Count("pk")).order_by("-value")),
        "venue": commonest(venues, Count("pk")),
        "topic": commonest(
            topics.values(value=F("tag__slug"), name=F("tag__name")), Count("content_object__papers", distinct=True)
        ),
        "author": commonest(authors.values(value=F("author__slug"), name=names), Count("paper")),
    }


def kept(name: str, ways: Callable[[], dict[str, list[dict[str, Any]]]]) -> dict[str, list[dict[str, Any]]]:
    """The ways into a list, counted anew every five minutes: that reads all of it."""
    found = cache.get_or_set(f"ways:{name}", ways, WAYS_KEPT)
    return found if found is not None else ways()


def commonest(rows: Any, count: Count) -> list[Any]:
    return list(rows.annotate(count=count).filter(count__gt=0).order_by("-count", "name")[:MOST_WAYS])


def listed_resources(parameters: Mapping[str, Any]) -> ResourceQuerySet:
    """The resources of published stories, and of the papers that these are about."""
    resources = Resource.objects.filter(
        Exists(StoryResource.objects.filter(resource=OuterRef("pk"), story__issue__in=Issue.objects.published()))
        | Exists(StoryPaper.objects.public().filter(paper__resources=OuterRef("pk")))
    )
    for name, text in chosen(parameters, RESOURCE_PARAMETERS).items():
        resources = RESOURCE_PARAMETERS[name](resources, text)
    return resources


def of_kind(resources: ResourceQuerySet, kind: str) -> ResourceQuerySet:
    if kind not in ResourceKind.values:
        raise Http404("There is no such kind of resource.")
    return resources.filter(kind=kind)


def about_topic(resources: ResourceQuerySet, slug: str) -> ResourceQuerySet:
    """Those that a published story about the topic has, itself or through a paper."""
    about = {"story__issue__in": Issue.objects.published(), "story__topic_items__tag__slug": slug}
    return resources.filter(
        Exists(StoryResource.objects.filter(resource=OuterRef("pk"), **about))
        | Exists(StoryPaper.objects.filter(paper__resources=OuterRef("pk"), **about))
    )


def with_text(resources: ResourceQuerySet, text: str) -> ResourceQuerySet:
    """Those that have each word in their title or their address."""
    for word in text.split():
        resources = resources.filter(Q(title__icontains=word) | Q(url__icontains=word))
    return resources


RESOURCE_PARAMETERS: dict[str, Callable[[ResourceQuerySet, str], ResourceQuerySet]] = {
    "kind": of_kind,
    "topic": about_topic,
    "q": with_text,
}


def ways_into_resources() -> dict[str, list[dict[str, Any]]]:
    """Kinds, and the commonest topics, each with `value`, `name` and `count`. Two queries."""
    kinds = listed_resources({}).order_by().values("kind").annotate(count=Count("pk"))
    topics = StoryTopic.objects.filter(content_object__issue__in=Issue.objects.published()).order_by()
    return {
        "kind": [
            {"value": row["kind"], "name": ResourceKind(row["kind"]).label, "count": row["count"]}
            for row in sorted(kinds, key=lambda row: ResourceKind.values.index(row["kind"]))
        ],
        "topic": commonest(
            topics.values(value=F("tag__slug"), name=F("tag__name")), Count("content_object__resources", distinct=True)
        ),
    }
