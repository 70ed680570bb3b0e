import io
import json

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from papers.bibtex import read_bibtex
from papers.importing import import_records, read_records
from papers.models import Author, Paper, PaperAlias

pytestmark = pytest.mark.django_db
BIB = r"""
@string{nips = {Advances in Neural Information Processing Systems}}

@inproceedings{brown2020,
  title     = {{Language} Models are Few-Shot Learners: $\alpha$ \& 5\% of G{\"o}del},
  author    = {Brown, Tom B. and van der Maaten, Laurens and {OpenAI Team} and King, Jr., Martin Luther
               and {\L}ukasz Kaiser and {\'E}tienne Zola and others},
  booktitle = nips,
  pages     = {1877--1901},
  volume    = 33,
  year      = 2020,
  month     = dec,
  doi       = {10.5555/Few\_Shot},
  url       = {https://example.org/~a_b?c=d%20e},
}

@article{preprint, title={On {BERT}}, author={Laurens van der Maaten and Sammy Davis Jr.}, eprint={2005.14165v4},
  archivePrefix={arXiv}, primaryClass={cs.CL}, year={2020}, month={5}, day={28}}

@book{knuth, title="The Art", author="Knuth, Donald E.", publisher={Addison-Wesley}, year=1968, isbn={0-306-40615-2}}
"""


@pytest.fixture
def run(tmp_path):
    def run(text, name="papers.bib", **options):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        out, err = io.StringIO(), io.StringIO()
        try:
            call_command("import_papers", path, stdout=out, stderr=err, **options)
        except CommandError as error:
            return f"{out.getvalue()}{err.getvalue()}{error}"
        return out.getvalue() + err.getvalue()

    return run


def names(paper):
    return [str(author) for author in paper.authors_in_order()]


def test_a_bibtex_file_becomes_papers(run):
    assert "paper                 3          0          0" in run(BIB)
    paper = Paper.objects.get(doi="10.5555/few_shot")
    assert paper.title == "Language Models are Few-Shot Learners: α & 5% of Gödel"
    assert (paper.type, paper.container_title) == (
        "paper-conference",
        "Advances in Neural Information Processing Systems",
    )
    assert (paper.volume, paper.page, paper.issued) == ("33", "1877–1901", "2020-12")
    assert paper.url == "https://example.org/~a_b?c=d%20e"
    preprint = Paper.objects.get(arxiv_id="2005.14165")
    assert (preprint.type, preprint.arxiv_version, preprint.issued) == ("article", 4, "2020-05-28")
    assert names(preprint) == ["Laurens van der Maaten", "Sammy Davis Jr."]
    book = Paper.objects.get(title="The Art")
    assert (book.type, book.publisher, book.isbn) == ("book", "Addison-Wesley", "9780306406157")


def test_groups_particles_suffixes_and_accents_in_names_survive(run):
    run(BIB)
    assert names(Paper.objects.get(doi="10.5555/few_shot")) == [
        "Tom B. Brown",
        "Laurens van der Maaten",
        "OpenAI Team",
        "Martin Luther King Jr.",
        "Łukasz Kaiser",
        "Étienne Zola",
    ]
    group = Author.objects.get(family="OpenAI Team")
    assert (group.given, group.suffix) == ("", "")
    assert Author.objects.filter(family="van der Maaten", given="Laurens").count() == 1


def test_importing_twice_changes_nothing(run):
    run(BIB)
    assert "paper                 0          0          3" in run(BIB)
    assert Paper.objects.count() == 3


def test_a_dry_run_changes_nothing_and_reports_the_same(run):
    report = run(BIB, dry_run=True)
    assert report.startswith("Nothing was changed: this was a dry run.\n")
    assert "paper                 3          0          0" in report
    assert not Paper.objects.exists()


def test_an_entry_that_is_broken_is_named_by_its_line_and_the_rest_is_read(run):
    report = run(
        "@article{a, title={One}, title={Two}}\n@article{b, title={unclosed\n@article{c, title={Fine}}\n"
        "@article{d, doi={twelve}}\n@article{e, author={Nobody}}\n@article{f, title={Late}, date={2020-13}}\n"
    )
    assert "paper                 1          0          0" in report
    assert "refused: line 1: The entry has title twice. Delete one." in report
    assert "refused: line 2: The entry can't be read. Check that its braces, quotes and commas match." in report
    assert "refused: line 4 (d): “twelve” is not a DOI." in report
    assert "refused: line 5 (e): The record has no arXiv identifier, no DOI and no title." in report
    assert "refused: line 6 (f): The date “2020-13” can't be read." in report
    assert report.endswith("5 refused. Mend what is named above and import again: the rest is unchanged then.")
    assert Paper.objects.get().title == "Fine"


