import re
import shutil
import subprocess

import bibtexparser
import pytest
from pybtex.database import parse_string
from pylatexenc.latex2text import LatexNodes2Text

from papers.citations.bibtex import citation_key, entry, write
from papers.markup import plain_tex as our_plain_tex
from papers.models import Paper
from papers.names import split_name


def test_a_preprint_is_written_with_its_arxiv_identifier(paper):
    assert entry(paper("a preprint")) == (
        "@misc{brown_language_2020,\n"
        "\tauthor = {Brown, Tom B. and Mann, Benjamin},\n"
        "\ttitle = {Language {Models} are {Few}-{Shot} {Learners}},\n"
        "\tyear = {2020},\n"
        "\tmonth = may,\n"
        "\tday = {28},\n"
        "\teprint = {2005.14165},\n"
        "\tarchivePrefix = {arXiv}\n"
        "}\n"
    )


@pytest.mark.parametrize(
    ("case", "line"),
    [
        ("an article", r"journal = {Nature \& Science\_\#1}"),
        ("an article", r"publisher = {Springer \{Nature\}}"),
        ("an article", "pages = {583--589}"),
        (
            "an article",
            r"abstract = {Proteins are 100\% essential. They fold in {$O(n^2)$} {\textless}steps{\textgreater}.}",
        ),
        ("an early DOI", "doi = {10.1002/(sici)1096-8644(199601)99:1<1::aid-ajpa1>3.0.co;2-1}"),
        ("an early DOI", "title = {{ÉTUDE} of “{Quotes}” and 'apostrophes'}"),
        ("specials", r"title = {50\% of \$5 \& \#1\_x \{are\} {\textasciitilde}"),
        ("specials", r"institution = {AT\&T}"),
        ("formulas", r"title = {{$O(n^2)$} bounds for {$\ell_1$}-{NORMS} at 5\% of {$\{x \mid x > 0\}$}}"),
        ("formulas", "month = dec"),
        ("unbalanced braces", "url = {https://example.org/a%7Bb%7D%7Dc?d=1_2&e=%20}"),
        ("a book", "isbn = {9780306406157}"),
    ],
)
def test_a_value_is_escaped_as_its_field_asks(paper, case, line):
    assert line in entry(paper(case))


@pytest.mark.parametrize(
    ("case", "key"),
    [
        ("particles, suffixes, groups", "van_der_maaten_names_2021"),
        ("an old preprint", "perelman_entropy_nodate"),
        ("an early DOI", "etienne_etude_1996"),
        ("formulas", "erdos_bounds_2019"),
        ("nothing but an identifier", "noauthor_notitle_nodate"),
    ],
)
def test_a_key_is_made_of_surname_word_and_year(paper, case, key):
    assert citation_key(paper(case)) == key


def test_keys_are_unique_in_a_file(papers):
    keys = re.findall(r"^@\w+\{(.+),$", "".join(write(papers)), re.MULTILINE)
    assert len(keys) == len(set(keys)) == len(papers)
    assert [key for key in keys if key.startswith("van")] == [
        "van_der_maaten_names_2021",
        "van_der_maaten_names_2021-1",
        "van_der_maaten_names_2021-2",
    ]
    assert all(re.fullmatch(r"[a-z0-9_-]+", key) for key in keys)


def names(paper):
    return [(author.family, author.given, author.suffix) for author in paper.authors_in_order()]


def plain_tex(text):
    """What TeX would print, by a reader that isn't ours; formulas as they are."""
    # pylatexenc lacks five of these and takes the last for an accent: stand-ins, which it leaves alone
    lacking = {
        "textless": ("‹", "<"),
        "textgreater": ("›", ">"),
        "textbar": ("¦", "|"),
        "textbraceleft": ("⦃", "{"),
        "textbraceright": ("⦄", "}"),
        "textasciicircum": ("‸", "^"),
    }
    for macro, (stand_in, _) in lacking.items():
        text = text.replace(f"{{\\{macro}}}", stand_in)
    read = LatexNodes2Text(math_mode="verbatim").latex_to_text(text)
    return read.translate(str.maketrans(dict(lacking.values())))


def same_values(paper, fields):
    assert plain_tex(fields["title"]) == " ".join(str(paper).split())
    assert fields.get("doi") == paper.doi
    assert fields.get("eprint") == paper.arxiv_id
    assert fields.get("year", "") == paper.year
    assert plain_tex(fields.get("abstract", "")) == " ".join(paper.abstract.split())
    assert plain_tex(fields.get("pages", "")) == paper.page


def test_bibtexparser_reads_back_what_was_written(papers):
    library = bibtexparser.parse_string("".join(write(papers)))
    assert not library.failed_blocks
    assert len(library.entries) == len(papers)
    for paper, read in zip(papers, library.entries, strict=True):
        fields = {name: field.value for name, field in read.fields_dict.items()}
        same_values(paper, fields)
        split = re.split(r"\s+and\s+(?![^{]*\})", fields["author"]) if "author" in fields else []
        assert [split_name(name) for name in split] == names(paper)


def test_pybtex_reads_back_what_was_written(papers):
    read = parse_string("".join(write(papers)), "bibtex")
    assert len(read.entries) == len(papers)
    for paper, entry_read in zip(papers, read.entries.values(), strict=True):
        same_values(paper, entry_read.fields)
        people = [
            tuple(
                plain_tex(" ".join(parts))
                for parts in (
                    person.prelast_names + person.last_names,
                    person.first_names + person.middle_names,
                    person.lineage_names,
                )
            )
            for person in entry_read.persons.get("author", [])
        ]
        assert people == names(paper)


def test_bibtex_itself_reads_what_was_written(papers, tmp_path):
    bibtex = shutil.which("bibtex") or shutil.which("bibtex.original")
    if bibtex is None:
        pytest.skip("BibTeX (Debian's texlive-binaries and texlive-base) is not installed.")
    (tmp_path / "all.bib").write_text("".join(write(papers)))
    (tmp_path / "all.aux").write_text("\\citation{*}\n\\bibstyle{plain}\n\\bibdata{all}\n")
    done = subprocess.run([bibtex, "all"], cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False)
    assert "error" not in done.stdout.lower(), done.stdout
    written = (tmp_path / "all.bbl").read_text()
    assert written.count("\\bibitem{") == len(papers)
    for expected in (
        "Laurens van~der Maaten",
        "Martin~Luther King, Jr.",
        "{OpenAI Team}",
        "{$O(n^2)$} bounds",
        "{NORMS}",
    ):
        assert expected in " ".join(written.split())


def test_our_own_importer_reads_back_what_was_written(papers):
    """But for formulas, which it writes in Unicode, and a backslash that is meant as such."""
    for paper, read in zip(papers, bibtexparser.parse_string("".join(write(papers))).entries, strict=True):
        if "\\" not in paper.title:
            assert our_plain_tex(read["title"]) == str(paper)
    assert our_plain_tex(r"{$O(n^2)$} Bounds at 5\% of {$N$} {\textless}") == "O(n²) Bounds at 5% of N <"


def test_a_single_paper_has_the_key_without_a_suffix(papers):
    assert entry(papers[-1]).startswith("@misc{van_der_maaten_names_2021,")
    assert isinstance(papers[-1], Paper)
