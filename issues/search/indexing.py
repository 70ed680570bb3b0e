"""Keeping what can be found in step with what is published, within the transaction that changes it."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, NamedTuple

from django.db import transaction

from issues.models import (
    Issue,
    IssueState,
    SearchEntry,
    SearchKind,
    SearchText,
    SearchWord,
    Story,
    StoryPaper,
    StoryResource,
    StoryTopic,
    Topic,
)
from issues.search.documents import DOCUMENTS, Document
from issues.search.engines import engine
from issues.search.expressions import EVERYTHING, IndexRow
from issues.search.words import changed_words, different_words, plain_and_stem, stems_in
from issues.topic_counts import count_stories
from issues.topic_places import put_in_place
from papers.models import Paper, Resource

BATCH = 200  # things that a rebuild writes in one transaction
RELATED = {"p": SearchKind.PAPER, "r": SearchKind.RESOURCE, "t": SearchKind.TOPIC}


class Change(NamedTuple):
    """What was found of a thing, and what is found of it now; nothing where it isn't public."""

    object_id: int
    before: SearchEntry | None
    after: Document | None

    @property
    def labels(self) -> set[str]:
        """Those of before and after together."""
        before = self.before.labels.split() if self.before else []
        return {*before, *(self.after.labels if self.after else [])}

    @property
    def moved(self) -> bool:
        """Whether its date or what it belongs to has changed."""
        if self.before is None or self.after is None:
            return bool(self.before or self.after)
        before = (self.before.id, self.before.public_from, self.before.labels.split())
        return before != (self.after.id, self.after.public_from, self.after.labels)

    @property
    def rewritten(self) -> bool:
        return self.moved or bool(self.before and self.after and self.before.text_row.text != self.after.text)


@transaction.atomic(savepoint=False)
def index_stories(pks: Iterable[int]) -> None:
    """Bring what is found of these stories up to date, and of what belongs to them if their place has changed.

    Stories that aren't published, or are gone, are found no more. Three queries if nothing has changed.
    """
    moved = [change for change in refresh(SearchKind.STORY, pks) if change.moved]
    if moved:
        put_in_place(StoryTopic.objects.filter(content_object__in=[change.object_id for change in moved]))
    related: dict[SearchKind, set[int]] = {}
    for change in moved:
        for label in change.labels:
            letter, _, pk = label.partition(":")
            if letter in RELATED:
                related.setdefault(RELATED[letter], set()).add(int(pk))
    for kind, objects in related.items():
        refresh(kind, objects)
    if topics := related.get(SearchKind.TOPIC):
        count_stories(topics)


@transaction.atomic
def index_issue(issue: Issue) -> None:
    """Bring the stories of an issue up to date after its date or its state has changed."""
    index_stories(issue.stories.values_list("pk", flat=True))
    engine().tidy()


@transaction.atomic
def index_topic(topic: Topic) -> None:
    """Bring a topic up to date, and the stories that show its name."""
    refresh(SearchKind.TOPIC, [topic.pk])
    index_stories(topic.items.values_list("content_object", flat=True))


@transaction.atomic
def index_papers(pks: Collection[int]) -> None:
    """Bring papers up to date, and the stories that show them."""
    refresh(SearchKind.PAPER, pks)
    index_stories(StoryPaper.objects.filter(paper__in=pks).values_list("story", flat=True))


@transaction.atomic
def index_resources(pks: Collection[int]) -> None:
    """Bring resources up to date, and the stories that show them."""
    refresh(SearchKind.RESOURCE, pks)
    index_stories(StoryResource.objects.filter(resource__in=pks).values_list("story", flat=True))


