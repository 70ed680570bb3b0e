"""What can be found: published stories, and the papers, resources and topics of them, as readers see them."""

import datetime
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from django.db.models import Max, Min, Q
from django.utils import timezone

from issues.models import (
    IssueState,
    SearchKind,
    Story,
    StoryPaper,
    StoryResource,
    StoryTopic,
    Topic,
    TopicAlias,
)
from issues.search.beside import Row, rows_beside
from issues.text_blocks import text_blocks
from papers.models import Paper, Resource, ResourceKind

# On one date stories are the newest, then papers, topics, resources.
KIND_NUMBERS = {SearchKind.STORY: 3, SearchKind.PAPER: 2, SearchKind.TOPIC: 1, SearchKind.RESOURCE: 0}
KINDS_BY_NUMBER = {number: kind for kind, number in KIND_NUMBERS.items()}
DATE_BITS, KIND_BITS = 41, 38  # to shift by; a date's ordinal takes 22 bits, so that an id takes 63
# What may stand after `k:`, and what readers call it.
KIND_NAMES = {
    "story": "Stories",
    "paper": "Papers",
    "topic": "Topics",
    "code": "Code",
    "dataset": "Data sets",
    "demo": "Demos",
    "model-card": "Model cards",
    "blog-post": "Blog posts",
    "article": "Articles",
    "video": "Videos",
    "tool": "Tools",
    "announcement": "Announcements",
    "thread": "Threads",
    "other": "Other links",
}
RESOURCE_LABELS = [kind.replace(" ", "-") for kind in ResourceKind.values]
PUBLISHED = Q(issue__state=IssueState.PUBLISHED)  # from its time on, which may be yet to come


@dataclass
class Document:
    """A thing as it is found: its parts from the weightiest to the lightest, and the labels that filters ask for."""

    kind: SearchKind
    object_id: int
    date: datetime.date
    public_from: datetime.datetime
    labels: list[str]
    title: str
    summary: str = ""
    extra: list[str] = field(default_factory=list)
    blocks: list[str] = field(default_factory=list)

    @property
    def id(self) -> int:
        """A number that sorts by date, so that the databases find the newest first without sorting."""
        return self.date.toordinal() << DATE_BITS | KIND_NUMBERS[self.kind] << KIND_BITS | self.object_id

    @property
    def parts(self) -> tuple[str, str, str, str]:
        return self.title, self.summary, "\n".join(self.extra), "\n".join(self.blocks)

    @property
    def text(self) -> str:
        """A block a line. The title is the first."""
        return "\n".join([self.title, *filter(None, [self.summary]), *self.blocks, *self.extra])


def date_of(entry_id: int) -> datetime.date:
    return datetime.date.fromordinal(entry_id >> DATE_BITS)


def kind_of(entry_id: int) -> SearchKind:
    return KINDS_BY_NUMBER[entry_id >> KIND_BITS & 0b111]


class Telling(NamedTuple):
    """That a published story tells of something: where and when."""

    story: int
    section: int
    number: int
    date: datetime.date
    published_at: datetime.datetime


STORY_FIELDS = (
    "pk", "title", "summary", "body_html", "section_id", "issue__number", "issue__date", "issue__published_at",
)  # fmt: skip
TELLING = ("story__section", "story__issue__number", "story__issue__date", "story__issue__published_at")


def story_documents(pks: Collection[int]) -> Iterator[Document]:
    """Those of published issues. Two queries."""
    stories = Story.objects.filter(PUBLISHED, pk__in=pks).order_by().values_list(*STORY_FIELDS, named=True)
    found = {story.pk: story for story in stories}
    beside = rows_beside(found)
    for pk, story in found.items():
        yield story_document(story, beside[pk])


def story_document(story: Any, beside: Mapping[str, list[Row]]) -> Document:
    """From a row of `STORY_FIELDS`."""
    names = [f"{given} {family}".strip() for _, given, family, _ in beside["author"]]
    return Document(
        SearchKind.STORY,
        story.pk,
        story.issue__date,
        story.issue__published_at,
        [
            f"k:{SearchKind.STORY}",
            f"s:{story.section_id}",
            f"y:{story.issue__date.year}",
            f"i:{story.issue__number}",
            *labels("t", beside["topic"]),
            *labels("p", beside["paper"]),
            *labels("r", beside["resource"]),
            *labels("a", beside["author"]),
        ],
        story.title,
        story.summary,
        [
            *(topic.first for topic in beside["topic"]),
            *filter(None, (" ".join(identity(*paper[1:])) for paper in beside["paper"])),
            ", ".join(dict.fromkeys(names)),
            *(resource.first or resource.second or "" for resource in beside["resource"]),
        ],
        [*text_blocks(story.body_html), *(correction.first for correction in beside["correction"])],
    )


