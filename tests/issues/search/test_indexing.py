import datetime

import pytest
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone

from issues.models import Correction, SearchEntry, SearchWord, Story, TopicAlias
from issues.publishing import publish
from issues.search import checks, parse, search
from issues.search.indexing import index_stories
from issues.writing import save_issue, save_story, save_topic, set_papers
from papers.models import Author, Resource


def found(text):
    return [str(hit.object) for hit in search(parse(text)).hits]


@pytest.fixture
def story(make_issue, make_story):
    return make_story(
        "A robot pours espresso", issue=make_issue(published_at=timezone.now()), body="And milk.", topics=[]
    )


def test_publishing_an_issue_makes_its_stories_found_in_the_next_request(client, make_issue, make_story):
    issue = make_issue()
    make_story("A robot pours espresso", issue=issue)
    assert "A robot" not in client.get("/search/?q=pours").content.decode()
    publish(issue)
    assert "A robot <mark>pours</mark>" in client.get("/search/?q=pours").content.decode()


def test_a_saved_text_is_found_and_its_former_text_is_not(story):
    story.body = "And honey."
    save_story(story)
    assert found("honey") == ["A robot pours espresso"]
    assert found("milk kind:story") == []


def test_a_story_that_goes_back_to_the_queue_is_found_no_more(story, make_topic):
    make_topic("robots")
    story.topics.add("robots")
    index_stories([story.pk])
    assert found("topic:robots") == ["A robot pours espresso", "robots"]
    story.issue = None
    save_story(story)
    assert found("espresso") == []
    assert found("robots") == []


def test_a_deleted_story_is_found_no_more(story):
    story.delete()
    assert found("espresso") == []
    assert not SearchWord.objects.exists()


def test_nothing_is_indexed_if_the_saving_fails(story):
    story.body = "And honey."
    with transaction.atomic():
        save_story(story)
        assert found("honey") == ["A robot pours espresso"]
        transaction.set_rollback(True)
    assert found("honey") == []
    assert found("milk") == ["A robot pours espresso"]


def test_an_issue_published_for_tomorrow_is_found_tomorrow(make_issue, make_story, time_machine):
    make_story("A robot", issue=make_issue(published_at=timezone.now() + datetime.timedelta(days=1)))
    assert found("robot") == []
    time_machine.move_to(timezone.now() + datetime.timedelta(days=1, minutes=1))
    assert found("robot") == ["A robot"]


def test_an_issue_with_another_date_moves_its_stories(story):
    story.issue.date = datetime.date(2015, 5, 5)
    save_issue(story.issue)
    assert found("year:2015") == ["A robot pours espresso"]
    assert SearchEntry.objects.filter(kind="story").count() == 1


def test_papers_and_authors_are_found_as_they_are_called_now(story, make_paper):
    paper = make_paper(authors=("Li",))
    set_papers(story, [paper])
    index_stories([story.pk])
    paper.title = "Espresso considered helpful"
    paper.save()
    assert found("helpful kind:paper") == ["Espresso considered helpful"]
    assert found("helpful kind:story") == ["A robot pours espresso"]
    author = Author.objects.get()
    author.family = "Lovelace"
    author.save()
    assert found("lovelace kind:paper") == ["Espresso considered helpful"]


def test_a_renamed_topic_and_its_other_names_are_found(story, make_topic):
    topic = make_topic("robots")
    story.topics.add("robots")
    topic.name = "machines"
    save_topic(topic)
    TopicAlias.objects.create(topic=topic, name="automata", slug="automata")
    assert found("automata") == ["machines"]
    assert found("machines kind:story") == ["A robot pours espresso"]


def test_a_correction_is_found(story):
    Correction.objects.create(story=story, text="It was a samovar.")
    assert found("samovar") == ["A robot pours espresso"]


def test_a_resource_is_found_once_a_published_story_links_to_it(make_issue, make_story):
    resource = Resource.objects.create(url="https://example.org/brew", title="How to brew", kind="tool")
    issue = make_issue()
    make_story("A robot", issue=issue, resources=[resource])
    assert found("brew") == []
    publish(issue)
    assert found("kind:tool") == ["How to brew"]


def test_rebuilding_changes_nothing(archive, capsys):
    before = list(SearchEntry.objects.order_by("pk").values_list("pk", "labels", "text_row__text"))
    words = list(SearchWord.objects.values_list("word", "stem", "count"))
    call_command("index_search")
    assert f"{len(before)} entries" in capsys.readouterr().out
    assert list(SearchEntry.objects.order_by("pk").values_list("pk", "labels", "text_row__text")) == before
    assert list(SearchWord.objects.values_list("word", "stem", "count")) == words
    assert len(found("transformer")) == 3


def test_saving_what_has_not_changed_makes_three_queries(story, django_assert_num_queries):
    with transaction.atomic(), django_assert_num_queries(3):
        index_stories([story.pk])


def test_a_sqlite_without_full_text_is_told_of_in_a_sentence(monkeypatch):
    import sqlite3

    class Without:
        def __enter__(self):
            return self

        def __exit__(self, *arguments):
            return None

        def execute(self, statement):
            raise sqlite3.OperationalError("no such module: fts5")

    monkeypatch.setattr(checks.connection, "vendor", "sqlite", raising=False)
    monkeypatch.setattr(sqlite3, "connect", lambda name: Without())
    [error] = checks.full_text_is_there()
    assert "no such module: fts5" in error.msg
    assert "FTS5" in error.hint


def test_words_that_very_many_entries_have_are_counted_when_all_is_written_anew(archive, monkeypatch):
    monkeypatch.setattr(SearchWord, "COMMON", 2)
    counts = dict(SearchWord.objects.values_list("word", "count"))
    call_command("index_search")
    assert dict(SearchWord.objects.values_list("word", "count")) == counts
    story = Story.objects.published().get(title="Robots in a café")
    story.body = "The transformer plays zither."
    save_story(story)
    after = dict(SearchWord.objects.values_list("word", "count"))
    assert after["transformer"] == counts["transformer"]
    assert after["zither"] == 1
    assert "espresso" not in after
    call_command("index_search")
    assert SearchWord.objects.get(word="transformer").count == counts["transformer"] + 1
