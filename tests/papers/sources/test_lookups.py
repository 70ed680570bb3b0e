"""What becomes of a paper when the services answer as they do on a good day."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from papers import looking_up, tasks
from papers.models import Author, Decision, LookupState, Paper, SourceAnswer
from tests.papers.sources.server import changed, recorded, status

ARXIV, DOI = "2005.14165", "10.1000/few.shot"
pytestmark = pytest.mark.django_db


def look_up(paper):
    lookup = looking_up.open_lookup(paper)
    looking_up.run(lookup.pk)
    lookup.refresh_from_db()
    return lookup


def new(**fields):
    paper = Paper(**fields)
    paper.clean()
    paper.save()
    return paper


def names(paper):
    return [str(each.author) for each in paper.authorships.order_by("position")]


def proposals(paper):
    return {each.field: each.value for each in paper.field_proposals.filter(state=Decision.PROPOSED)}


AUTHORS = ["Tom B. Brown", "Laurens van der Maaten", "Sammy Davis Jr.", "The ATLAS Collaboration"]


def test_an_arxiv_identifier_alone_fills_the_record(services):
    services.arxiv(ARXIV, recorded("arxiv-2005.14165.xml"))
    paper = new(arxiv_id=ARXIV)
    lookup = look_up(paper)
    paper.refresh_from_db()
    assert lookup.state == LookupState.FOUND
    assert paper.title == "Language Models are Few-Shot Learners"
    assert paper.abstract == (
        "We train a model with 1.75 × 10¹¹ parameters, in the manner of Poincaré, and 5% of it ±1 at H₂O."
    )
    assert (paper.type, paper.issued, paper.arxiv_version, paper.doi) == ("article", "2020-05-28", 4, None)
    assert names(paper) == AUTHORS
    maaten = Author.objects.get(family="van der Maaten")
    assert maaten.given == "Laurens"
    assert Author.objects.get(family="Davis").suffix == "Jr."


def test_a_doi_finds_the_preprint_too_and_one_record_keeps_both(services):
    services.crossref(DOI, recorded("crossref-few-shot.json"))
    services.arxiv(ARXIV, recorded("arxiv-2005.14165.xml"))
    paper = new(doi=DOI)
    look_up(paper)
    paper.refresh_from_db()
    assert (paper.doi, paper.arxiv_id, paper.arxiv_version) == (DOI, ARXIV, 4)
    assert (paper.type, paper.container_title) == ("article-journal", "Journal of Learning & Language")
    assert (paper.publisher, paper.volume, paper.number, paper.page) == ("Example Press", "33", "2", "1877-1901")
    assert paper.issued == "2021-03-04"
    assert paper.abstract.startswith("We train a model with 1.75")
    assert names(paper) == AUTHORS


def test_the_doi_that_the_author_gave_arxiv_leads_to_the_published_version(services):
    services.arxiv(ARXIV, recorded("arxiv-with-doi.xml"))
    services.crossref(DOI, recorded("crossref-few-shot.json"))
    paper = new(arxiv_id=ARXIV)
    look_up(paper)
    paper.refresh_from_db()
    assert (paper.doi, paper.container_title) == (DOI, "Journal of Learning & Language")


def test_openalex_tells_where_a_preprint_was_published(services):
    services.arxiv(ARXIV, recorded("arxiv-2005.14165.xml"))
    services.openalex(f"10.48550/arxiv.{ARXIV}", recorded("openalex-few-shot.json"))
    services.crossref(DOI, recorded("crossref-few-shot.json"))
    paper = new(arxiv_id=ARXIV)
    look_up(paper)
    paper.refresh_from_db()
    assert (paper.doi, paper.volume) == (DOI, "33")


def test_openalex_stands_in_for_a_doi_that_crossref_does_not_know(services):
    services.openalex(DOI, recorded("openalex-few-shot.json"))
    paper = new(doi=DOI)
    lookup = look_up(paper)
    paper.refresh_from_db()
    assert (paper.title, paper.page) == ("Language Models are Few-Shot Learners", "1877–1901")
    assert paper.abstract == "We train models. And We test them."
    assert names(paper) == ["Tom B. Brown", "Laurens van der Maaten"]
    assert "doesn't know" not in lookup.message


def test_markup_in_an_abstract_becomes_text(services):
    services.crossref(DOI, changed("crossref-few-shot.json", relation={}))
    paper = new(doi=DOI)
    look_up(paper)
    paper.refresh_from_db()
    assert paper.abstract == "We train a big model on H₂O & 10⁻³."


def test_a_book_is_found_by_its_isbn_and_not_one_of_its_chapters(services):
    services.set("/works", recorded("crossref-isbn.json"))
    paper = new(isbn="0-306-40615-2")
    look_up(paper)
    paper.refresh_from_db()
    assert (paper.isbn, paper.title, paper.type, paper.issued) == ("9780306406157", "A Book", "book", "1980")


def test_what_was_typed_stays_and_differences_are_proposed(services):
    services.arxiv(ARXIV, recorded("arxiv-2005.14165.xml"))
    services.crossref(DOI, recorded("crossref-few-shot.json"))
    paper = new(doi=DOI, arxiv_id=ARXIV, arxiv_version=2, title="GPT-3", issued="2020-05-28", page="1877–1901")
    lookup = look_up(paper)
    paper.refresh_from_db()
    assert (paper.title, paper.issued, paper.arxiv_version, paper.type) == ("GPT-3", "2020-05-28", 2, "article")
    assert paper.container_title == "Journal of Learning & Language"
    assert proposals(paper) == {
        "title": "Language Models Are Few-Shot Learners",
        "type": "article-journal",
        "issued": "2021-03-04",
        "arxiv_version": 4,
    }
    assert "To be decided: title, type, issued, arXiv version last seen." in lookup.message


def test_an_accepted_difference_is_stored_and_a_refused_one_is_not_proposed_again(services):
    services.arxiv(ARXIV, recorded("arxiv-2005.14165.xml"))
    paper = new(arxiv_id=ARXIV, title="GPT-3", issued="2019")
    paper.authors.add(Author.objects.named("Someone"), through_defaults={"position": 0})
    look_up(paper)
    assert set(proposals(paper)) == {"title", "issued", "authors"}
    by_field = {each.field: each for each in paper.field_proposals.all()}
    assert looking_up.decide(by_field["authors"], Decision.ACCEPTED, None)
    assert looking_up.decide(by_field["issued"], Decision.ACCEPTED, None)
    assert looking_up.decide(by_field["title"], Decision.REFUSED, None)
    assert not looking_up.decide(by_field["title"], Decision.ACCEPTED, None)
    paper.refresh_from_db()
    assert (paper.title, paper.issued) == ("GPT-3", "2020-05-28")
    assert names(paper) == AUTHORS
    look_up(paper)
    assert proposals(paper) == {}


def test_a_wrong_doi_given_by_an_author_brings_nothing_of_the_other_paper_in(services):
    other = {"title": ["Deep Sea Fishing"], "author": [{"family": "Fisher", "given": "A."}], "relation": {}}
    services.arxiv(ARXIV, recorded("arxiv-with-doi.xml"))
    services.crossref(DOI, changed("crossref-few-shot.json", **other))
    paper = new(arxiv_id=ARXIV)
    lookup = look_up(paper)
    paper.refresh_from_db()
    assert (paper.title, paper.doi, paper.volume) == ("Language Models are Few-Shot Learners", None, "")
    assert "Crossref's record of 10.1000/few.shot, “Deep Sea Fishing”, is of another paper." in lookup.message


def test_an_identifier_of_another_stored_paper_is_named_and_not_taken(services):
    services.arxiv(ARXIV, recorded("arxiv-with-doi.xml"))
    services.crossref(DOI, recorded("crossref-few-shot.json"))
    new(doi=DOI, title="The published one")
    paper = new(arxiv_id=ARXIV)
    lookup = look_up(paper)
    paper.refresh_from_db()
    assert paper.doi is None
    assert "is that of another stored paper, “The published one”: merge the two." in lookup.message


@pytest.mark.django_db(transaction=True)
def test_a_paper_that_is_deleted_while_it_is_looked_up_stays_away(services):
    def answer_after_the_paper_is_gone(handler):
        Paper.objects.all().delete()
        connection.close()
        recorded("arxiv-2005.14165.xml")(handler)

    services.arxiv(ARXIV, answer_after_the_paper_is_gone)
    with transaction.atomic():
        lookup = looking_up.open_lookup(new(arxiv_id=ARXIV))
    looking_up.run(lookup.pk)
    assert not Paper.objects.exists()


def test_an_answer_is_kept_for_a_day(services):
    services.arxiv(ARXIV, recorded("arxiv-2005.14165.xml"))
    paper = new(arxiv_id=ARXIV)
    look_up(paper)
    look_up(paper)
    assert len(services.asked("/api/query")) == 1
    SourceAnswer.objects.update(fetched_at=timezone.now() - timedelta(hours=25))
    look_up(paper)
    assert len(services.asked("/api/query")) == 2


def test_an_answer_that_is_too_old_to_be_taken_is_forgotten():
    for identifier, hours in (("old", 25), ("new", 23)):
        fetched_at = timezone.now() - timedelta(hours=hours)
        SourceAnswer.objects.create(source="arxiv", identifier=identifier, facts={}, fetched_at=fetched_at)
    tasks.forget_old_answers()
    assert [answer.identifier for answer in SourceAnswer.objects.all()] == ["new"]


def test_the_requests_say_who_asks(services, settings):
    settings.CONTACT_EMAIL, settings.OPENALEX_API_KEY = "editor@example.org", "secret"
    look_up(new(doi=DOI))
    queries = {path: query for _, _, path, query, _ in services.requests}
    assert queries[f"/works/{DOI}"] == {"mailto": "editor@example.org"}
    assert queries[f"/works/doi:{DOI}"]["api_key"] == "secret"
    assert all("mailto:editor@example.org" in headers["User-Agent"] for *_, headers in services.requests)


def test_a_paper_that_nobody_knows_says_so(services):
    services.arxiv(ARXIV, recorded("arxiv-empty.xml"))
    lookup = look_up(new(arxiv_id=ARXIV))
    assert lookup.state == LookupState.FAILED
    assert lookup.message.startswith("arXiv doesn't know 2005.14165.")


@pytest.mark.parametrize("doi", ["10.1000/a/../../b?c=d#e", "10.1002/(sici)1097<1::aid>3.0.co;2-o", "10.1000/%2e%2e"])
def test_a_doi_can_ask_for_nothing_but_itself(services, doi):
    services.set("/works/b", status(200))
    look_up(new(doi=doi))
    assert services.asked() == [f"/works/{doi}", f"/works/doi:{doi}"]
