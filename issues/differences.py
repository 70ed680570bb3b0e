"""What changed between two texts, word by word, in the paragraphs that changed: for those who read the text as one.

Beside it, `comparing` sets two versions side by side, line by line, for those who edit. Both let difflib pass over what
stands everywhere in a long text, without which its time grows with the third power of a text that repeats itself.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

PARAGRAPH = re.compile(r"\n[ \t]*\n")
# Paragraphs with less in common are shown one after the other: word by word nobody could read them.
LEAST_IN_COMMON = 0.3
MOST_COMPARISONS = 4_000_000  # words by words; what is longer is shown one after the other, too


@dataclass(frozen=True)
class Piece:
    kind: Literal["same", "gone", "new"]
    text: str


def changed_paragraphs(then: str, now: str) -> list[list[Piece]]:
    """The paragraphs that differ, in order, each cut into pieces; empty if only white space does."""
    old, new = paragraphs(then), paragraphs(now)
    changed: list[list[Piece]] = []
    for kind, old_from, old_to, new_from, new_to in SequenceMatcher(None, old, new).get_opcodes():
        gone, come = old[old_from:old_to], new[new_from:new_to]
        if kind == "replace" and len(gone) != len(come):
            gone, come = [" ".join(gone)], [" ".join(come)]
        if kind == "replace":
            for pair in zip(gone, come, strict=True):
                changed += compare(*pair)
        elif kind != "equal":
            changed += [[Piece("gone", text)] for text in gone] + [[Piece("new", text)] for text in come]
    return changed


def paragraphs(text: str) -> list[str]:
    return [words for words in (" ".join(part.split()) for part in PARAGRAPH.split(text)) if words]


def compare(then: str, now: str) -> list[list[Piece]]:
    """One paragraph that holds both, or two if they have too little in common."""
    old, new = then.split(), now.split()
    matcher = SequenceMatcher(None, old, new)
    too_long = len(old) * len(new) > MOST_COMPARISONS
    if too_long or matcher.ratio() < LEAST_IN_COMMON:
        return [[Piece("gone", then)], [Piece("new", now)]]
    return [list(pieces(matcher, old, new))]


def pieces(matcher: "SequenceMatcher[str]", old: list[str], new: list[str]) -> Iterator[Piece]:
    for kind, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        if kind == "equal":
            yield Piece("same", " ".join(old[old_from:old_to]))
            continue
        if old_to > old_from:
            yield Piece("gone", " ".join(old[old_from:old_to]))
        if new_to > new_from:
            yield Piece("new", " ".join(new[new_from:new_to]))
