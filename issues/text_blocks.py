"""The plain words of rendered HTML, block by block: for counting, for the sentence around a link, for previews."""

import re

from django.utils.text import Truncator

from issues.html_tree import Element, parse

INLINE_TAGS = {"a", "abbr", "code", "del", "em", "math", "span", "strong", "sub", "sup"}
SKIPPED_TAGS = {"pre"}
FOOTNOTE_LINKS = {"footnote-ref", "footnote-backref"}
SENTENCE_END = re.compile(r"(?<=[.!?…])[”’\")\]]*\s+(?=[“‘\"(\[]?[A-Z0-9])")


def text_blocks(html: str) -> list[str]:
    """Return the text of each paragraph, heading, cell … of sanitised HTML, white space collapsed, no empty ones.

    Code blocks and the numbers of footnotes are left out; a formula stands as its TeX.
    """
    blocks = [""]
    collect(parse(html), blocks)
    return [text for text in (" ".join(block.split()) for block in blocks) if text]


def collect(element: Element, blocks: list[str]) -> None:
    """Add the words below an element to the last block, beginning a new one where the text does."""
    for child in element.children:
        if isinstance(child, str):
            blocks[-1] += child
        elif child.tag == "math":
            blocks[-1] += child.attributes.get("alttext", "")
        elif child.tag in INLINE_TAGS:
            if FOOTNOTE_LINKS.isdisjoint(child.classes):
                collect(child, blocks)
        elif child.tag not in SKIPPED_TAGS:
            blocks.append("")
            collect(child, blocks)
            blocks.append("")


def count_words(blocks: list[str]) -> int:
    return sum(len(re.findall(r"\w[\w’'.,·-]*", block)) for block in blocks)


def sentence_around(words: str, blocks: list[str]) -> str:
    """Return the first sentence that holds `words`, whatever its quotes and emphasis; empty if none does."""
    pattern = re.compile(rf"(?<!\w){re.escape(without_marks(words))}(?!\w)")
    for block in blocks:
        if pattern.search(without_marks(block)):
            sentences = SENTENCE_END.split(block)
            return next((sentence for sentence in sentences if pattern.search(without_marks(sentence))), block)
    return ""


def without_marks(text: str) -> str:
    return re.sub(r"[*_`'\"‘’“”]", "", text)


def opening(html: str) -> str:
    """The first words of a text, for search engines and where its address is shared."""
    return Truncator(" ".join(text_blocks(html)[:2])).words(30)
