"""Formulas: MathML for browsers, and one line of Unicode for mail programs that says the same."""

from xml.etree import ElementTree

import pytest

from issues.mathematics import to_mathml, to_unicode
from tests.issues.hostile import FORMULAS


@pytest.mark.parametrize(
    ("tex", "text"),
    [
        (r"\hat{y} = \sigma(Wx + b)", "ŷ = σ(Wx + b)"),
        (r"\frac{1}{2}", "1/2"),
        (r"\frac{1}{2\pi}", "1/(2π)"),
        (r"\frac{a - b}{c}", "(a − b)/c"),
        (r"\frac{\frac{a}{b}}{c}", "(a/b)/c"),
        (r"\tfrac12", "1/2"),
        (r"x^2 + x_1^{10} + 10^{-3}", "x² + x₁¹⁰ + 10⁻³"),
        (r"f(x^+) - f(x^{-})", "f(x⁺) − f(x⁻)"),
        (r"x^{2n}", "x^(2n)"),
        (r"x_{i+1}", "x_(i+1)"),
        (r"x_\mathrm{max}", "x_(max)"),
        (r"\mathbf{x}^{(i)}", "𝐱^(i)"),
        (r"\sum_{i=1}^{n} x_i^2", "∑_(i=1)^n x_i²"),
        (r"\int_0^\infty e^{-x}\,dx", "∫₀^∞e^(-x) dx"),
        (r"\sqrt{a + b}", "√(a + b)"),
        (r"\sqrt[3]{x}", "³√(x)"),
        (r"\binom{n}{k}", "binom(n, k)"),
        (r"\operatorname{softmax}\left(\frac{QK^\top}{\sqrt{d_k}}\right)V", "softmax((QK^⊤)/(√(d_k)))V"),
        (r"\arg\max_\theta \mathcal{L}(\theta)", "arg max_θℒ(θ)"),
        (r"\text{KL}(p \| q)", "KL(p ‖ q)"),
        (r"\mathbb{E}_{x \sim p}[\log q(x)]", "𝔼_(x ∼ p)[log q(x)]"),
        (r"f(x) = \begin{cases} 1, & x > 0 \\ 0 & \text{else} \end{cases}", "f(x) = { 1, x > 0; 0, else }"),
        (r"\begin{pmatrix} a & b \\ c & d \end{pmatrix}", "[ a b; c d ]"),
        (r"\begin{matrix} a & b \\ c & d \end{matrix}", "[ a b; c d ]"),
        (r"\begin{aligned} a &= b \\ &= c \end{aligned}", "a = b = c"),
        (r"\overline{x}", "x\u0305"),
        (r"100\%", "100%"),
    ],
)
def test_a_formula_in_a_mail_says_what_it_says_on_the_page(tex, text):
    assert to_unicode(tex) == text
    to_mathml(tex, display=False)


@pytest.mark.parametrize(
    "tex", [r"\overline{AB}", r"\ce{H2O}", r"\overset{a}{b}", r"\frac{a", r"\frac", "}{", r"\input{/etc/passwd}"]
)
def test_a_formula_that_text_cannot_say_stays_tex_in_a_mail(tex):
    assert to_unicode(tex) == tex


def texts(math, tag):
    return ["".join(element.itertext()) for element in math.iter(tag)]


def test_a_formula_becomes_mathml_with_its_source_beside_it():
    math = to_mathml(r"\frac{a}{\sqrt{b}}", display=True)
    assert (math.tag, math.get("display"), math.get("alttext")) == ("math", "block", r"\frac{a}{\sqrt{b}}")
    assert texts(math, "mfrac") == ["ab"]
    assert texts(math, "msqrt") == ["b"]


def test_cases_sums_and_matrices_become_tables_and_limits():
    assert texts(to_mathml(r"\begin{cases} 1 & a \\ 0 & b \end{cases}", display=True), "mtr") == ["1a", "0b"]
    assert texts(to_mathml(r"\begin{pmatrix} a & b \\ c & d \end{pmatrix}", display=True), "mtd") == [
        "a",
        "b",
        "c",
        "d",
    ]
    assert texts(to_mathml(r"\begin{aligned} a &= b \\ &= c \end{aligned}", display=True), "mtr") == ["a=b", "=c"]
    assert "∑" in "".join(to_mathml(r"\sum_{i=1}^n i", display=True).itertext())


@pytest.mark.parametrize("tex", [r"\frac{a", "}{", r"\left(", r"\unknown{a}", "x" * 2001, "{" * 50 + "}" * 50])
def test_a_formula_that_cannot_be_read_says_so(tex):
    with pytest.raises(ValueError, match=r"can't be read|not known|braces|characters"):
        to_mathml(tex, display=False)


@pytest.mark.parametrize("tex", FORMULAS)
def test_no_formula_brings_the_renderer_down(tex):
    assert to_unicode(tex)
    try:
        ElementTree.tostring(to_mathml(tex, display=False))
    except ValueError as error:
        assert str(error)  # noqa: PT017
