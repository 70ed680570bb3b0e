"""TeX formulas as MathML for browsers and as Unicode text for mail programs, which know no MathML."""

import re
from functools import cache
from typing import Any
from xml.etree import ElementTree

from latex2mathml import converter, exceptions
from pylatexenc.latex2text import (
    EnvironmentTextSpec,
    LatexNodes2Text,
    MacroTextSpec,
    SpecialsTextSpec,
    get_default_latex_context_db,
)
from pylatexenc.latexwalker import LatexMacroNode, LatexSpecialsNode, LatexWalkerError
from pylatexenc.latexwalker import get_default_latex_context_db as get_default_parsing_db
from pylatexenc.macrospec import LatexContextDb, MacroSpec, MacroStandardArgsParser, SpecialsSpec

MAX_LENGTH = 2_000  # characters of one formula
MAX_DEPTH = 40  # of braces
# What the two converters raise has no common base: a half formula brings them to an end wherever they are.
BROKEN_FORMULA: tuple[type[Exception], ...] = (
    *(error for error in vars(exceptions).values() if isinstance(error, type) and issubclass(error, Exception)),
    ElementTree.ParseError,
    LatexWalkerError,
    AttributeError,
    LookupError,
    RecursionError,
    StopIteration,
    TypeError,
    ValueError,
)
RAISED = str.maketrans("0123456789+-−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻")
LOWERED = str.maketrans("0123456789+-−", "₀₁₂₃₄₅₆₇₈₉₊₋₋")
FRACTIONS = ("frac", "dfrac", "tfrac", "cfrac")
COMBINING = {"overline": "\u0305", "widehat": "\u0302", "widetilde": "\u0303"}
# Commands that pylatexenc doesn't know: those that are words, and those that only say how a formula is set.
WORDS = {
    "Pr", "arg", "argmax", "argmin", "bmod", "cot", "coth", "csc", "deg", "det", "dim", "gcd", "hom", "ker", "lg", "mod", "sec",
}  # fmt: skip
LAYOUT = {
    "Big", "Bigg", "Biggl", "Biggr", "Bigl", "Bigm", "Bigr", "bf", "big", "bigg", "biggl", "biggr", "bigl", "bigm", "bigr",
    "bm", "bold", "boldsymbol", "boxed", "displaystyle", "hbox", "hline", "it", "left", "limits", "mathbin", "mathnormal",
    "mathop", "mathord", "mathrel", "mbox", "middle", "nolimits", "nonumber", "notag", "operatorname", "pmb", "right", "rm",
    "scriptstyle", "text", "textnormal", "textstyle", "texttt", "textup",
}  # fmt: skip


def to_mathml(tex: str, *, display: bool) -> ElementTree.Element:
    """Return a <math> element, its source in `alttext`. It is not sanitised: TeX can carry markup through.

    Raises ValueError where the formula can't be read.
    """
    if len(tex) > MAX_LENGTH:
        raise ValueError(f"it has over {MAX_LENGTH:,} characters")
    if not has_sound_braces(tex):
        raise ValueError("its braces don't match, or nest too deeply")
    known = re.sub(r"\\arg(?![A-Za-z])", r"\\operatorname{arg}", tex.replace("{aligned}", "{split}"))
    try:
        # The XML comes from our own converter, and a document type never stands in it.
        math = ElementTree.fromstring(converter.convert(known))  # noqa: S314
    except BROKEN_FORMULA as error:
        raise ValueError("it can't be read") from error
    for element in math.iter():
        element.tag = element.tag.rpartition("}")[2]
        if (element.text or "").startswith("\\") and len(element.text or "") > 1:
            raise ValueError(f"“{element.text}” is not known")
    math.set("display", "block" if display else "inline")
    math.set("alttext", tex)
    return math


def has_sound_braces(tex: str) -> bool:
    """Whether every brace is closed, and none lies deeper than anybody can read."""
    depth = 0
    for brace in re.findall(r"[{}]", re.sub(r"\\.", "", tex)):
        depth += 1 if brace == "{" else -1
        if not 0 <= depth <= MAX_DEPTH:
            return False
    return depth == 0


def to_unicode(tex: str) -> str:
    """Return the formula as one line of Unicode text; the TeX itself where it can't be read."""
    if len(tex) > MAX_LENGTH or not has_sound_braces(tex):
        return tex
    parsing, writing = contexts()
    reader = LatexNodes2Text(latex_context=writing, math_mode="text", strict_latex_spaces="based-on-source")
    # TeX reads x_\mathrm{max} as x_{\mathrm{max}}, pylatexenc doesn't.
    braced = re.sub(r"([_^])(\\[A-Za-z]+\{[^{}]*\})", r"\1{\2}", tex)
    try:
        text = reader.latex_to_text(braced, latex_context=parsing, tolerant_parsing=False)
    except BROKEN_FORMULA:
        return tex
    return re.sub(r"\s+", " ", text).strip().replace(" - ", " − ") or tex


