"""Sanitised HTML, in its email form, as text that reads well: the text part of an issue's email."""

import re
import textwrap
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

from issues.html_tree import Element, parse

LONGEST_LINE = 998  # octets without the line's end: RFC 5322, section 2.1.1
NARROWEST = 20  # columns that a block keeps however deep it lies
INLINE_TAGS = {"a", "abbr", "br", "code", "del", "em", "img", "kbd", "s", "span", "strong", "sub", "sup"}
BLOCKS_OF_LOOSE_ITEMS = {"p", "pre", "div", "blockquote", "figure", "table", "dl"}
UNDERLINES = {"h1": "=", "h2": "=", "h3": "-", "h4": "~", "h5": "."}
SPACE = re.compile(r"[ \t\r\n\f]+")  # what HTML collapses; a no-break space stays
ORDINALS = {"st", "nd", "rd", "th"}
RAISED = str.maketrans("0123456789+-−=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿ")
LOWERED = str.maketrans("0123456789+-−=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎")


def as_plain_text(html: str, *, width: int = 72) -> str:
    """Return sanitised HTML as text wrapped at `width` columns, without a newline at its end.

    Code and addresses are not wrapped, yet no line is longer than 998 octets. Addresses are numbered in the text and
    listed once at its end: call it once for each story.
    """
    writer = _Writer()
    text = "\n\n".join(part for part in (writer.blocks(parse(html), width), writer.addresses()) if part)
    return "\n".join(piece for line in text.split("\n") for piece in _fold(line.rstrip(" ")))


