import datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from papers.csl import as_csl, paper_by_identifier, record_paper
from papers.errors import BadIdentifier, BadRecord
from papers.models import Author, Paper

pytestmark = pytest.mark.django_db

GPT_3 = {
    "id": "arXiv:2005.14165",
    "type": "article",
    "title": "Language Models are Few-Shot Learners",
    "author": [
        {"family": "Brown", "given": "Tom B."},
        {"family": "van den Berg", "given": "Ada", "suffix": "Jr."},
        {"literal": "OpenAI"},
    ],
    "issued": "2020-05-28",
    "container-title": "Advances in Neural Information Processing Systems 33",
    "volume": "33",
    "page": "1877-1901",
    "publisher": "Curran",
    "DOI": "10.5555/3495724.3495883",
    "URL": "https://arxiv.org/abs/2005.14165",
    "archive": "arXiv",
    "archive_location": "2005.14165v4",
    "abstract": "Recent work has demonstrated substantial gains.",
}


def test_a_record_comes_out_as_it_went_in():
    paper, outcome = record_paper(GPT_3)
    assert outcome == "created"
    assert as_csl(Paper.objects.with_authors().get(pk=paper.pk)) == GPT_3


def test_the_same_record_twice_changes_nothing():
    paper, _ = record_paper(GPT_3)
    before = Paper.objects.get(pk=paper.pk).updated_at
    assert record_paper(GPT_3) == (paper, "unchanged")
    assert record_paper(as_csl(paper)) == (paper, "unchanged")
    assert Paper.objects.get(pk=paper.pk).updated_at == before
    assert Author.objects.count() == 3


def test_what_a_record_leaves_out_stays_as_the_editor_typed_it():
    paper, _ = record_paper(GPT_3)
    Paper.objects.filter(pk=paper.pk).update(abstract="Typed by hand.", number="7")
    bare = {"id": "arXiv:2005.14165", "title": "", "abstract": None, "author": [], "volume": "33"}
    assert record_paper(bare) == (paper, "unchanged")
    paper.refresh_from_db()
    assert (paper.abstract, paper.number, paper.title) == ("Typed by hand.", "7", GPT_3["title"])
    assert len(paper.authors_in_order()) == 3


def test_what_zotero_says_of_a_preprint_is_found_by_its_arxiv_identifier():
    record = {
        "id": "http://zotero.org/users/1/items/ABCD1234",
        "type": "article",
        "title": "Attention Is All You Need",
        "publisher": "arXiv",
        "number": "arXiv:1706.03762",
        "source": "arXiv.org",
        "DOI": "10.48550/arXiv.1706.03762",
        "URL": "http://arxiv.org/abs/1706.03762v7",
        "note": "arXiv:1706.03762 [cs]",
        "author": [{"family": "Vaswani", "given": "Ashish"}],
        "issued": {"date-parts": [["2023", 8, 1]]},
        "accessed": {"date-parts": [["2024", 1, 2]]},
    }
    paper, _ = record_paper(record)
    assert (paper.arxiv_id, paper.arxiv_version, paper.doi, paper.issued) == ("1706.03762", 7, None, "2023-08-01")
    assert paper_by_identifier("arXiv:1706.03762") == (paper, "unchanged")


def test_an_unknown_arxiv_version_does_not_blank_the_one_that_is_stored():
    record_paper({"id": "arXiv:1706.03762v5", "title": "Attention"})
    record_paper({"id": "arXiv:1706.03762", "title": "Attention"})
    assert Paper.objects.get().arxiv_version == 5


