"""TeX formulas as MathML for browsers and as Unicode text for mail programs, which know no MathML."""

import re
from xml.etree import ElementTree

from latex2mathml import converter, exceptions
from pylatexenc.latex2text import LatexNodes2Text, MacroTextSpec, get_default_latex_context_db
from pylatexenc.latexwalker import LatexMacroNode, LatexWalkerError

MAX_LENGTH = 2_000  # characters of one formula
# What latex2mathml raises has no common base.
BROKEN_FORMULA: tuple[type[Exception], ...] = (
    *(error for error in vars(exceptions).values() if isinstance(error, type) and issubclass(error, Exception)),
    ElementTree.ParseError,
    IndexError,
    KeyError,
    ValueError,
    RecursionError,
)


def to_mathml(tex: str, *, display: bool) -> ElementTree.Element:
    """Return a <math> element, its source in `alttext`. It is not sanitised: TeX can carry markup through.

    Raises ValueError where the formula can't be read.
    """
    if len(tex) > MAX_LENGTH:
        raise ValueError("the formula is too long")
    try:
        # The XML comes from our own converter, and a document type never stands in it.
        math = ElementTree.fromstring(converter.convert(tex))  # noqa: S314
    except BROKEN_FORMULA as error:
        raise ValueError(f"the formula can't be read: {type(error).__name__}") from error
    for element in math.iter():
        element.tag = element.tag.rpartition("}")[2]
    math.set("display", "block" if display else "inline")
    math.set("alttext", tex)
    return math


def to_unicode(tex: str) -> str:
    """Return the formula as one line of Unicode text; the TeX itself where it can't be read."""
    context = get_default_latex_context_db()
    fractions = [MacroTextSpec(name, simplify_repl=fraction_as_text) for name in ("frac", "dfrac", "tfrac")]
    context.add_context_category("fractions", macros=fractions, prepend=True)
    reader = LatexNodes2Text(latex_context=context, math_mode="text", strict_latex_spaces=False)
    try:
        text = reader.latex_to_text(tex)
    except (*BROKEN_FORMULA, LatexWalkerError):
        return tex
    return re.sub(r"\s+", " ", text).strip() or tex


def fraction_as_text(node: LatexMacroNode, l2tobj: LatexNodes2Text) -> str:
    """(a − b)/c: with the brackets that a fraction needs once its bar is gone."""
    parts = [l2tobj.nodelist_to_text([argument]).strip() for argument in node.nodeargd.argnlist]
    return "/".join(part if re.fullmatch(r"[\w.]*", part) else f"({part})" for part in parts)