class _Writer:
    """Writes the elements of one text; numbers the addresses that it meets."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self.explained: set[tuple[str, str]] = set()
        self.writers: dict[str, Callable[[Element, int], str]] = {  # by class, else by tag
            **dict.fromkeys(UNDERLINES, self.heading),
            "blockquote": self.quote,
            "comparison": self.blocks,
            "comparison-answer": self.labelled,
            "comparison-prompt": self.labelled,
            "dd": self.indented,
            "dl": self.definitions,
            "figcaption": self.attribution,
            "comparison-title": self.blocks,
            "figure": self.figure,
            "footnote": self.footnotes,
            "hr": lambda element, width: "* * *",
            "math": self.indented,
            "ol": self.numbered_list,
            "pre": self.code,
            "quote": self.attributed_quote,
            "table": self.table,
            "ul": self.bulleted_list,
        }

    def addresses(self) -> str:
        return "\n".join(f"[{number}] {address}" for address, number in self.numbers.items())

    # Blocks become lines of `width` columns.

    def block(self, element: Element, width: int) -> str:
        names = [name for name in (*element.classes, element.tag) if name in self.writers]
        write = self.writers[names[0]] if names else self.blocks
        return write(element, max(width, NARROWEST))

    def blocks(self, parent: Element, width: int, between: str = "\n\n") -> str:
        """The blocks inside another; text and inline elements between blocks are paragraphs."""
        texts: list[str] = []
        for is_inline, nodes in groupby(parent.children, _is_inline):
            if is_inline:
                texts.append(_wrap(self.inline(nodes), width))
            else:
                texts.extend(self.block(node, width) for node in nodes if isinstance(node, Element))
        return between.join(text for text in texts if text)

    def heading(self, element: Element, width: int) -> str:
        text = _wrap(self.inline(element.children), width)
        underline = UNDERLINES[element.tag] * max(len(line) for line in text.split("\n"))
        return f"{text}\n{underline}" if text else ""

    def quote(self, element: Element, width: int) -> str:
        return "\n".join(f"> {line}" for line in self.blocks(element, width - 2).split("\n"))

    def attributed_quote(self, element: Element, width: int) -> str:
        return self.blocks(element, width, between="\n")

    def attribution(self, element: Element, width: int) -> str:
        return _hang("— ", _wrap(self.inline(element.children), width - 2))

    def code(self, element: Element, width: int) -> str:
        return _indent(element.text.removeprefix("\n").rstrip(), "    ")

    def indented(self, element: Element, width: int) -> str:
        return _indent(self.blocks(element, width - 4), "    ")

    def labelled(self, element: Element, width: int) -> str:
        """A prompt or an answer under the name of who wrote it."""
        labels = [child for child in element.elements if "comparison-label" in child.classes]
        rest = Element("div", children=[child for child in element.children if child not in labels])
        names = [f"{self.inline(label.children)}:" for label in labels]
        return "\n".join([*names, self.indented(rest, width)])

    def definitions(self, element: Element, width: int) -> str:
        texts = [("\n" if child.tag == "dt" else "") + self.block(child, width) for child in element.elements]
        return "\n".join(texts).removeprefix("\n")

    def bulleted_list(self, element: Element, width: int) -> str:
        return self.items([("- ", item) for item in element.elements], width)

    def numbered_list(self, element: Element, width: int) -> str:
        start = element.attributes.get("start", "1")
        first = int(start) if start.isdecimal() else 1
        return self.items([(f"{number}. ", item) for number, item in enumerate(element.elements, first)], width)

    def footnotes(self, element: Element, width: int) -> str:
        return self.items([(f"[^{number}] ", note) for number, note in enumerate(element.find("li"), 1)], width)

    def items(self, marked: list[tuple[str, Element]], width: int) -> str:
        """Items after their markers, one under the other; a blank line between those that hold paragraphs."""
        is_loose = any(child.tag in BLOCKS_OF_LOOSE_ITEMS for _, item in marked for child in item.elements)
        between = "\n\n" if is_loose else "\n"
        return between.join(
            _hang(marker, self.blocks(item, max(width - len(marker), NARROWEST), between)) for marker, item in marked
        )

    def figure(self, element: Element, width: int) -> str:
        alternatives = [image.attributes.get("alt", "") for image in element.find("img")]
        captions = [self.inline(caption.children) for caption in element.elements if caption.tag == "figcaption"]
        return _wrap(_figure([*alternatives, *captions]), width)

    def table(self, element: Element, width: int) -> str:
        """Aligned columns where they fit; else each row as lines of “header: value”."""
        rows = [list(row.find("th", "td")) for row in element.find("tr")]
        columns = max((len(row) for row in rows), default=0)
        rows = [row + [Element("td")] * (columns - len(row)) for row in rows]
        texts = [[self.inline(cell.children).replace("\n", " ") for cell in row] for row in rows]
        has_header = any(part.tag == "thead" for part in element.elements) and len(rows) > 1
        widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
        if sum(widths) + 3 * (columns - 1) > width:
            return _records(texts, has_header, width)
        lines = [" | ".join(map(_align, row, line, widths)) for row, line in zip(rows, texts, strict=True)]
        if has_header:
            lines.insert(1, "-+-".join("-" * column for column in widths))
        return "\n".join(lines)

    # Inline elements become one string, in which only <br> makes newlines.

    def inline(self, nodes: Iterable[Element | str]) -> str:
        text = "".join(map(self.inline_node, nodes))
        return re.sub(r" *\n *", "\n", re.sub(r" {2,}", " ", text)).strip(" \n\u00a0")

    def inline_node(self, node: Element | str) -> str:
        if isinstance(node, str):
            return SPACE.sub(" ", node)
        if node.tag == "br":
            return "\n"
        if node.tag == "img":
            return _figure([node.attributes.get("alt", "")])
        text = "".join(map(self.inline_node, node.children))
        return self.marked(node, text) if text.strip() or node.tag == "a" else text

    def marked(self, element: Element, text: str) -> str:
        match element.tag:
            case "a":
                return self.link(element.attributes.get("href", ""), text)
            case "abbr":
                return self.abbreviation(element.attributes.get("title", ""), text)
            case "em" | "strong" if "math" not in element.classes:
                return f"*{text}*"
            case "code":
                return f"`{text}`"
            case "del" | "s":
                return f"~{text}~"
            case _ if "footnote-ref" in element.classes:
                return f"[^{text}]"
            case "sup":
                return text if text in ORDINALS or text.startswith("[^") else _shifted(text, "^", RAISED)
            case "sub":
                return _shifted(text, "_", LOWERED)
        return text

    def link(self, address: str, text: str) -> str:
        if not address or address == text or address in (f"mailto:{text}", f"https://{text}", f"http://{text}"):
            return address.removeprefix("mailto:") or text
        number = self.numbers.setdefault(address, len(self.numbers) + 1)
        return f"{text} [{number}]"

    def abbreviation(self, title: str, text: str) -> str:
        if not title or (text, title) in self.explained:
            return text
        self.explained.add((text, title))
        return f"{text} ({title})"


def _is_inline(node: Element | str) -> bool:
    return isinstance(node, str) or node.tag in INLINE_TAGS


def _wrap(text: str, width: int) -> str:
    lines = [textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False) for line in text.split("\n")]
    return "\n".join("\n".join(line) for line in lines)


def _indent(text: str, prefix: str) -> str:
    return "\n".join(prefix + line if line else "" for line in text.split("\n"))


def _hang(marker: str, text: str) -> str:
    return marker + _indent(text, " " * len(marker)).removeprefix(" " * len(marker))


def _align(cell: Element, text: str, width: int) -> str:
    return text.rjust(width) if "align-right" in cell.classes else text.ljust(width)


def _records(rows: list[list[str]], has_header: bool, width: int) -> str:
    """A table that is too wide: each row's cells under one another, after their column's header."""
    if has_header:
        header, *rest = rows
        rows = [
            [f"{name}: {text or '–'}" if name else text for name, text in zip(header, row, strict=True)] for row in rest
        ]
    return "\n\n".join("\n".join(_wrap(text, width) for text in row if text) for row in rows)


def _figure(texts: list[str]) -> str:
    """Alternative text and caption in brackets; once if they say the same. Nothing for a picture that only adorns."""
    distinct: dict[str, str] = {}
    for text in texts:
        if text.strip():
            distinct.setdefault(text.strip().rstrip(".").casefold(), text.strip())
    sentences = [text if text[-1] in ".!?…" else f"{text}." for text in distinct.values()]
    return f"[Figure: {' '.join(sentences).removesuffix('.')}]" if sentences else ""


def _shifted(text: str, mark: str, digits: dict[int, int]) -> str:
    """A superscript or subscript in Unicode's own characters, else after a mark."""
    if all(ord(character) in digits for character in text):
        return text.translate(digits)
    return mark + (text if len(text) == 1 else f"({text})")


def _fold(line: str) -> Iterator[str]:
    while len(line.encode()) > LONGEST_LINE:
        piece = line.encode()[:LONGEST_LINE].decode(errors="ignore")
        yield piece
        line = line[len(piece) :]
    yield line