@pytest.mark.parametrize(
    ("issued", "expected"),
    [
        ("2020", "2020"),
        ("2020-05", "2020-05"),
        ("2020-05-28", "2020-05-28"),
        ("2020-05-28T10:00:00Z", "2020-05-28"),
        ("2020-05-28/2020-06-01", "2020-05-28"),
        (2020, "2020"),
        (datetime.date(2020, 5, 28), "2020-05-28"),
        (datetime.datetime(2020, 5, 28, 10, 0), "2020-05-28"),
        ({"date-parts": [[2020, 5, 28]]}, "2020-05-28"),
        ({"date-parts": [["2020", "5"]]}, "2020-05"),
        ({"date-parts": [[2020], [2021]]}, "2020"),
        ({"date-parts": [[None]]}, ""),
        ({"date-parts": []}, ""),
        ({"year": "2020", "month": "5", "day": "28"}, "2020-05-28"),
        ([{"year": 2020, "month": 5}], "2020-05"),
        ({"raw": "2020-05"}, "2020-05"),
        ({"literal": "2020"}, "2020"),
        ({}, ""),
        ([], ""),
        (None, ""),
    ],
)
def test_a_date_is_read_as_exact_as_it_is_known(issued, expected):
    paper, _ = record_paper({"DOI": "10.1000/1", "issued": issued})
    assert paper.issued == expected


@pytest.mark.parametrize(
    "issued",
    ["May 2020", "2021-02-30", "2020-13", "0000", "20200528", {"date-parts": 2020}, {"date-parts": [["May"]]},
     {"date-parts": {"year": 2020}}, {"literal": "in press"}, {"raw": ["x", {}]}, {"date-parts": [[2021, 2, 30]]}],
)  # fmt: skip
def test_a_date_that_cannot_be_read_is_refused_with_what_to_write(issued):
    with pytest.raises(BadRecord, match="2020"):
        record_paper({"DOI": "10.1000/1", "issued": issued})
    assert not Paper.objects.exists()


def test_a_name_keeps_its_particles_and_suffix():
    author = {"family": "Maaten", "given": "Laurens", "dropping-particle": "", "non-dropping-particle": "van der"}
    paper, _ = record_paper({"DOI": "10.1000/1", "author": [author, {"family": "Plato", "suffix": "Jr."}]})
    assert [str(name) for name in paper.authors_in_order()] == ["Laurens van der Maaten", "Plato Jr."]
    assert as_csl(paper)["author"][1] == {"family": "Plato", "suffix": "Jr."}


@pytest.mark.parametrize(
    "author",
    ["Tom Brown", ["Tom Brown"], [{}], [{"given": "Tom"}], [{"family": "x" * 201}], [{"family": "x", "suffix": "y" * 21}],
     [{"family": {"deep": "nonsense"}}], {"family": "Brown"}],
)  # fmt: skip
def test_authors_that_cannot_be_read_are_refused(author):
    with pytest.raises(BadRecord, match=r"author|family"):
        record_paper({"DOI": "10.1000/1", "author": author})
    assert not Paper.objects.exists()


def test_crossrefs_lists_and_markup_become_plain_texts():
    record = {
        "DOI": "10.1000/1",
        "title": ["Growth of <i>E. coli</i> at p&lt;0.05 and a < b > c"],
        "container-title": [],
        "abstract": "<jats:p>One <jats:italic toggle='yes'>two</jats:italic></jats:p>\n  three",
        "volume": 33,
    }
    paper, _ = record_paper(record)
    assert paper.title == "Growth of E. coli at p&lt;0.05 and a < b > c"
    assert paper.container_title == ""
    assert paper.abstract == "One two three"
    assert paper.volume == "33"
    assert record_paper(record)[1] == "unchanged"


def test_a_type_that_papers_lack_becomes_a_document_and_the_rest_is_kept():
    for number, (type_, expected) in enumerate(
        [("dataset", "dataset"), ("software", "software"), ("entry-encyclopedia", "document"), ("??", "document")]
    ):
        paper, _ = record_paper({"DOI": f"10.1000/{number}", "type": type_, "title": "T"})
        assert (paper.type, paper.title) == (expected, "T")


def test_an_unknown_type_does_not_replace_the_one_that_an_editor_chose():
    paper, _ = record_paper({"DOI": "10.1000/1", "type": "entry-encyclopedia"})
    Paper.objects.filter(pk=paper.pk).update(type="book")
    assert record_paper({"DOI": "10.1000/1", "type": "entry-encyclopedia"})[1] == "unchanged"
    assert Paper.objects.get().type == "book"


