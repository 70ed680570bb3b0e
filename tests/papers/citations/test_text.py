import pytest
from django.utils.html import strip_tags

from papers.citations.text import STYLES
from papers.models import Author, Authorship, Paper

pytestmark = pytest.mark.django_db

GPT_3 = {
    "type": "article",
    "title": "Language Models are Few-Shot Learners",
    "arxiv_id": "2005.14165",
    "issued": "2020-05-28",
}
ALPHAFOLD = {
    "type": "article-journal",
    "title": "Highly accurate protein structure prediction with AlphaFold",
    "container_title": "Nature",
    "volume": "596",
    "number": "7873",
    "page": "583-589",
    "issued": "2021-07-15",
    "doi": "10.1038/s41586-021-03819-2",
}
PARROTS = {
    "type": "paper-conference",
    "title": "On the Dangers of Stochastic Parrots: Can Language Models Be Too Big?",
    "container_title": "Proceedings of FAccT ’21",
    "publisher": "ACM",
    "page": "610–623",
    "issued": "2021-03",
    "doi": "10.1145/3442188.3445922",
}
BOOK = {"type": "book", "title": "The “Book” of Why", "publisher": "Basic Books", "issued": "2018"}
BROWN, MANN, RYDER = ("Brown", "Tom B."), ("Mann", "Benjamin"), ("Ryder", "Nick")


@pytest.fixture
def cite():
    def cited(fields, authors, style):
        paper = Paper(**{"doi": None, **fields})
        paper.clean()
        paper.save()
        for position, name in enumerate(authors):
            Authorship.objects.create(paper=paper, author=Author.objects.named(*name), position=position)
        return strip_tags(STYLES[style](paper)).replace("&amp;", "&")

    return cited


@pytest.mark.parametrize(
    ("fields", "authors", "style", "text"),
    [
        (
            GPT_3,
            [BROWN, MANN],
            "APA",
            "Brown, T. B., & Mann, B. (2020). Language Models are Few-Shot Learners (arXiv:2005.14165). arXiv. "
            "https://arxiv.org/abs/2005.14165",
        ),
        (
            GPT_3,
            [BROWN, MANN],
            "MLA",
            "Brown, Tom B., and Benjamin Mann. “Language Models are Few-Shot Learners.” arXiv, 28 May 2020, "
            "https://arxiv.org/abs/2005.14165.",
        ),
        (
            GPT_3,
            [BROWN, MANN],
            "Chicago",
            "Brown, Tom B., and Benjamin Mann. 2020. “Language Models are Few-Shot Learners.” Preprint, arXiv, May 28. "
            "https://arxiv.org/abs/2005.14165.",
        ),
        (
            ALPHAFOLD,
            [("Jumper", "John"), ("van der Maaten", "Laurens"), ("King", "Martin Luther", "Jr.")],
            "APA",
            "Jumper, J., van der Maaten, L., & King, M. L., Jr. (2021). "
            "Highly accurate protein structure prediction with AlphaFold. Nature, 596(7873), 583–589. "
            "https://doi.org/10.1038/s41586-021-03819-2",
        ),
        (
            ALPHAFOLD,
            [("Jumper", "John"), MANN, RYDER],
            "MLA",
            "Jumper, John, et al. “Highly accurate protein structure prediction with AlphaFold.” Nature, vol. 596, "
            "no. 7873, 2021, pp. 583–589, https://doi.org/10.1038/s41586-021-03819-2.",
        ),
        (
            ALPHAFOLD,
            [("Jumper", "John"), MANN, RYDER],
            "Chicago",
            "Jumper, John, Benjamin Mann, and Nick Ryder. 2021. “Highly accurate protein structure prediction with "
            "AlphaFold.” Nature 596 (7873): 583–589. https://doi.org/10.1038/s41586-021-03819-2.",
        ),
        (
            PARROTS,
            [("OpenAI Team",)],
            "APA",
            "OpenAI Team. (2021). On the Dangers of Stochastic Parrots: Can Language Models Be Too Big? "
            "In Proceedings of FAccT ’21 (pp. 610–623). ACM. https://doi.org/10.1145/3442188.3445922",
        ),
        (
            PARROTS,
            [("Bender", "Emily M.")],
            "Chicago",
            "Bender, Emily M. 2021. “On the Dangers of Stochastic Parrots: Can Language Models Be Too Big?” "
            "In Proceedings of FAccT ’21, 610–623. ACM. https://doi.org/10.1145/3442188.3445922.",
        ),
        (BOOK, [("Pearl", "Jean-Paul")], "APA", "Pearl, J.-P. (2018). The “Book” of Why. Basic Books."),
        (BOOK, [("Pearl", "Judea")], "MLA", "Pearl, Judea. The “Book” of Why. Basic Books, 2018."),
        (BOOK, [], "Chicago", "The “Book” of Why. 2018. Basic Books."),
        ({"title": "A “quoted” <thing>"}, [], "APA", "A “quoted” &lt;thing&gt;. (n.d.)."),
        ({"title": "A “quoted” thing", "type": "webpage"}, [], "MLA", "“A ‘quoted’ thing.”"),
        (
            {"arxiv_id": "2005.14165"},
            [],
            "Chicago",
            "“arXiv:2005.14165.” n.d. Preprint, arXiv. https://arxiv.org/abs/2005.14165.",
        ),
        (
            {"title": "A page", "type": "webpage", "issued": "2020-05", "url": "https://example.org/a"},
            [BROWN],
            "APA",
            "Brown, T. B. (2020, May). A page. https://example.org/a",
        ),
    ],
)
def test_a_paper_is_cited_as_the_style_has_it(cite, fields, authors, style, text):
    assert cite(fields, authors, style) == text


@pytest.mark.parametrize(
    ("count", "style", "opening"),
    [
        (20, "APA", "A18, G., & A19, G. (2020)"),
        (21, "APA", "A18, G., … A20, G. (2020)"),
        (6, "Chicago", "G A4, and G A5. 2020."),
        (7, "Chicago", "A0, G, G A1, G A2, et al. 2020."),
        (3, "MLA", "A0, G, et al. “"),
    ],
)
def test_many_authors_are_shortened_as_the_style_has_it(cite, count, style, opening):
    assert opening in cite(GPT_3, [(f"A{number}", "G") for number in range(count)], style)
