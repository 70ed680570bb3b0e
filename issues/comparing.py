"""What changed between two texts, in words: side by side for those who edit, paragraph by paragraph for those who read.

difflib is left to pass over what stands everywhere in a long text, such as “the” and blank lines, when it looks for what is
the same: with `autojunk=False` its time grows with the third power of a text that repeats itself.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

PARAGRAPH = re.compile(r"\n[ \t]*\n")
CONTEXT = 2  # lines that are shown around a change
# Paragraphs with less in common are shown one after the other: word by word nobody could read them.
LEAST_IN_COMMON = 0.3
# Above this many pairs of words, a changed passage is marked as a whole: comparing its words could take seconds.
MOST_PAIRS = 25_000_000


@dataclass(frozen=True)
class Piece:
    kind: Literal["same", "gone", "new"]
    text: str


@dataclass(frozen=True)
class Row:
    """A passage before and after. Of a passage that is the same, `left` and `right` are; `skipped` lines aren't shown."""

    left: list[Piece]
    right: list[Piece]
    changed: bool = False
    skipped: int = 0


# Side by side


def side_by_side(before: str, after: str) -> list[Row]:
    """The passages of two texts in order, long ones that are the same cut to the lines around what differs."""
    old, new = before.splitlines(), after.splitlines()
    rows: list[Row] = []
    operations = SequenceMatcher(None, old, new).get_opcodes()
    for number, (kind, start, end, new_start, new_end) in enumerate(operations):
        if kind == "equal":
            rows += unchanged(old[start:end], is_first=number == 0, is_last=number == len(operations) - 1)
        else:
            left, right = both_sides("\n".join(old[start:end]), "\n".join(new[new_start:new_end]))
            rows.append(Row(left, right, changed=True))
    return rows


def unchanged(lines: list[str], *, is_first: bool, is_last: bool) -> list[Row]:
    """The first lines after a change and the last before the next; all of them if there are few."""
    head, tail = (0 if is_first else CONTEXT), (0 if is_last else CONTEXT)
    skipped = len(lines) - head - tail
    if skipped <= 1:
        return [same_on_both_sides(lines)]
    shown = [same_on_both_sides(lines[:head])] if head else []
    shown.append(Row([], [], skipped=skipped))
    return [*shown, same_on_both_sides(lines[-tail:])] if tail else shown


def same_on_both_sides(lines: list[str]) -> Row:
    piece = Piece("same", "\n".join(lines))
    return Row([piece], [piece])


def both_sides(before: str, after: str) -> tuple[list[Piece], list[Piece]]:
    """The two passages in pieces, white space and all."""
    pieces = list(compare_words(words(before), words(after)))
    return [piece for piece in pieces if piece.kind != "new"], [piece for piece in pieces if piece.kind != "gone"]


def words(text: str) -> list[str]:
    """Words with the white space after them, and what stands before the first."""
    return re.findall(r"\S+\s*|\s+", text)


# Paragraph by paragraph


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
                changed += compare_paragraphs(*pair)
        elif kind != "equal":
            changed += [[Piece("gone", text)] for text in gone] + [[Piece("new", text)] for text in come]
    return changed


def paragraphs(text: str) -> list[str]:
    return [words for words in (" ".join(part.split()) for part in PARAGRAPH.split(text)) if words]


def compare_paragraphs(then: str, now: str) -> list[list[Piece]]:
    """One paragraph that holds both, or two if they have too little in common."""
    old, new = then.split(), now.split()
    pieces = list(compare_words(old, new, glue=" "))
    in_common = sum(len(piece.text.split()) for piece in pieces if piece.kind == "same")
    if 2 * in_common < LEAST_IN_COMMON * (len(old) + len(new)):
        return [[Piece("gone", then)], [Piece("new", now)]]
    return [pieces]


# Both


def compare_words(old: list[str], new: list[str], glue: str = "") -> Iterator[Piece]:
    """What is the same, gone and new, in the order of reading."""
    operations = SequenceMatcher(None, old, new).get_opcodes() if len(old) * len(new) <= MOST_PAIRS else None
    for kind, start, end, new_start, new_end in operations or [("replace", 0, len(old), 0, len(new))]:
        if kind == "equal":
            yield Piece("same", glue.join(old[start:end]))
            continue
        if end > start:
            yield Piece("gone", glue.join(old[start:end]))
        if new_end > new_start:
            yield Piece("new", glue.join(new[new_start:new_end]))


def count_changes(before: str, after: str) -> tuple[int, int]:
    """How many words came and how many went, wherever they stand. In time that grows with the texts' length only."""
    old, new = Counter(before.split()), Counter(after.split())
    return (new - old).total(), (old - new).total()