def test_a_preprint_and_its_published_version_become_one_record():
    preprint, _ = record_paper({"id": "arXiv:1911.01547", "title": "Preprint"})
    both = {"id": "arXiv:1911.01547", "DOI": "10.1000/J.1", "type": "article-journal", "title": "Published"}
    assert record_paper(both) == (preprint, "updated")
    preprint.refresh_from_db()
    assert (preprint.doi, preprint.type, preprint.title) == ("10.1000/j.1", "article-journal", "Published")
    assert record_paper({"DOI": "10.1000/j.1"})[0] == preprint


def test_two_stored_papers_are_not_merged_by_themselves():
    record_paper({"id": "arXiv:1911.01547", "title": "A"})
    record_paper({"id": "doi:10.1000/1", "title": "B"})
    with pytest.raises(BadRecord, match=r"1911\.01547 and 10\.1000/1 are stored as two papers. Merge them"):
        record_paper({"id": "arXiv:1911.01547", "DOI": "10.1000/1", "title": "C"})
    assert sorted(Paper.objects.values_list("title", flat=True)) == ["A", "B"]


def test_a_paper_without_identifier_is_known_by_its_id_or_title():
    paper, _ = record_paper({"id": "hinton-talk", "type": "speech", "title": "A talk"})
    assert paper_by_identifier("hinton-talk") == (paper, "unchanged")
    assert record_paper({"id": "hinton-talk", "title": "A talk, renamed"}) == (paper, "updated")
    assert record_paper({"title": "A talk, renamed"}) == (paper, "unchanged")
    with pytest.raises(BadIdentifier):
        paper_by_identifier("some-other-talk")


def test_a_permanent_address_that_is_not_the_usual_one_travels_with_the_record():
    paper, _ = record_paper({"DOI": "10.1000/1", "title": "T"})
    record_paper({"id": "arXiv:1911.01547", "DOI": "10.1000/1"})  # the identifier changes, the address doesn't
    paper.refresh_from_db()
    record = as_csl(paper)
    assert record["custom"] == {"slug": "doi-10-1000-1"}
    paper.delete()
    assert record_paper(record)[0].slug == "doi-10-1000-1"


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"id": "x"},
        {"title": "  "},
        {"title": "x" * 501},
        {"title": {"deep": 1}},
        {"title": [["x"]]},
        {"id": "arXiv:1234.12345", "title": "T"},
        {"id": "doi:nonsense", "title": "T"},
        {"DOI": "nonsense", "title": "T"},
        {"title": "T", "URL": "javascript:alert(1)"},
        {"title": "T", "page": "1" * 41},
        {"title": "T", "archive": "arXiv", "archive_location": "cs.CL"},
    ],
)
def test_a_record_that_cannot_be_stored_is_refused_and_nothing_is_changed(record):
    with pytest.raises(BadRecord):
        record_paper(record)
    assert not Paper.objects.exists()


def test_recording_a_known_paper_costs_the_same_with_one_author_and_with_thirty():
    many = GPT_3 | {"author": [{"family": f"Author {number}", "given": "A."} for number in range(30)]}
    counts = []
    for record in (GPT_3, many):
        record_paper(record)
        with CaptureQueriesContext(connection) as queries:
            assert record_paper(record)[1] == "unchanged"
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 6


def test_a_paper_of_two_hundred_authors_costs_as_much_as_one_of_two():
    counts = []
    for number, size in enumerate((2, 200)):
        authors = [{"family": f"Author {place}", "given": "AB"[number]} for place in range(size)]
        with CaptureQueriesContext(connection) as queries:
            paper, _ = record_paper({"id": f"arXiv:2005.0000{number + 1}", "title": "Many", "author": authors})
        assert [author.family for author in paper.authors_in_order()] == [name["family"] for name in authors]
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_two_authors_whose_names_give_the_same_address_get_one_each():
    paper, _ = record_paper({"title": "Two", "author": [{"literal": "研究"}, {"literal": "大学"}]})
    assert sorted(author.slug for author in paper.authors_in_order()) == ["author", "author-2"]
