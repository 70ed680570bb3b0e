"""Titles, abstracts and names as services and BibTeX files write them, with TeX, JATS XML or HTML, as plain text."""

import html
import re
import unicodedata
from functools import cache, lru_cache
from html.parser import HTMLParser
from typing import Any

from pylatexenc.latex2text import (
    LatexNodes2Text,
    MacroTextSpec,
    SpecialsTextSpec,
    get_default_latex_context_db,
)
from pylatexenc.latexwalker import LatexWalkerError
from pylatexenc.latexwalker import get_default_latex_context_db as get_default_parsing_db
from pylatexenc.macrospec import LatexContextDb, MacroSpec, MacroStandardArgsParser, SpecialsSpec

MAX_TEX = 20_000  # characters; above it TeX stays as it is, as reading it could take long
# Pandoc's rule, so that “from $5 to $10” is no formula: no white space inside the dollars, no digit after the last.
FORMULA = re.compile(
    r"(?<!\\)\$\$?(?=\S)((?:[^$\\]|\\.)+?)(?<=\S)\$\$?(?!\d)|\\\((.+?)\\\)|\\\[(.+?)\\\]|\\ensuremath\{([^{}]*)\}",
    re.DOTALL,
)
# {\"o}, \'{e}, \'e and {BERT}; not the argument of a command.
ISLAND = re.compile(
    r"\{\\[^{}\s]{1,20}(?:\{[^{}]{0,20}\})?\}|\\['\"`^~=.](?:\{\\?[A-Za-z]\}|\\?[A-Za-z](?![A-Za-z]*\{))"
    r"|(?<![A-Za-z}\]'\"`^~=.])\{[^{}\\$%~`'-]{1,60}\}"
)
TEX = re.compile(r"\\[A-Za-z'\"`^~=.%&$#_{}(\[]|\$[^$]+\$")
STYLES = ("bf", "bfseries", "em", "it", "itshape", "rm", "sc", "scshape", "sf", "sl", "small", "tt")  # {\\bf text}
RAISED = str.maketrans("0123456789+-−=()ni", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿⁱ")
LOWERED = str.maketrans("0123456789+-−=()aeijnx", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑᵢⱼₙₓ")
# What a formula that is not well-formed raises has no common base.
BROKEN_TEX = (LatexWalkerError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


def one_line(text: str) -> str:
    """On one line, in Unicode's composed form, without control characters and the lone surrogates that JSON allows."""
    text = "".join(" " if unicodedata.category(character) in {"Cc", "Cs"} else character for character in text)
    return " ".join(unicodedata.normalize("NFC", text).split())


CHARACTERS = {
    "textless": "<",
    "textgreater": ">",
    "textbar": "|",
    "textbraceleft": "{",
    "textbraceright": "}",
    "textasciicircum": "^",
}  # that pylatexenc doesn't know, or takes for an accent


def plain_tex(text: str) -> str:
    r"""TeX as one line of plain text: accents composed, \pm as ±, $x^2$ as x², braces gone.

    What can't be read stays as it was written. An unescaped % is a per cent sign here, and ~ inside an address stays.
    """
    if len(text) > MAX_TEX:
        return one_line(text)
    text = re.sub(r"\{(\$[^$]+\$)\}", r"\1", text)  # The braces keep BibTeX from lowering the formula's letters.
    parts, end = [], 0
    for match in FORMULA.finditer(text):
        parts += [prose(text[end : match.start()]), formula(next(group for group in match.groups() if group))]
        end = match.end()
    return one_line("".join([*parts, prose(text[end:])]))


def prose(tex: str) -> str:
    """Accents and braced words are read by themselves, as they come again and again; the rest only if there is more."""
    tex = ISLAND.sub(lambda match: read(match[0], "text"), tex)
    if not re.search(r"[\\{}~]|``|''|--", tex):
        return tex
    tex = re.sub(r"(?<!\\)%", r"\\%", tex)
    tex = re.sub(r"(?<=/)~", r"\\textasciitilde{}", tex)
    return read(tex, "text")


def formula(tex: str) -> str:
    return read(tex, "formula").strip()


@lru_cache(maxsize=10_000)
def read(tex: str, kind: str) -> str:
    parsing, writing = contexts(kind)
    spaces = True if kind == "text" else "based-on-source"  # In formulas TeX drops spaces that a reader needs.
    reader = LatexNodes2Text(latex_context=writing, math_mode="text", strict_latex_spaces=spaces)
    try:
        return str(reader.latex_to_text(tex, latex_context=parsing, tolerant_parsing=False))
    except BROKEN_TEX:
        return tex


@cache
def contexts(kind: str) -> tuple[LatexContextDb, LatexContextDb]:
    """How pylatexenc reads TeX, and how it writes text; ^ and _ mean something only in formulas."""
    parsing, writing = get_default_parsing_db(), get_default_latex_context_db()
    scripts = [SpecialsSpec(mark, args_parser=MacroStandardArgsParser("{")) for mark in "^_"]
    parsing.add_context_category(
        "ours",
        macros=[MacroSpec("href", "{{"), MacroSpec("textsuperscript", "{"), MacroSpec("textsubscript", "{")],
        specials=scripts if kind == "formula" else [],
        prepend=True,
    )
    writing.add_context_category(
        "ours",
        macros=[
            MacroTextSpec("href", simplify_repl="%(2)s"),
            MacroTextSpec("url", simplify_repl="%s"),
            *(MacroTextSpec(name, simplify_repl=character) for name, character in CHARACTERS.items()),
            *(MacroTextSpec(name, simplify_repl="") for name in ("cite", "citep", "citet", "footnote", "label")),
            *(MacroTextSpec(name, simplify_repl="") for name in STYLES),
            *(MacroTextSpec(name, simplify_repl=fraction) for name in ("frac", "dfrac", "tfrac")),
            MacroTextSpec("textsuperscript", simplify_repl=lambda node, l2tobj: raised(argument(node, l2tobj))),
            MacroTextSpec("textsubscript", simplify_repl=lambda node, l2tobj: lowered(argument(node, l2tobj))),
        ],
        specials=[SpecialsTextSpec(mark, simplify_repl=script) for mark in "^_"] if kind == "formula" else [],
        prepend=True,
    )
    writing.set_unknown_macro_spec(MacroTextSpec("", simplify_repl=as_written))
    return parsing, writing


def argument(node: Any, l2tobj: LatexNodes2Text) -> str:
    return str(l2tobj.nodelist_to_text(node.nodeargd.argnlist)).strip()


def script(node: Any, l2tobj: LatexNodes2Text) -> str:
    text = argument(node, l2tobj)
    return raised(text) if node.specials_chars == "^" else lowered(text)


def fraction(node: Any, l2tobj: LatexNodes2Text) -> str:
    """(a − b)/c: with the brackets that a fraction needs once its bar is gone."""
    parts = [str(l2tobj.nodelist_to_text([part])).strip() for part in node.nodeargd.argnlist]
    return "/".join(part if re.fullmatch(r"\w+", part) else f"({part})" for part in parts)


def as_written(node: Any, l2tobj: LatexNodes2Text) -> str:
    """A command that is not known is shown, so that nobody takes what is left for the whole."""
    return str(node.latex_verbatim())


def raised(text: str) -> str:
    return script_of(text, "^", RAISED)


def lowered(text: str) -> str:
    return script_of(text, "_", LOWERED)


def script_of(text: str, mark: str, characters: dict[int, int]) -> str:
    if text and all(ord(character) in characters for character in text):
        return text.translate(characters)
    return f"{mark}{text}" if len(text) < 2 or re.fullmatch(r"[A-Za-z]+|\(.*\)", text) else f"{mark}({text})"


def plain_markup(markup: str) -> str:
    """JATS XML or HTML as plain text on one line; whatever TeX it holds as `plain_tex` reads it.

    Tags that are known go, and what only looks like one stays. Of a formula given in several forms, TeX is taken.
    """
    reader = MarkupReader()
    reader.feed(markup)
    reader.close()
    text = reader.text()
    if re.search(r"&(?:lt|gt|amp|#\d+);", text):  # Escaped twice, as publishers now and then deliver it.
        text = plain_tags(html.unescape(text))
    return plain_tex(text) if TEX.search(text) else one_line(text)


def plain_tags(text: str) -> str:
    return re.sub(rf"</?(?:{'|'.join(sorted(INLINE | BLOCKS))})\s*/?>", "", text, flags=re.IGNORECASE)


INLINE = {
    "a", "b", "bold", "em", "email", "ext-link", "font", "i", "inline-formula", "inline-graphic", "italic", "monospace",
    "named-content", "overline", "roman", "sans-serif", "sc", "small", "span", "strike", "strong", "styled-content", "sub",
    "sup", "tt", "u", "underline", "uri", "xref", "alternatives", "tex-math",
}  # fmt: skip
BLOCKS = {
    "abstract", "body", "br", "break", "def", "def-item", "def-list", "disp-formula", "div", "h1", "h2", "h3", "label", "li",
    "list", "list-item", "ol", "p", "sec", "term", "title", "ul",
}  # fmt: skip
MATHML = {
    "annotation", "math", "mfenced", "mfrac", "mi", "mn", "mo", "mover", "mrow", "mspace", "msqrt", "mstyle", "msub", "msubsup",
    "msup", "mtable", "mtd", "mtext", "mtr", "munder", "munderover", "semantics",
}  # fmt: skip
DROPPED = {"annotation", "script", "style"}  # with all that they hold
DEEPEST = 20  # tags inside each other that change what they hold
COLLECTED = {"sup", "sub", "msup", "msub", "title", "tex-math", "math", "alternatives"}


class MarkupReader(HTMLParser):
    """Collects text. It is no XML parser, so that what is not well-formed is read too, and entities can't expand."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        # The tags around this place whose text is changed when they end, each with the text before it.
        self.open: list[tuple[str, list[str]]] = []
        self.dropping = 0
        self.tex = ""

    def text(self) -> str:
        while self.open:
            self.leave(self.open[-1][0])
        return "".join(self.parts)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        name = tag.rpartition(":")[2]
        if name not in INLINE | BLOCKS | MATHML | DROPPED or any(value is None for _, value in attrs):
            self.parts.append(self.get_starttag_text() or "")  # “a<b and c>d”
        elif name in DROPPED:
            self.dropping += 1
        elif name in COLLECTED and len(self.open) < DEEPEST:
            self.open.append((name, self.parts))
            self.parts = []
        elif name in BLOCKS:
            self.parts.append(" ")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag.rpartition(":")[2] in BLOCKS:
            self.parts.append(" ")

    def handle_endtag(self, tag: str) -> None:
        name = tag.rpartition(":")[2]
        if name in DROPPED:
            self.dropping = max(0, self.dropping - 1)
        elif any(name == each for each, _ in self.open):
            while self.open[-1][0] != name:
                self.leave(self.open[-1][0])
            self.leave(name)
        elif name in BLOCKS:
            self.parts.append(" ")

    def handle_data(self, data: str) -> None:
        if not self.dropping:
            self.parts.append(data)

    def leave(self, name: str) -> None:
        """The text of the innermost open tag joins what stood before it."""
        text, self.parts = "".join(self.parts), self.open.pop()[1]
        self.parts.append(self.written(name, text))

    def written(self, name: str, text: str) -> str:
        inside_alternatives = any(each == "alternatives" for each, _ in self.open)
        if name in {"sup", "sub"}:
            ordinal = name == "sup" and text in {"st", "nd", "rd", "th"}
            return text if ordinal else raised(text.strip()) if name == "sup" else lowered(text.strip())
        if name in {"msup", "msub"}:
            base, script_text = text.strip()[:1], "".join(text.split())[1:]
            return base + (raised(script_text) if name == "msup" else lowered(script_text))
        if name == "title":
            heading = one_line(text).rstrip(".:")
            return "" if heading.lower() in {"", "abstract", "summary"} else f" {heading}: "
        if name == "tex-math":
            self.tex = f"${text.strip().strip('$')}$"
            return "" if inside_alternatives else self.tex
        if name == "math":
            return "".join(text.split()) if not (inside_alternatives and self.tex) else ""
        if name == "alternatives" and self.tex:
            text, self.tex = self.tex, ""
        return text
