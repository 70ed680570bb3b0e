import threading

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction

from papers.models import Author, Paper, Resource
from papers.slugs import free_slugs

pytestmark = pytest.mark.django_db


def saved(**fields):
    paper = Paper(**fields)
    paper.full_clean(exclude=["slug"])
    paper.save()
    return paper


@pytest.mark.parametrize(
    ("fields", "slug"),
    [
        ({"arxiv_id": "2005.14165"}, "arxiv-2005-14165"),
        ({"arxiv_id": "math.CA/0611800v2"}, "arxiv-math-0611800"),
        ({"doi": "10.1038/S41586-021-03819-2"}, "doi-10-1038-s41586-021-03819-2"),
        ({"title": "On the Measure of Intelligence"}, "on-the-measure-of-intelligence"),
        ({"title": "研究"}, "paper"),
    ],
)
def test_a_paper_gets_an_address_from_what_is_known_of_it(client, fields, slug):
    assert saved(**fields).slug == slug


def test_a_second_paper_of_the_same_title_gets_an_address_of_its_own():
    assert [saved(title="Attention", page=str(page)).slug for page in (1, 2)] == ["attention", "attention-2"]


def test_arxivs_own_doi_is_stored_as_the_arxiv_identifier_that_it_is():
    paper = saved(doi="10.48550/arXiv.2005.14165")
    assert (paper.arxiv_id, paper.doi) == ("2005.14165", None)


@pytest.mark.parametrize("issued", ["2021-02-30", "0000", "2020-13", "28 May 2020", "2020-5"])
def test_a_date_that_no_calendar_has_is_refused(issued):
    with pytest.raises(ValidationError) as refusal:
        saved(title="T", issued=issued)
    assert "issued" in refusal.value.message_dict


@pytest.mark.parametrize(
    ("issued", "words", "slashes"),
    [("2020", "2020", "2020"), ("2020-05", "May 2020", "2020/05"), ("2020-05-28", "28 May 2020", "2020/05/28")],
)
def test_a_date_is_shown_as_exact_as_it_is_known(issued, words, slashes):
    paper = saved(title="T", issued=issued)
    assert (paper.issued_in_words, paper.issued_with_slashes, paper.year) == (words, slashes, "2020")


@pytest.mark.parametrize(
    ("fields", "link"),
    [
        ({"doi": "10.1000/1", "arxiv_id": "2005.14165"}, "https://doi.org/10.1000/1"),
        ({"arxiv_id": "2005.14165", "url": "https://example.org/"}, "https://arxiv.org/abs/2005.14165"),
        ({"title": "T", "url": "https://example.org/"}, "https://example.org/"),
        ({"title": "T"}, ""),
    ],
)
def test_a_paper_links_to_the_best_address_that_is_known(fields, link):
    assert saved(**fields).link == link


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"doi": "", "title": "T"},
        {"arxiv_id": "", "title": "T"},
        {"doi": "10.1000/UPPER"},
        {"title": "T", "type": "nonsense"},
    ],
)
def test_the_database_itself_refuses_a_paper_that_breaks_the_rules(fields):
    with pytest.raises(IntegrityError), transaction.atomic():
        Paper.objects.create(slug="x", **fields)


def test_no_two_papers_share_an_identifier():
    saved(arxiv_id="2005.14165")
    with pytest.raises(ValidationError):
        saved(arxiv_id="https://arxiv.org/abs/2005.14165v2")


def test_a_name_is_one_author_however_many_papers_it_stands_on():
    first = Author.objects.named("Brown", "Tom B.")
    assert Author.objects.named("Brown", "Tom B.") == first
    assert Author.objects.named("Brown", "Tom B.", "Jr.") != first
    assert Author.objects.named("研究").slug == "author"


@pytest.mark.parametrize("length", [108, 109, 110, 150])
def test_addresses_that_are_alike_are_numbered_however_long_they_are(length):
    slugs = [Author.objects.named("a" * length, "", suffix).slug for suffix in ("", "!", "?")]
    assert slugs == [min(length, 110) * "a" + number for number in ("", "-2", "-3")]


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite lets one write at a time, from its first look")
def test_an_author_whom_two_make_at_the_same_moment_is_one(monkeypatch):
    def make_meanwhile(*args):
        monkeypatch.undo()
        other = threading.Thread(target=lambda: (Author.objects.named("Brown"), connection.close()))
        other.start()
        other.join(30)
        return free_slugs(*args)

    monkeypatch.setattr("papers.models.author.free_slugs", make_meanwhile)
    with transaction.atomic():
        assert Author.objects.named("Brown") == Author.objects.get()


def test_names_without_a_latin_letter_get_numbers_in_a_fixed_number_of_queries(django_assert_max_num_queries):
    Author.objects.all_named((chr(0x4E00 + number), "", "") for number in range(50))
    with django_assert_max_num_queries(9):
        made = Author.objects.all_named((chr(0x5E00 + number), "", "") for number in range(50))
    assert {author.slug for author in made.values()} == {f"author-{number}" for number in range(51, 101)}


def test_a_resource_is_stored_under_its_normalised_address():
    resource = Resource(url="HTTPS://Example.org:443/a?utm_source=x#y", title="A")
    resource.full_clean()
    resource.save()
    assert resource.url == "https://example.org/a"
    with pytest.raises(ValidationError):
        Resource(url="https://example.org/a", title="B").full_clean()
