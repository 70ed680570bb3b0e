"""What happened to a paper since a story was written about it: found by a weekly look, shown once an editor accepts it."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from issues.writing import set_resources
from papers import looking_up, tasks, watching
from papers.models import Decision, Lookup, LookupState, PaperUpdate, Resource, SourceAnswer, UpdateKind
from tests.papers.sources.server import ANSWERS, ATOM, body, changed, recorded

ARXIV, DOI = "2005.14165", "10.1000/few.shot"
WRITTEN = datetime(2020, 6, 7, tzinfo=UTC)


@pytest.fixture
def cover(make_story, make_issue, publication):
    def cover(paper, at=WRITTEN):
        return make_story(papers=[paper], issue=make_issue(published_at=at), position=1)

    return cover


def look_up(paper):
    looking_up.run(looking_up.open_lookup(paper).pk)


def news(paper):
    return {update.kind: update for update in paper.updates.all()}


def test_a_version_that_came_after_the_story_is_proposed(services, make_paper, cover):
    services.arxiv(ARXIV, recorded("arxiv-2005.14165.xml"))
    paper = make_paper(arxiv_id=ARXIV)
    cover(paper)
    look_up(paper)
    update = paper.updates.get()
    assert (update.kind, update.state) == (UpdateKind.NEW_VERSION, Decision.PROPOSED)
    assert update.text == "The authors put version 4 of the paper on arXiv on 22 July 2020."
    assert update.url == "https://arxiv.org/abs/2005.14165v4"


def test_what_came_before_the_story_is_not(services, make_paper, cover):
    services.arxiv(ARXIV, recorded("arxiv-with-doi.xml"))
    services.crossref(DOI, recorded("crossref-few-shot.json"))
    paper = make_paper(arxiv_id=ARXIV)
    cover(paper, at=datetime(2021, 6, 1, tzinfo=UTC))
    look_up(paper)
    assert not paper.updates.exists()


def test_a_paper_that_no_published_story_is_about_has_no_news(services, make_paper, make_story):
    services.arxiv(ARXIV, recorded("arxiv-2005.14165.xml"))
    paper = make_paper(arxiv_id=ARXIV)
    make_story(papers=[paper])
    look_up(paper)
    assert not paper.updates.exists()


def test_a_publication_and_a_retraction_are_proposed(services, make_paper, cover):
    notice = {"type": "retraction", "DOI": "10.1000/notice", "updated": {"date-parts": [[2022, 5, 6]]}}
    services.arxiv(ARXIV, recorded("arxiv-with-doi.xml"))
    services.crossref(DOI, changed("crossref-few-shot.json", **{"updated-by": [notice]}))
    paper = make_paper(arxiv_id=ARXIV)
    cover(paper)
    look_up(paper)
    assert news(paper)["published"].text == "The paper was published in Journal of Learning & Language on 4 March 2021."
    assert news(paper)["retracted"].text == "The paper was retracted on 6 May 2022."
    assert news(paper)["retracted"].url == "https://doi.org/10.1000/notice"


def test_openalex_knows_of_a_retraction_too(services, make_paper, cover):
    services.openalex(DOI, changed("openalex-few-shot.json", is_retracted=True))
    paper = make_paper(arxiv_id=None, doi=DOI)
    cover(paper)
    look_up(paper)
    assert news(paper)["retracted"].text == "The paper was retracted."


def test_a_paper_of_an_issue_to_come_is_watched_for_a_retraction_and_for_nothing_else(
    services, make_paper, make_story, make_issue
):
    services.openalex(DOI, changed("openalex-few-shot.json", is_retracted=True))
    paper = make_paper(arxiv_id=None, doi=DOI)
    make_story(papers=[paper], issue=make_issue())
    assert list(watching.due()) == [paper]
    look_up(paper)
    assert list(news(paper)) == [UpdateKind.RETRACTED]


def with_comment(comment):
    answer = (ANSWERS / "arxiv-2005.14165.xml").read_text().replace("40+32 pages", comment)
    return body(answer.encode(), ATOM)


def test_code_that_the_authors_name_in_a_later_version_is_proposed(services, make_paper, cover):
    services.arxiv(ARXIV, with_comment("40+32 pages, code at https://github.com/OpenAI/gpt-3.git."))
    paper = make_paper(arxiv_id=ARXIV)
    cover(paper)
    look_up(paper)
    look_up(paper)
    update = paper.updates.get(kind=UpdateKind.CODE)
    assert (update.url, update.state) == ("https://github.com/OpenAI/gpt-3", Decision.PROPOSED)
    assert update.text == "The authors name their code in the version of 22 July 2020: github.com/OpenAI/gpt-3"


@pytest.mark.parametrize("linked_from", ["story", "paper"])
def test_code_that_is_linked_already_is_no_news(services, make_paper, cover, linked_from):
    services.arxiv(ARXIV, with_comment("Code: github.com/OpenAI/gpt-3"))
    paper = make_paper(arxiv_id=ARXIV)
    story = cover(paper)
    resource = Resource.objects.create(url="https://github.com/openai/gpt-3", title="GPT-3")
    if linked_from == "story":
        set_resources(story, [(resource, "")])
    else:
        paper.resources.add(resource)
    look_up(paper)
    assert set(news(paper)) == {UpdateKind.NEW_VERSION}


def test_code_named_before_the_story_was_written_is_no_news(services, make_paper, cover):
    services.arxiv(ARXIV, with_comment("Code: github.com/openai/gpt-3"))
    paper = make_paper(arxiv_id=ARXIV)
    cover(paper, at=datetime(2021, 6, 1, tzinfo=UTC))
    look_up(paper)
    assert not paper.updates.exists()


def test_an_event_is_proposed_once_whatever_was_decided(services, make_paper, cover):
    services.arxiv(ARXIV, recorded("arxiv-2005.14165.xml"))
    paper = make_paper(arxiv_id=ARXIV)
    cover(paper)
    look_up(paper)
    paper.updates.update(state=Decision.REFUSED)
    SourceAnswer.objects.all().delete()
    look_up(paper)
    assert paper.updates.get().state == Decision.REFUSED


def test_each_covered_paper_is_looked_at_once_a_week_and_few_at_a_time(services, make_paper, cover):
    papers = [make_paper(f"Paper {number}") for number in range(12)]
    for paper in papers:
        cover(paper)
    make_paper("Not covered")
    tasks.look_again()
    assert Lookup.objects.count() == 10
    Lookup.objects.update(state=LookupState.FOUND)
    tasks.look_again()
    assert Lookup.objects.count() == 12
    tasks.look_again()
    assert Lookup.objects.count() == 12
    Lookup.objects.filter(paper=papers[3]).update(
        state=LookupState.FOUND, requested_at=timezone.now() - timedelta(days=8)
    )
    assert list(watching.due()) == [papers[3]]


def test_of_many_lost_lookups_those_that_waited_longest_come_first(make_paper):
    lookups = [looking_up.open_lookup(make_paper(f"Paper {number}")) for number in range(25)]
    for minutes, lookup in enumerate(lookups):
        Lookup.objects.filter(pk=lookup.pk).update(requested_at=timezone.now() - timedelta(hours=1, minutes=-minutes))
    assert looking_up.waiting_too_long() == [lookup.pk for lookup in lookups[:20]]


def test_a_lookup_whose_task_was_lost_is_asked_for_again_and_given_up_after_a_day(make_paper):
    lookup = looking_up.open_lookup(make_paper())
    assert looking_up.waiting_too_long() == []
    Lookup.objects.update(requested_at=timezone.now() - timedelta(minutes=11))
    assert looking_up.waiting_too_long() == [lookup.pk]
    Lookup.objects.update(requested_at=timezone.now() - timedelta(days=2))
    assert looking_up.waiting_too_long() == []
    lookup.refresh_from_db()
    assert (lookup.state, lookup.message) == (LookupState.FAILED, "The services could not be asked for a day.")


@pytest.mark.parametrize(
    ("state", "shown"), [(Decision.PROPOSED, False), (Decision.ACCEPTED, True), (Decision.REFUSED, False)]
)
def test_readers_see_what_was_accepted(client, make_paper, cover, state, shown):
    paper = make_paper()
    story = cover(paper)
    PaperUpdate.objects.create(
        paper=paper, text="It was <retracted>.", url="https://doi.org/10.1/x", happened_on="2021-01-01", state=state
    )
    for address in (story.get_absolute_url(), story.issue.get_absolute_url()):
        page = client.get(address).content.decode()
        assert ("Since we wrote this" in page) is shown
        assert ('<a href="https://doi.org/10.1/x">It was &lt;retracted&gt;.</a>' in page) is shown


def test_a_story_written_later_does_not_show_it(client, make_paper, cover):
    paper = make_paper()
    story = cover(paper, at=datetime(2021, 2, 1, tzinfo=UTC))
    PaperUpdate.objects.create(paper=paper, text="News", happened_on="2021-01-01", state=Decision.ACCEPTED)
    assert "Since we wrote this" not in client.get(story.get_absolute_url()).content.decode()


def test_news_cost_the_story_no_query(client, make_paper, cover):
    paper = make_paper()
    address = cover(paper).get_absolute_url()

    def count():
        with CaptureQueriesContext(connection) as queries:
            client.get(address)
        return len(queries)

    count()
    without = count()
    for number in range(5):
        PaperUpdate.objects.create(paper=paper, text=f"{number}", happened_on="2021-01-01", state=Decision.ACCEPTED)
    assert count() == without