def test_two_entries_of_one_paper_are_one_paper(run):
    report = run(
        "@article{a, title={Short}, doi={10.1000/x}}\n@article{b, title={Long}, doi={https://doi.org/10.1000/X}}\n"
        "@article{a, title={Another under the same key}}\n"
    )
    assert "paper                 2          1          0" in report
    assert Paper.objects.get(doi="10.1000/x").title == "Long"


def test_what_a_file_leaves_out_stays(run, make_paper):
    make_paper("Old", arxiv_id="2005.14165", abstract="Kept", authors=["Kept"])
    run("@misc{a, title={New}, eprint={2005.14165}, archivePrefix={arXiv}}")
    paper = Paper.objects.get()
    assert (paper.title, paper.abstract, names(paper)) == ("New", "Kept", ["Kept"])


def test_a_paper_that_was_merged_is_found_by_its_former_identifier(run, make_paper):
    PaperAlias.objects.create(
        paper=make_paper("Kept", arxiv_id=None, doi="10.1000/kept"), slug="former", doi="10.1000/former"
    )
    assert "paper                 0          1          0" in run("@article{a, volume={7}, doi={10.1000/former}}")
    paper = Paper.objects.get()
    assert (paper.title, paper.volume) == ("Kept", "7")


def test_csl_json_is_read_as_zotero_writes_it(run):
    records = [
        {"id": "1", "type": "article-journal", "title": "Deep <i>nets</i>", "DOI": "10.1000/Z", "issued": {"date-parts": [[2021, 3]]},
         "author": [{"family": "Maaten", "non-dropping-particle": "van der", "given": "Laurens"}]},
        "no record",
        {"id": "2", "type": "book"},
    ]  # fmt: skip
    report = run(json.dumps(records), "papers.json")
    assert "paper                 1          0          0" in report
    assert "refused: record 2: It is no record." in report
    assert "refused: record 3: " in report
    assert names(Paper.objects.get()) == ["Laurens van der Maaten"]


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("papers.txt", "x", "papers.txt has to end in .bib (BibTeX) or .json (CSL-JSON)."),
        ("papers.json", "{", "papers.json is not JSON"),
        ("papers.json", "7", "papers.json has to hold a list of records."),
        ("papers.json", "[" * 100_000, "papers.json is not JSON"),
    ],
)
def test_a_file_that_is_none_is_refused_with_a_sentence(run, name, text, sentence):
    assert sentence in run(text, name)


def test_a_file_that_is_missing_or_not_utf_8_is_refused_with_a_sentence(tmp_path):
    with pytest.raises(CommandError, match="can't be read: No such file or directory"):
        call_command("import_papers", tmp_path / "none.bib")
    path = tmp_path / "latin1.bib"
    path.write_bytes("@article{a, title={é}}".encode("latin-1"))
    with pytest.raises(CommandError, match="is not in UTF-8"):
        call_command("import_papers", path)


def test_new_papers_cost_few_queries(tmp_path):
    def entries(start, number):
        return "\n".join(
            f"@article{{k{n}, title={{T}}, author={{Family{n}, A and Other{n}, B}}, doi={{10.1000/{n}}}}}"
            for n in range(start, start + number)
        )

    def count(text):
        with CaptureQueriesContext(connection) as queries:
            assert import_records(read_bibtex(text)[1]).counts["created"]
        return len(queries)

    assert count(entries(100, 100)) <= count(entries(0, 2)) + 2


def test_names_whose_addresses_are_alike_get_different_ones(run):
    run("@article{a, title={T}, doi={10.1000/a}, author={Wang, Wei and Wáng, Wei and {Wei Wang}}}")
    run("@article{b, title={T}, doi={10.1000/b}, author={Wàng, Wei and Wang, Wei}}")
    assert sorted(Author.objects.values_list("slug", flat=True)) == [
        "wei-wang",
        "wei-wang-2",
        "wei-wang-3",
        "wei-wang-4",
    ]


def test_a_file_too_large_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("papers.importing.MAX_BYTES", 10)
    path = tmp_path / "papers.bib"
    path.write_text("@article{a, title={T}}")
    with pytest.raises(ValueError, match="Split it"):
        read_records(path)
