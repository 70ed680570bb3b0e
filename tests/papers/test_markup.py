"""Text from TeX, JATS and HTML, names, and what people paste."""

import time

import pytest

from papers.errors import BadIdentifier
from papers.identifiers import parse_isbn
from papers.markup import plain_markup, plain_tex
from papers.names import split_name
from papers.recognising import Recognised, recognise


@pytest.mark.parametrize(
    ("tex", "text"),
    [
        (r"Poincar\'e, G\"odel, {\'E}tale, Fran\c{c}ois", "Poincaré, Gödel, Étale, François"),
        (r"{\L}ukasz, \v{S}, {\o}, \'{\i}", "Łukasz, Š, ø, í"),
        (r"3 \pm 1", "3 ±1"),
        (r"$\alpha$-divergence in $\mathbb{R}^n$", "α-divergence in ℝⁿ"),
        (r"$x_i^2$ and $n \leq 10^{-3}$", "xᵢ² and n ≤ 10⁻³"),
        (r"$\frac{a+b}{c}$, $O(n \log n)$, $\sqrt{d_k}$", "(a+b)/c, O(n log n), √(d_k)"),
        ("costs $5 and $6 more", "costs $5 and $6 more"),
        ("50% of it, and 5\\% more", "50% of it, and 5% more"),
        (r"\emph{very} \textbf{bold} {\em too}", "very bold too"),
        ("{BERT}: Pre-training", "BERT: Pre-training"),
        ("``quoted'' --- x -- y", "“quoted” — x – y"),
        (r"H\textsubscript{2}O", "H₂O"),
        ("at https://example.org/~ada/a_b", "at https://example.org/~ada/a_b"),
        ("hard\n  wrapped\n", "hard wrapped"),
        (r"\unknowncommand stays", r"\unknowncommand stays"),
        (r"broken $x^{2$ and \begin{x", r"broken x^{2 and \begin{x"),
        ("e\u0301", "é"),
        ("", ""),
    ],
)  # fmt: skip
def test_tex_becomes_plain_text(tex, text):
    assert plain_tex(tex) == text


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<jats:title>Abstract</jats:title><jats:p>We <jats:italic>do</jats:italic>.</jats:p><jats:p>Then.</jats:p>", "We do. Then."),
        ("<jats:sec><jats:title>Background</jats:title><jats:p>Cells.</jats:p></jats:sec>", "Background: Cells."),
        ("H<sub>2</sub>O, 10<jats:sup>-3</jats:sup>, 5<sup>th</sup>, L<sub>max</sub>", "H₂O, 10⁻³, 5th, L_max"),
        ("a &lt; b &amp; c", "a < b & c"),
        ("a<b and c>d", "a<b and c>d"),
        ("AT&amp;amp;T &amp;lt;i&amp;gt;E. coli&amp;lt;/i&amp;gt;", "AT&T E. coli"),
        ("<p>unclosed <b>x", "unclosed x"),
        ("<mml:math><mml:msup><mml:mi>α</mml:mi><mml:mn>2</mml:mn></mml:msup></mml:math>", "α²"),
        (
            "<jats:alternatives><jats:tex-math>$$\\alpha^2$$</jats:tex-math>"
            "<mml:math><mml:mi>α</mml:mi></mml:math></jats:alternatives>",
            "α²",
        ),
        ("Title with $\\alpha$ and 100%", "Title with α and 100%"),
        ("<script>alert(1)</script>ok", "ok"),
    ],
)  # fmt: skip
def test_markup_becomes_plain_text(markup, text):
    assert plain_markup(markup) == text