def labels(letter: str, rows: Iterable[Row]) -> list[str]:
    return [f"{letter}:{pk}" for pk in sorted({row.pk for row in rows})]


def identity(title: str, arxiv_id: str | None, doi: str | None) -> list[str]:
    return [*filter(None, [title]), *([f"arXiv:{arxiv_id}"] if arxiv_id else []), *([f"doi:{doi}"] if doi else [])]


def paper_documents(pks: Collection[int]) -> Iterator[Document]:
    """Those that a published story is about. Four queries."""
    told = tellings(StoryPaper.objects.filter(paper__in=pks).values_list("paper", "story", *TELLING))
    topics = topics_of(told)
    for paper in Paper.objects.filter(pk__in=told).with_authors():
        authors = paper.authors_in_order()
        first_day = f"{paper.issued}-01-01"[:10] if paper.issued else ""
        year = [f"y:{paper.year}"] if paper.year else []
        yield Document(
            SearchKind.PAPER,
            paper.pk,
            datetime.date.fromisoformat(first_day) if first_day else max(each.date for each in told[paper.pk]),
            min(each.published_at for each in told[paper.pk]),
            [f"k:{SearchKind.PAPER}", *year, *labels_of(told[paper.pk], topics), *(f"a:{each.pk}" for each in authors)],
            str(paper),
            "",
            [
                ", ".join(str(author) for author in authors),
                " ".join(identity(paper.container_title, paper.arxiv_id, paper.doi)),
            ],
            [paper.abstract] if paper.abstract else [],
        )


def resource_documents(pks: Collection[int]) -> Iterator[Document]:
    """Those that a published story links to. Three queries."""
    told = tellings(StoryResource.objects.filter(resource__in=pks).values_list("resource", "story", *TELLING))
    topics = topics_of(told)
    for resource in Resource.objects.filter(pk__in=told):
        years = sorted({each.date.year for each in told[resource.pk]})
        address = urlsplit(resource.url)
        yield Document(
            SearchKind.RESOURCE,
            resource.pk,
            max(each.date for each in told[resource.pk]),
            min(each.published_at for each in told[resource.pk]),
            [
                f"k:{resource.kind.replace(' ', '-')}",
                *(f"y:{year}" for year in years),
                *labels_of(told[resource.pk], topics),
            ],
            resource.title,
            blocks=[address.netloc + address.path],
        )


def topic_documents(pks: Collection[int]) -> Iterator[Document]:
    """Those with a published story. Two queries."""
    public = Q(items__content_object__issue__state=IssueState.PUBLISHED)
    topics = Topic.objects.filter(public, pk__in=pks).annotate(
        date=Max("items__content_object__issue__date"),
        public_from=Min("items__content_object__issue__published_at"),
    )
    names: dict[int, list[str]] = {}
    for pk, name in TopicAlias.objects.filter(topic__in=pks).values_list("topic", "name"):
        names.setdefault(pk, []).append(name)
    for topic in topics:
        yield Document(
            SearchKind.TOPIC,
            topic.pk,
            topic.date,
            topic.public_from,
            [f"k:{SearchKind.TOPIC}", f"t:{topic.pk}"],
            topic.name,
            extra=names.get(topic.pk, []),
            blocks=text_blocks(topic.description_html),
        )


def tellings(rows: Any) -> dict[int, list[Telling]]:
    """By what is told of; those to come count only where there are no others. One query."""
    told: dict[int, list[Telling]] = {}
    for pk, *telling in rows.filter(story__issue__state=IssueState.PUBLISHED).order_by():
        told.setdefault(pk, []).append(Telling(*telling))
    now = timezone.now()
    return {pk: [each for each in all_ if each.published_at <= now] or all_ for pk, all_ in told.items()}


def topics_of(told: dict[int, list[Telling]]) -> dict[int, list[int]]:
    """The topics of the stories. One query."""
    topics: dict[int, list[int]] = {}
    stories = {each.story for all_ in told.values() for each in all_}
    items = StoryTopic.objects.filter(content_object__in=stories).order_by()
    for story, topic in items.values_list("content_object", "tag"):
        topics.setdefault(story, []).append(topic)
    return topics


def labels_of(told: list[Telling], topics: dict[int, list[int]]) -> list[str]:
    """Sections, issues and topics of the stories that tell of something."""
    return [
        *(f"s:{section}" for section in sorted({each.section for each in told})),
        *(f"i:{number}" for number in sorted({each.number for each in told})),
        *(f"t:{topic}" for topic in sorted({topic for each in told for topic in topics.get(each.story, [])})),
    ]


DOCUMENTS = {
    SearchKind.STORY: story_documents,
    SearchKind.PAPER: paper_documents,
    SearchKind.TOPIC: topic_documents,
    SearchKind.RESOURCE: resource_documents,
}
