import rispy

from papers.citations.ris import record, write


def test_an_article_is_written_line_by_line(paper):
    assert record(paper("an article")).split("\r\n") == [
        "TY  - JOUR",
        "AU  - Jumper, John",
        "TI  - Highly accurate protein structure prediction with AlphaFold",
        "T2  - Nature & Science_#1",
        "PB  - Springer {Nature}",
        "VL  - 596",
        "IS  - 7873",
        "SP  - 583",
        "EP  - 589",
        "PY  - 2021",
        "DA  - 2021/07/15/",
        "DO  - 10.1038/s41586-021-03819-2",
        "AB  - Proteins are 100% essential. They fold in $O(n^2)$ <steps>.",
        "ER  - ",
        "",
    ]


def test_a_month_leaves_the_day_empty_and_a_year_needs_no_date(paper):
    assert "DA  - 2021/07//\r\n" in record(paper("particles, suffixes, groups"))
    assert "DA  - " not in record(paper("a book"))


def test_rispy_reads_back_what_was_written(papers):
    records = rispy.loads("".join(write(papers)))
    assert len(records) == len(papers)
    for paper, read in zip(papers, records, strict=True):
        assert read["title"] == str(paper)
        assert read.get("doi") == paper.doi
        assert read.get("year", "") == paper.year
        assert read.get("abstract", "") == " ".join(paper.abstract.split())
        assert read.get("authors", []) == [
            ", ".join(part for part in (author.family, author.given, author.suffix) if part)
            for author in paper.authors_in_order()
        ]
        assert (paper.arxiv_id is None) or read["urls"] == [f"https://arxiv.org/abs/{paper.arxiv_id}"]


def test_no_line_break_in_a_value_can_begin_a_record(paper):
    broken = paper("an article")
    broken.abstract = "Fine.\r\nER  - \r\nTY  - BOOK"
    assert record(broken).count("\r\nER  - ") == 1
