import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from papers.models import Author, Authorship, Paper, Resource
from tests.admin_forms import change, errors, save

ADD_PAPER = "/admin/papers/paper/add/"


def names(paper):
    return [authorship.author.family for authorship in paper.authorships.order_by("position")]


@pytest.mark.parametrize("kind", ["paper", "author", "resource"])
def test_a_list_asks_the_database_as_often_for_30_rows_as_for_1(client, kind, make_paper):
    client.force_login(User.objects.create_superuser("root"))

    def add(number):
        make_paper(f"Paper {number}", authors=[f"Author {number}", f"Second {number}"])
        Resource.objects.create(url=f"https://example.org/{number}", title=f"Resource {number}")

    def count():
        with CaptureQueriesContext(connection) as queries:
            assert client.get(reverse(f"admin:papers_{kind}_changelist")).status_code == 200
        return len(queries)

    add(1)
    count()
    few = count()
    for number in range(2, 31):
        add(number)
    assert count() == few


def test_an_address_at_arxiv_is_stored_as_identifier_and_version(writer):
    save(writer, ADD_PAPER, title="GPT-3", arxiv_id="https://arxiv.org/abs/2005.14165v4?context=cs.CL")
    paper = Paper.objects.get()
    assert (paper.arxiv_id, paper.arxiv_version, paper.slug) == ("2005.14165", 4, "arxiv-2005-14165")


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"arxiv_id": "20051.1"}, "is not an arXiv identifier"),
        ({"doi": "twelve"}, "is not a DOI"),
        ({"title": ""}, "needs an arXiv identifier, a DOI or a title"),
        ({"issued": "May 2020"}, "Write the date as 2020"),
    ],
)
def test_what_is_wrong_with_a_paper_is_said(writer, typed, sentence):
    page = save(writer, ADD_PAPER, **{"title": "GPT-3"} | typed)
    assert sentence in errors(page)
    assert not Paper.objects.exists()


@pytest.mark.parametrize("typed", [{"arxiv_id": "arXiv:2005.14165"}, {"doi": "https://doi.org/10.1000/XYZ"}])
def test_a_paper_that_is_stored_already_is_named_with_a_link(writer, make_paper, typed):
    stored = make_paper("Few-shot <learners>", arxiv_id="2005.14165", doi="10.1000/xyz")
    page = save(writer, ADD_PAPER, title="Again", **typed)
    assert f'<a href="{change(stored)}">Few-shot &lt;learners&gt;</a>' in errors(page)


def test_authors_are_put_in_order_by_their_numbers(writer, make_paper):
    paper = make_paper(authors=["A", "B", "C"])
    new = Author.objects.named("D")
    save(
        writer,
        change(paper),
        **{"authorships-2-place": 1, "authorships-3-author": new.pk, "authorships-0-DELETE": "on"},
    )
    assert names(paper) == ["C", "B", "D"]
    assert sorted(paper.authorships.values_list("position", flat=True)) == [0, 1, 2]


def test_a_paper_with_hundreds_of_authors_is_changed_without_listing_them_all(writer, make_paper):
    paper = make_paper(authors=[])
    authors = Author.objects.bulk_create(Author(family=f"Author {n}", slug=f"a-{n}") for n in range(400))
    Authorship.objects.bulk_create(Authorship(paper=paper, author=a, position=n) for n, a in enumerate(authors))
    save(writer, change(paper), title="Changed")
    paper.refresh_from_db()
    assert paper.title == "Changed"
    assert paper.authorships.count() == 400


def test_a_paper_is_found_by_whatever_names_it(writer, make_paper):
    make_paper("Other")
    paper = make_paper("GPT-3", authors=["Brown"], arxiv_id="2005.14165", doi="10.1000/xyz")
    for term in ("https://arxiv.org/pdf/2005.14165v2", "doi:10.1000/XYZ", "gpt-3"):
        query = {"app_label": "issues", "model_name": "storypaper", "field_name": "paper", "term": term}
        results = writer.get("/admin/autocomplete/", query).json()["results"]
        assert [row["id"] for row in results] == [str(paper.pk)]


def test_a_resources_address_is_normalised(writer):
    save(writer, "/admin/papers/resource/add/", url="https://Example.org/a?utm_source=x#top", title="A", kind="code")
    assert Resource.objects.get().url == "https://example.org/a"


def test_a_resource_that_is_stored_already_is_named_with_a_link(writer):
    stored = Resource.objects.create(url="https://example.org/a", title="The first")
    page = save(writer, "/admin/papers/resource/add/", url="https://example.org/a#b", title="Again", kind="code")
    assert f'<a href="{change(stored)}">The first</a>' in errors(page)


def test_a_paper_says_which_stories_are_about_it(writer, make_paper, make_story):
    paper = make_paper()
    make_story("Few shots", papers=[paper])
    assert ">Few shots</a>, in the queue" in writer.get(change(paper)).content.decode()
