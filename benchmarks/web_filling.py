"""The made-up archive as readers see it: stories with texts, papers, authors and references. Without a search index."""

import datetime
from functools import lru_cache

from django.db import connection, transaction

from benchmarks.search_filling import BATCH, POOL, STORIES_PER_ISSUE, TITLE, WORDS_PER_STORY, Archive, date_of_issue
from issues.models import Issue, IssueState, Reference, Story, StoryPaper, StoryTopic
from issues.models.topic import place_of
from papers.models import Author, Authorship, Paper

PUBLISHED_AT = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
AUTHORS, AUTHORS_PER_PAPER = 3_000, 4
TOPICS = 60  # of which each fills a page in an archive of 2,000 stories, too
WORDS_PER_PARAGRAPH = 70


class ReadableArchive(Archive):
    """A story has a text, three topics, a paper of its own with four authors, and a reference to an earlier story."""

    def grow(self, size: int) -> None:
        if not self.size:
            self.begin()
        for start in range(self.size, size, BATCH):
            with transaction.atomic():
                self.write(range(start, min(start + BATCH, size)))
        self.size = size
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE" if connection.vendor == "sqlite" else "VACUUM ANALYZE")

    def begin(self) -> None:
        super().begin()
        self.topics = self.topics[:TOPICS]
        names = self.vocabulary[2000 : 2000 + AUTHORS]
        Author.objects.bulk_create(Author(family=name.title(), given="Ada", slug=f"ada-{name}") for name in names)
        self.authors = list(Author.objects.values_list("pk", flat=True))

    def write(self, numbers: range) -> None:
        Issue.objects.bulk_create(
            Issue(pk=n, number=n, date=date_of_issue(n), state=IssueState.PUBLISHED, published_at=PUBLISHED_AT)
            for n in sorted({number // STORIES_PER_ISSUE + 1 for number in numbers})
        )
        pks = [number + 1 for number in numbers]
        Story.objects.bulk_create(map(self.story, pks))
        Paper.objects.bulk_create(map(self.paper, pks))
        StoryPaper.objects.bulk_create(StoryPaper(story_id=pk, paper_id=pk) for pk in pks)
        StoryTopic.objects.bulk_create(
            StoryTopic(content_object_id=pk, tag_id=topic, place=place_of(*issue_and_position(pk)))
            for pk in pks
            for topic in self.random.sample(self.topics, k=3)
        )
        Authorship.objects.bulk_create(
            Authorship(paper_id=pk, author_id=author, position=place)
            for pk in pks
            for place, author in enumerate(self.random.sample(self.authors, k=AUTHORS_PER_PAPER))
        )
        Reference.objects.bulk_create(
            Reference(source_id=pk, key=f"story-{pk - 7}", target_story_id=pk - 7, context="As was told before.")
            for pk in pks
            if pk > 7
        )

    def story(self, pk: int) -> Story:
        issue, position = issue_and_position(pk)
        return Story(
            pk=pk,
            title=" ".join(self.some_words(TITLE)),
            slug=f"story-{pk}",
            section_id=self.random.choice(self.sections),
            issue_id=issue,
            state="approved",
            position=position,
            summary=" ".join(self.some_words(20)),
            body="As the page has it.",
            body_html=as_paragraphs(self.pool[self.random.randrange(POOL)][0]),
            word_count=WORDS_PER_STORY,
        )

    def paper(self, pk: int) -> Paper:
        return Paper(
            pk=pk,
            slug=f"arxiv-{pk}",
            title=" ".join(self.some_words(TITLE)),
            arxiv_id=f"2001.{pk:06}",
            issued=date_of_issue(pk // STORIES_PER_ISSUE + 1).isoformat(),
        )


def issue_and_position(pk: int) -> tuple[int, int]:
    return (pk - 1) // STORIES_PER_ISSUE + 1, (pk - 1) % STORIES_PER_ISSUE + 1


@lru_cache(maxsize=POOL)
def as_paragraphs(text: str) -> str:
    words = text.split()
    starts = range(0, len(words), WORDS_PER_PARAGRAPH)
    return "\n".join(f"<p>{' '.join(words[start : start + WORDS_PER_PARAGRAPH])}.</p>" for start in starts)