def refresh(kind: SearchKind, pks: Iterable[int]) -> list[Change]:
    """Write what differs from what is stored; return what became of each thing. Two queries or more."""
    wanted = set(pks)
    if not wanted:
        return []
    stored = SearchEntry.objects.filter(kind=kind, object_id__in=wanted).select_related("text_row")
    entries = {entry.object_id: entry for entry in stored}
    documents = {document.object_id: document for document in DOCUMENTS[kind](wanted)}
    changes = [Change(pk, entries.get(pk), documents.get(pk)) for pk in sorted(wanted)]
    if rewritten := [change for change in changes if change.rewritten]:
        store(rewritten)
    return changes


def store(changes: Sequence[Change]) -> None:
    count_words(changes)
    gone = [each.before.id for each in changes if each.before and (not each.after or each.after.id != each.before.id)]
    if gone:
        SearchEntry.objects.filter(pk__in=gone).delete()
        engine().delete(gone)
    documents = [change.after for change in changes if change.after]
    if moved := [entry_of(change.after) for change in changes if change.after and change.moved]:
        SearchEntry.objects.bulk_create(
            moved, update_conflicts=True, unique_fields=["id"], update_fields=["public_from", "labels"]
        )
    engine().write([row_of(document) for document in documents])


def entry_of(document: Document) -> SearchEntry:
    return SearchEntry(
        id=document.id,
        kind=document.kind,
        object_id=document.object_id,
        public_from=document.public_from,
        labels=" ".join(document.labels),
    )


def row_of(document: Document) -> IndexRow:
    labels, parts = [EVERYTHING, *document.labels], [stems_in(part) for part in document.parts]
    return IndexRow(document.id, document.text, labels, parts)


def count_words(changes: Iterable[Change]) -> None:
    """Keep count of the words, in alphabetical order, as far as that keeps two transactions from waiting for each other."""
    counts: Counter[str] = Counter()
    for change in changes:
        more, fewer = changed_words(
            change.before.text_row.text if change.before else "", change.after.text if change.after else ""
        )
        counts.update(more)
        counts.subtract(fewer)
    if changed := [(word, plain_and_stem(word)[1], count) for word, count in sorted(counts.items()) if count]:
        engine().count_words(changed)


def rebuild(progress: Callable[[int], object] = lambda count: None) -> None:
    """Forget everything and write it again, oldest first, in batches; meanwhile readers find what is there already.

    `progress` is called after each batch with the number of things in it.
    """
    with transaction.atomic():
        engine().clear()
        SearchEntry.objects.all().delete()
        SearchWord.objects.all().delete()
    for kind, pks in everything().items():
        for start in range(0, len(pks), BATCH):
            batch = pks[start : start + BATCH]
            with transaction.atomic():
                refresh(kind, batch)
            progress(len(batch))
    count_common_words()
    with transaction.atomic():
        count_stories(Topic.objects.values_list("pk", flat=True))
        put_in_place(StoryTopic.objects.all())
        engine().tidy()


def count_common_words() -> None:
    """Count those words whose count saving leaves as it is."""
    counts: Counter[str] = Counter()
    for text in SearchText.objects.values_list("text", flat=True).iterator():
        counts.update(different_words(text))
    SearchWord.objects.bulk_create(
        [
            SearchWord(word=word, stem=plain_and_stem(word)[1], count=count)
            for word, count in sorted(counts.items())
            if count >= SearchWord.COMMON
        ],
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["word"],
        update_fields=["count"],
    )


def everything() -> dict[SearchKind, list[int]]:
    """What a published story tells of, and the stories. Four queries."""
    stories = Story.objects.filter(issue__state=IssueState.PUBLISHED).order_by("issue__date", "pk")
    ways: dict[SearchKind, Any] = {SearchKind.PAPER: Paper, SearchKind.TOPIC: Topic, SearchKind.RESOURCE: Resource}
    related = {
        kind: model.objects.filter(stories__in=stories.order_by())
        .order_by("pk")
        .distinct()
        .values_list("pk", flat=True)
        for kind, model in ways.items()
    }
    return {
        kind: list(pks) for kind, pks in {SearchKind.STORY: stories.values_list("pk", flat=True), **related}.items()
    }
