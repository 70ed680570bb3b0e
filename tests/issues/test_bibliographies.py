import json
import re

import bibtexparser
import pytest
import rispy
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from issues.bibliographies import PAPERS_AT_ONCE
from issues.models import TopicAlias
from papers.models import Author, AuthorAlias, Authorship, Paper, PaperAlias

READERS = {
    "bib": lambda text: [entry["eprint"] for entry in bibtexparser.parse_string(text).entries],
    "ris": lambda text: [record["accession_number"] for record in rispy.loads(text)],
    "json": lambda text: [item["archive_location"] for item in json.loads(text)],
}
CONTENT_TYPES = {
    "bib": "application/x-bibtex; charset=utf-8",
    "ris": "application/x-research-info-systems; charset=utf-8",
    "json": "application/vnd.citationstyles.csl+json; charset=utf-8",
}


@pytest.fixture
def told(make_issue, make_story, make_paper, make_section):
    """Two public stories, the first about two papers of which the second is told again, and a draft about a third."""
    issue = make_issue(published_at=timezone.now())
    one, two, secret = (
        make_paper("One", authors=["Brown"], issued="2021"),
        make_paper("Two", authors=["Mann"]),
        make_paper("Secret", authors=["Brown"]),
    )
    story = make_story("First", issue=issue, papers=[two, one], topics=["robots"])
    make_story(
        "Second", issue=make_issue(published_at=timezone.now()), papers=[two], section=make_section("Cool Things")
    )
    make_story("Draft", papers=[secret], topics=["robots"])
    return {"one": one, "two": two, "story": story, "issue": issue}


def body(response):
    return b"".join(response.streaming_content).decode()


@pytest.mark.parametrize("form", READERS)
@pytest.mark.parametrize(
    ("address", "papers"),
    [
        ("/issues/1", ["one", "two"]),
        ("/stories/first", ["two", "one"]),
        ("/topics/robots", ["one", "two"]),
        ("/sections/cool-things", ["two"]),
        ("/authors/brown", ["one"]),
        ("/papers", ["one", "two"]),
    ],
)
def test_a_bibliography_holds_the_papers_that_readers_may_see(client, told, address, papers, form):
    response = client.get(f"{address}.{form}")
    assert response["Content-Type"] == CONTENT_TYPES[form]
    assert re.fullmatch(rf'attachment; filename="[a-z0-9-]+\.{form}"', response["Content-Disposition"])
    assert READERS[form](body(response)) == [told[name].arxiv_id for name in papers]


@pytest.mark.parametrize("form", READERS)
def test_a_paper_is_a_bibliography_of_its_own(client, told, form):
    response = client.get(f"/papers/{told['one'].slug}.{form}")
    assert response["Content-Disposition"] == f'attachment; filename="{told["one"].slug}.{form}"'
    assert READERS[form](body(response)) == [told["one"].arxiv_id]


@pytest.mark.parametrize("form", READERS)
def test_the_papers_that_a_search_finds_are_a_bibliography(client, told, form):
    assert READERS[form](body(client.get(f"/search.{form}?q=two"))) == [told["two"].arxiv_id]
    assert READERS[form](body(client.get(f"/search.{form}?q=secret"))) == []
    assert f'href="/search.{form}?q=two"' in client.get("/search/?q=two").content.decode()


def test_the_archive_takes_the_parameters_of_the_list_of_papers(client, told):
    assert READERS["json"](body(client.get("/papers.json?year=2021"))) == [told["one"].arxiv_id]
    assert 'href="/papers.bib?year=2021"' in client.get("/papers/?year=2021").content.decode()


@pytest.mark.parametrize(
    "address",
    [
        "/issues/9.bib",
        "/stories/draft.bib",
        "/topics/nothing.ris",
        "/sections/x.json",
        "/authors/y.bib",
        "/papers/z.bib",
    ],
)
def test_what_readers_may_not_see_has_no_bibliography(client, told, address):
    assert client.get(address).status_code == 404


def test_a_secret_paper_and_its_author_have_none(client, told):
    secret = Paper.objects.get(title="Secret")
    assert client.get(f"/papers/{secret.slug}.bib").status_code == 404


def test_former_names_lead_to_the_file_of_the_present_one(client, told, make_topic):
    TopicAlias.objects.create(topic=make_topic("robots"), name="androids", slug="androids")
    PaperAlias.objects.create(paper=told["one"], slug="old")
    AuthorAlias.objects.create(author=Author.objects.get(slug="brown"), slug="browne", family="Browne")
    for former, present in (
        ("/topics/androids.bib", "/topics/robots.bib"),
        ("/papers/old.ris", f"/papers/{told['one'].slug}.ris"),
        ("/authors/browne.json", "/authors/brown.json"),
    ):
        response = client.get(former)
        assert (response.status_code, response["Location"]) == (301, present)


@pytest.mark.parametrize(
    "page", ["issues/1", "stories/first", "topics/robots", "sections/cool-things", "authors/brown"]
)
def test_a_page_leads_to_its_bibliography(client, told, page):
    html = client.get(f"/{page}/").content.decode()
    for form in READERS:
        assert f'href="/{page}.{form}"' in html
    if not page.startswith("stories"):
        assert f'<link rel="alternate" type="application/x-bibtex" title="Papers as BibTeX" href="/{page}.bib">' in html


@pytest.mark.django_db
def test_a_long_bibliography_is_read_in_pieces_of_two_queries(client, make_issue, make_story):
    papers = Paper.objects.bulk_create(
        Paper(title=f"Paper {number}", slug=f"paper-{number}", arxiv_id=f"2005.{number:05}") for number in range(450)
    )
    author = Author.objects.named("Brown", "Tom")
    Authorship.objects.bulk_create(Authorship(paper=paper, author=author, position=0) for paper in papers)
    make_story(issue=make_issue(published_at=timezone.now()), papers=papers)
    with CaptureQueriesContext(connection) as queries:
        text = body(client.get("/papers.bib"))
    assert len(queries) == 1 + -(-450 // PAPERS_AT_ONCE)
    keys = re.findall(r"^@misc\{(.+),$", text, re.MULTILINE)
    assert len(set(keys)) == 450
    assert keys[:2] == ["brown_paper_nodate", "brown_paper_nodate-1"]
