"""The cost of public pages in a small archive and in a large one: as many queries, and no page longer than a list may be."""

import datetime
import itertools

import pytest
from django.utils import timezone

from issues.models import Issue, IssueState, Reference, Section, Story, StoryPaper, StoryTopic, Topic
from issues.topic_counts import count_stories
from issues.topic_places import put_in_place
from papers.models import Author, Authorship, Paper

STORIES_IN_ISSUE = 5
GOALS = {  # queries at most
    "/": 8,
    "/issues/": 4,
    "/issues/3/": 7,
    "/stories/story-12/": 7,
    "/stories/story-12/thread/": 7,
    "/years/2020/": 4,
    "/topics/": 2,
    "/topics/topic-1/": 4,
    "/sections/research/": 4,
    "/papers/": 2,
    "/papers/paper-12/": 6,
    "/feed.atom": 2,
    "/topics/topic-1/feed.json": 2,
}
LONGEST = 120_000  # bytes


@pytest.fixture
def fill(publication):
    """Make so many published stories in bulk, each with a paper, two topics, and a reference to the one before."""

    def make(count):
        section = Section.objects.create(name="Research", slug="research")
        day = datetime.date(2020, 1, 1)
        issues = Issue.objects.bulk_create(
            Issue(
                number=number,
                title=f"Issue {number}",
                date=day + datetime.timedelta(weeks=number),
                state=IssueState.PUBLISHED,
                published_at=timezone.now(),
            )
            for number in range(1, count // STORIES_IN_ISSUE + 1)
        )
        stories = Story.objects.bulk_create(
            Story(
                title=f"Story {number}",
                slug=f"story-{number}",
                section=section,
                issue=issues[number // STORIES_IN_ISSUE],
                position=number % STORIES_IN_ISSUE + 1,
                state="approved",
                body_html="<p>A text.</p>",
                word_count=300,
            )
            for number in range(count)
        )
        topics = Topic.objects.bulk_create(
            Topic(name=f"topic {number}", slug=f"topic-{number}") for number in range(10)
        )
        papers = Paper.objects.bulk_create(
            Paper(title=f"Paper {number}", slug=f"paper-{number}", issued="2020-05-28") for number in range(count)
        )
        author = Author.objects.create(family="Brown", slug="brown")
        Authorship.objects.bulk_create(Authorship(paper=paper, author=author, position=0) for paper in papers)
        pairs = zip(stories, papers, strict=True)
        StoryPaper.objects.bulk_create(StoryPaper(story=story, paper=paper) for story, paper in pairs)
        StoryTopic.objects.bulk_create(
            StoryTopic(content_object=story, tag=topics[(place + step) % 10])
            for place, story in enumerate(stories)
            for step in (0, 1)
        )
        Reference.objects.bulk_create(
            Reference(source=story, key=before.slug, target_story=before, context="As it was told.")
            for before, story in itertools.pairwise(stories)
        )
        count_stories([topic.pk for topic in topics])
        put_in_place(StoryTopic.objects.all())

    return make


@pytest.mark.parametrize("count", [30, 3000])
def test_no_page_takes_more_queries_or_grows_with_the_archive(client, fill, queries_of, count):
    fill(count)
    client.get("/papers/")  # The ways into the list are counted now and then, and kept.
    made = {address: queries_of(address) for address in GOALS}
    assert {address: number for address, number in made.items() if number > GOALS[address]} == {}
    sizes = {address: len(client.get(address).content) for address in GOALS}
    assert {address: size for address, size in sizes.items() if size > LONGEST} == {}