@pytest.mark.parametrize(
    "hostile", ["<sup>" * 50_000, "<" * 50_000, "{" * 50_000, "$a " * 5_000, "\\(" * 5_000, "&lt;" * 50_000]
)
def test_no_text_takes_long(hostile):
    start = time.process_time()
    plain_tex(hostile)
    plain_markup(hostile)
    assert time.process_time() - start < 5  # seconds; it is a fraction of one


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Tom B. Brown", ("Brown", "Tom B.", "")),
        ("Laurens van der Maaten", ("van der Maaten", "Laurens", "")),
        ("van der Maaten, Laurens", ("van der Maaten", "Laurens", "")),
        ("María de la Cruz", ("de la Cruz", "María", "")),
        ("Sammy Davis Jr.", ("Davis", "Sammy", "Jr.")),
        ("King, Jr., Martin Luther", ("King", "Martin Luther", "Jr.")),
        ("John Smith III", ("Smith", "John", "III")),
        ("OpenAI", ("OpenAI", "", "")),
        ("The ATLAS Collaboration", ("The ATLAS Collaboration", "", "")),
        ("{OpenAI Team}", ("OpenAI Team", "", "")),
        ("{Barnes and Noble}", ("Barnes and Noble", "", "")),
        (r"{\'E}mile Zola", ("Zola", "Émile", "")),
        (r"{\L}ukasz Kaiser", ("Kaiser", "Łukasz", "")),
        ("{van der} Berg, Jan", ("van der Berg", "Jan", "")),
        ("Team, A.", ("Team", "A.", "")),
        ("", ("", "", "")),
    ],
)
def test_a_name_is_taken_apart(text, name):
    assert split_name(text) == name


@pytest.mark.parametrize(
    ("text", "isbn"),
    [
        ("0-306-40615-2", "9780306406157"),
        ("ISBN 0-8044-2957-X", "9780804429573"),
        ("0123456789", "9780123456786"),
        ("978 0 306 40615 7", "9780306406157"),
        ("ISBN-13: 978-0-306-40615-7", "9780306406157"),
    ],
)
def test_an_isbn_is_stored_with_its_13_digits(text, isbn):
    assert parse_isbn(text) == isbn


@pytest.mark.parametrize("text", ["0-306-40615-3", "978-0-306-40615-8", "12345", "", "97803064061570", "X123456789"])
def test_what_is_no_isbn_is_refused(text):
    with pytest.raises(BadIdentifier):
        parse_isbn(text)


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("2005.14165", "arxiv", "2005.14165"),
        ("math.CA/0611800v2", "arxiv", "math/0611800"),
        ("https://arxiv.org/pdf/0706.0001.pdf", "arxiv", "0706.0001"),
        ("https://doi.org/10.48550/arXiv.2202.01037", "arxiv", "2202.01037"),
        ("Brown et al. (2020), arXiv:2005.14165v4 [cs.CL].", "arxiv", "2005.14165"),
        ("10.1016/S0027-9684(15)31340-7", "doi", "10.1016/s0027-9684(15)31340-7"),
        ("See doi:10.7717/peerj.4375.", "doi", "10.7717/peerj.4375"),
        ("https://dl.acm.org/doi/10.1145/3442188.3445922?x=1", "doi", "10.1145/3442188.3445922"),
        ("https://www.tandfonline.com/doi/full/10.1080/01621459.2017.1285773", "doi", "10.1080/01621459.2017.1285773"),
        ("https://link.springer.com/article/10.1007%2Fs11263-015-0816-y", "doi", "10.1007/s11263-015-0816-y"),
        ("https://www.biorxiv.org/content/10.1101/2020.01.01.123456v1.full", "doi", "10.1101/2020.01.01.123456"),
        ("@article{x, doi={10.1038/nature14539}, }", "doi", "10.1038/nature14539"),
        ("Knuth, ISBN 0-306-40615-2, 1968", "isbn", "9780306406157"),
        ("https://openreview.net/forum?id=abc", "address", "https://openreview.net/forum?id=abc"),
        ("see https://Example.org/a.", "address", "https://example.org/a"),
    ],
)
def test_what_people_paste_is_recognised(text, kind, value):
    found = recognise(text)
    assert (found.kind, found.value) == (kind, value)


def test_the_version_that_was_pasted_is_kept():
    assert recognise("arxiv.org/abs/1501.00001v1") == Recognised("arxiv", "1501.00001", 1)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("1234.12345", "check its year, month and number of digits"),
        ("0-306-40615-3", "its last digit doesn't fit the others"),
        ("nothing", "There is no arXiv identifier, DOI, ISBN or address in this"),
        ("", "There is no arXiv identifier"),
        ("javascript:alert(1)", "There is no arXiv identifier"),
    ],
)
def test_what_is_nothing_is_refused_with_a_sentence(text, sentence):
    with pytest.raises(BadIdentifier, match=sentence):
        recognise(text)