@cache
def contexts() -> tuple[LatexContextDb, LatexContextDb]:
    """How pylatexenc reads TeX and how it writes text: with brackets wherever a bar, a height or a frame was."""
    scripts = [SpecialsSpec(mark, args_parser=MacroStandardArgsParser("{")) for mark in "^_"]
    parsing = get_default_parsing_db()
    pairs = [MacroSpec(name, "{{") for name in (*FRACTIONS, "binom")]
    parsing.add_context_category("one-line", macros=pairs, specials=scripts, prepend=True)
    writing = get_default_latex_context_db()
    matrix = writing.get_environment_spec("pmatrix").simplify_repl
    matrices = ("matrix", "vmatrix", "Vmatrix", "Bmatrix")
    writing.add_context_category(
        "one-line",
        macros=[
            *(MacroTextSpec(name, simplify_repl=fraction_as_text) for name in FRACTIONS),
            *(MacroTextSpec(name, simplify_repl=accent_as_text) for name in COMBINING),
            MacroTextSpec("sqrt", simplify_repl=root_as_text),
            MacroTextSpec("binom", simplify_repl="binom(%s, %s)"),
            MacroTextSpec("|", simplify_repl="‖"),
        ],
        environments=[
            EnvironmentTextSpec("cases", simplify_repl=cases_as_text),
            *(EnvironmentTextSpec(name, simplify_repl=matrix) for name in matrices),
        ],
        specials=[SpecialsTextSpec(mark, simplify_repl=script_as_text) for mark in "^_"],
        prepend=True,
    )
    writing.set_unknown_macro_spec(MacroTextSpec("", simplify_repl=unknown_as_text))
    return parsing, writing


def fraction_as_text(node: Any, l2tobj: LatexNodes2Text) -> str:
    """(a − b)/c: with the brackets that a fraction needs once its bar is gone."""
    parts = [l2tobj.nodelist_to_text([argument]).strip() for argument in node.nodeargd.argnlist]
    return "/".join(part if re.fullmatch(r"\w|[\d.]*", part) else f"({part})" for part in parts)


def accent_as_text(node: Any, l2tobj: LatexNodes2Text) -> str:
    text: str = l2tobj.nodelist_to_text(node.nodeargd.argnlist)
    if len(text) != 1:
        raise ValueError(f"a line over “{text}” can't be written as text")
    return text + COMBINING[node.macroname]


def unknown_as_text(node: Any, l2tobj: LatexNodes2Text) -> str:
    """Refuse what is not known, so that the formula's source is shown: a formula that lacks a part says another thing."""
    if node.macroname in LAYOUT:
        return ""
    if node.macroname in WORDS:
        return f"{node.macroname} "
    raise ValueError(f"\\{node.macroname} is not known")


def root_as_text(node: Any, l2tobj: LatexNodes2Text) -> str:
    """√(a + b), ³√(x)."""
    index, radicand = (l2tobj.nodelist_to_text([part]).strip() if part else "" for part in node.nodeargd.argnlist)
    return f"{index.translate(RAISED)}√({radicand})"


def script_as_text(node: Any, l2tobj: LatexNodes2Text) -> str:
    """x², x₁, x⁺, x^n, x^(2n)."""
    text: str = l2tobj.nodelist_to_text(node.nodeargd.argnlist).strip()
    if re.fullmatch(r"[-+−]?\d+|[-+−]", text):
        return text.translate(RAISED if node.specials_chars == "^" else LOWERED)
    is_plain = len(text) == 1 or re.fullmatch(r"\([^()]*\)", text)
    return f"{node.specials_chars}{text if is_plain else f'({text})'}"


def cases_as_text(node: Any, l2tobj: LatexNodes2Text) -> str:
    """{ 1, x > 0; 0, else }."""

    def as_text(child: Any) -> str:
        if isinstance(child, LatexMacroNode) and child.macroname == "\\":
            return "; "
        if isinstance(child, LatexSpecialsNode) and child.specials_chars == "&":
            return ", "
        text: str = l2tobj.nodelist_to_text([child])
        return text

    cells = re.split(r"\s*([,;])[\s,]*", "".join(map(as_text, node.nodelist)).strip().rstrip(";"))
    return "{ " + "".join(f"{cell} " if cell in {",", ";"} else cell for cell in cells).strip() + " }"
