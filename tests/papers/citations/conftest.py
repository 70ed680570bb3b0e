import pytest

from papers.models import Author, Authorship, Paper

CASES = {
    "a preprint": (
        {"title": "Language Models are Few-Shot Learners", "arxiv_id": "2005.14165", "issued": "2020-05-28"},
        [("Brown", "Tom B."), ("Mann", "Benjamin")],
    ),
    "an old preprint": ({"title": "The entropy formula", "arxiv_id": "math/0211159"}, [("Perelman", "Grisha")]),
    "particles, suffixes, groups": (
        {"title": "Names", "issued": "2021-07", "arxiv_id": "2107.00001"},
        [
            ("van der Maaten", "Laurens"),
            ("King", "Martin Luther", "Jr."),
            ("de la Vallée Poussin", "Charles-Jean", "III"),
            ("OpenAI Team",),
            ("Barnes and Noble, Inc.",),
            ("hooks", "bell"),
            ("García Márquez", "Gabriel"),
            ("Łukasiewicz", "Ján"),
            ("Müller", "Jürgen"),
            ("and", "Black and White"),
            ("张", "伟"),
        ],
    ),
    "an article": (
        {
            "type": "article-journal",
            "title": "Highly accurate protein structure prediction with AlphaFold",
            "container_title": "Nature & Science_#1",
            "publisher": "Springer {Nature}",
            "volume": "596",
            "number": "7873",
            "page": "583–589",
            "issued": "2021-07-15",
            "doi": "10.1038/s41586-021-03819-2",
            "abstract": "Proteins are 100% essential.\n\nThey fold in $O(n^2)$ <steps>.",
        },
        [("Jumper", "John")],
    ),
    "an early DOI": (
        {
            "type": "paper-conference",
            "title": "ÉTUDE of “Quotes” and 'apostrophes'",
            "container_title": "Proceedings of the ACM",
            "doi": "10.1002/(sici)1096-8644(199601)99:1<1::aid-ajpa1>3.0.co;2-1",
            "page": "e12",
            "issued": "1996",
        },
        [("Étienne", "Zoé")],
    ),
    "specials": (
        {"title": r"50% of $5 & #1_x {are} ~^| \frac <x> costs $10", "type": "report", "publisher": "AT&T"},
        [("O’Neil", "Cathy")],
    ),
    "unbalanced braces": (
        {"title": "A } in { a title", "type": "webpage", "url": "https://example.org/a{b}}c?d=1_2&e=%20"},
        [],
    ),
    "formulas": (
        {
            "title": r"$O(n^2)$ bounds for $\ell_1$-NORMS at 5% of $\{x \mid x > 0\}$",
            "type": "thesis",
            "issued": "2019-12",
        },
        [("Erdős", "Pál")],
    ),
    "a book": (
        {"title": "The Book of Why", "type": "book", "isbn": "9780306406157", "issued": "2018"},
        [("Pearl", "Judea")],
    ),
    "software": (
        {"title": "scikit-learn", "type": "software", "url": "https://scikit-learn.org/"},
        [("Pedregosa", "F.")],
    ),
    "nothing but an identifier": ({"arxiv_id": "1706.03762"}, []),
    "the same key": ({"title": "Names again", "issued": "2021", "arxiv_id": "2107.00002"}, [("van der Maaten", "L.")]),
    "a clash": ({"title": "Names!", "issued": "2021", "doi": "10.1000/names"}, [("Van der Maaten", "Laurens")]),
}


@pytest.fixture
def papers(db):
    """One paper of each case, in that order, as `with_authors()` brings them."""
    for fields, authors in CASES.values():
        paper = Paper(**fields)
        paper.clean()
        paper.full_clean()
        paper.save()
        for position, name in enumerate(authors):
            Authorship.objects.create(paper=paper, author=Author.objects.named(*name), position=position)
    return list(Paper.objects.with_authors().order_by("pk"))


@pytest.fixture
def paper(papers):
    """One paper by the name of its case."""
    return dict(zip(CASES, papers, strict=True)).__getitem__
