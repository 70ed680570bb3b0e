"""An archive of made-up stories, written straight into the tables.

As in languages, the second word of the vocabulary is half as frequent as the first. Texts come from a pool, so that
filling takes less time than measuring; every story has a title, topics, a section and a date of its own.
"""

import datetime
import itertools
import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property, lru_cache
from typing import Any

from django.db import connection, transaction

from issues.models import (
    Issue,
    IssueState,
    SearchEntry,
    SearchKind,
    SearchWord,
    Section,
    Story,
    StoryTopic,
    Topic,
)
from issues.search import postgresql
from issues.search.documents import Document
from issues.search.engines import engine
from issues.search.expressions import EVERYTHING, IndexRow
from issues.search.indexing import entry_of
from issues.search.words import plain_and_stem, words_in

VOCABULARY, POOL, WORDS_PER_STORY, TITLE = 50_000, 4_000, 500, 6
TOPICS, SECTIONS, STORIES_PER_ISSUE = 300, 8, 5
FIRST_DATE = datetime.date(1990, 1, 1)
BATCH = 5_000  # stories


class Archive:
    """Grows to the sizes that it is asked for. The same for every database."""

    def __init__(self) -> None:
        self.random = random.Random(1)  # noqa: S311
        syllables = ["".join(pair) for pair in itertools.product("bdfgklmnprstvz", "aeiou")]
        words: dict[str, None] = {}
        while len(words) < VOCABULARY:
            words["".join(self.random.choices(syllables, k=self.random.randint(2, 5))) + "n"] = None
        self.vocabulary = list(words)
        self.weights = list(itertools.accumulate(1 / rank for rank in range(1, VOCABULARY + 1)))
        self.size = 0

    def some_words(self, count: int) -> list[str]:
        return self.random.choices(self.vocabulary, cum_weights=self.weights, k=count)

    @cached_property
    def pool(self) -> list[tuple[str, tuple[str, ...]]]:
        """Texts with their stems."""
        texts = [" ".join(self.some_words(WORDS_PER_STORY)) for _ in range(POOL)]
        return [(text, tuple(word.stem for word in words_in(text))) for text in texts]

    def grow(self, size: int) -> None:
        if not self.size:
            self.begin()
        with without_indexes():
            for start in range(self.size, size, BATCH):
                with transaction.atomic():
                    self.write(range(start, min(start + BATCH, size)))
        self.size = size
        with transaction.atomic():
            count_words(self)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE" if connection.vendor == "sqlite" else "VACUUM ANALYZE")

    def begin(self) -> None:
        names = [f"{word} {number}" for number, word in enumerate(self.vocabulary[1000 : 1000 + TOPICS])]
        Topic.objects.bulk_create([Topic(name=name, slug=name.replace(" ", "-")) for name in names])
        Section.objects.bulk_create([Section(name=f"Section {n}", slug=f"section-{n}") for n in range(SECTIONS)])
        self.topics = list(Topic.objects.values_list("pk", flat=True))
        self.sections = list(Section.objects.values_list("pk", flat=True))

    def write(self, numbers: range) -> None:
        issues = {number // STORIES_PER_ISSUE + 1 for number in numbers}
        moment = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
        Issue.objects.bulk_create(
            Issue(pk=n, number=n, date=date_of_issue(n), state=IssueState.PUBLISHED, published_at=moment)
            for n in sorted(issues)
        )
        documents, rows, stories, items = [], [], [], []
        for number in numbers:
            text, stems = self.pool[self.random.randrange(POOL)]
            title = " ".join(self.some_words(TITLE))
            topics = self.random.sample(self.topics, k=3)
            section = self.random.choice(self.sections)
            issue = number // STORIES_PER_ISSUE + 1
            labels = [f"k:{SearchKind.STORY}", f"s:{section}", f"y:{date_of_issue(issue).year}", f"i:{issue}"]
            labels += [f"t:{topic}" for topic in topics]
            pk = number + 1
            documents.append(
                Document(SearchKind.STORY, pk, date_of_issue(issue), moment, labels, title, "", [], [text])
            )
            parts = [[word.stem for word in words_in(title)], [], [], stems]
            rows.append(IndexRow(documents[-1].id, documents[-1].text, [EVERYTHING, *labels], parts))
            stories.append(
                Story(
                    pk=pk,
                    title=title,
                    slug=f"story-{pk}",
                    section_id=section,
                    issue_id=issue,
                    state="approved",
                    position=number % STORIES_PER_ISSUE + 1,
                    body="As the index has it.",
                    word_count=WORDS_PER_STORY,
                )
            )
            items += [StoryTopic(content_object_id=pk, tag_id=topic) for topic in topics]
        Story.objects.bulk_create(stories)
        StoryTopic.objects.bulk_create(items)
        write_entries(documents)
        write_rows(rows)


def date_of_issue(number: int) -> datetime.date:
    return FIRST_DATE + datetime.timedelta(hours=12 * number)


def write_entries(documents: list[Document]) -> None:
    entries = map(entry_of, documents)
    if connection.vendor == "sqlite":
        SearchEntry.objects.bulk_create(entries)
        return
    rows = ((entry.id, entry.kind, entry.object_id, entry.public_from, entry.labels) for entry in entries)
    copy("COPY issues_searchentry (id, kind, object_id, public_from, labels) FROM STDIN", rows)


def write_rows(rows: list[IndexRow]) -> None:
    if connection.vendor == "sqlite":
        engine().write(rows)
        return
    copy("COPY issues_searchtext (entry_id, text) FROM STDIN", ((row.id, row.text) for row in rows))
    lines = ((row.id, True, f"{vector_of_head(row)} {vector_of_text(row.parts[3])}") for row in rows)
    copy("COPY issues_searchindex (id, recent, vector) FROM STDIN", lines)


def vector_of_head(row: IndexRow) -> str:
    return postgresql.as_tsvector(row._replace(parts=[*row.parts[:3], ()]))


@lru_cache(maxsize=POOL)
def vector_of_text(stems: tuple[str, ...]) -> str:
    """Made once for each text of the pool, as all titles have the same length."""
    return postgresql.as_tsvector(IndexRow(0, "", (), [["title"] * TITLE, (), (), stems])).partition(" ")[2]


def copy(statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
    with connection.cursor() as cursor, cursor.copy(statement) as into:
        for row in rows:
            into.write_row(row)


@contextmanager
def without_indexes() -> Iterator[None]:
    """On PostgreSQL, indexes of vectors are made at once afterwards: a tenth of the time. FTS5 is fast enough as it is."""
    names = ["issues_searchindex_earlier", "issues_searchindex_recent"] if connection.vendor == "postgresql" else []
    with connection.cursor() as cursor:
        definitions = []
        for name in names:
            cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = %s", [name])
            definitions += [definition for (definition,) in cursor.fetchall()]
            cursor.execute(f"DROP INDEX {name}")
        yield
        if names:
            cursor.execute("SET maintenance_work_mem = '512MB'")
            cursor.execute(postgresql.CUT_RECENT, [postgresql.RECENT])
        for definition in definitions:
            cursor.execute(definition)


def count_words(archive: Archive) -> None:
    """As if every text of the pool had been used as often as the others."""
    counts: dict[str, int] = {}
    for text, _ in archive.pool:
        for word in set(text.split()):
            counts[word] = counts.get(word, 0) + 1
    times = archive.size / POOL
    SearchWord.objects.all().delete()
    SearchWord.objects.bulk_create(
        [
            SearchWord(word=word, stem=plain_and_stem(word)[1], count=max(1, round(count * times)))
            for word, count in sorted(counts.items())
        ],
        batch_size=BATCH,
    )
