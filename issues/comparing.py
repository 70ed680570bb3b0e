"""Two versions of a text side by side: which lines differ, and which words in them.

difflib is left to pass over what stands everywhere in a long text, such as “the” and blank lines, when it looks for what is
the same: with `autojunk=False` its time grows with the third power of a text that repeats itself.
"""

import re
from collections import Counter
from dataclasses import dataclass
from difflib import SequenceMatcher

CONTEXT = 2  # lines that are shown around a change
# Above this many pairs of words, a changed passage is marked as a whole: comparing its words could take seconds.
MOST_PAIRS = 25_000_000


@dataclass(frozen=True)
class Piece:
    text: str
    changed: bool


@dataclass(frozen=True)
class Row:
    """A passage before and after. Of a passage that is the same, `left` and `right` are; `skipped` lines aren't shown."""

    left: list[Piece]
    right: list[Piece]
    changed: bool = False
    skipped: int = 0


def compare(before: str, after: str) -> list[Row]:
    """The passages of two texts in order, long ones that are the same cut to the lines around what differs."""
    old, new = before.splitlines(), after.splitlines()
    rows: list[Row] = []
    operations = SequenceMatcher(None, old, new).get_opcodes()
    for number, (kind, start, end, new_start, new_end) in enumerate(operations):
        if kind == "equal":
            rows += unchanged(old[start:end], is_first=number == 0, is_last=number == len(operations) - 1)
        else:
            left, right = compare_words("\n".join(old[start:end]), "\n".join(new[new_start:new_end]))
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
    piece = Piece("\n".join(lines), changed=False)
    return Row([piece], [piece])


def compare_words(before: str, after: str) -> tuple[list[Piece], list[Piece]]:
    """The two passages in pieces, of which the changed ones are marked."""
    old, new = words(before), words(after)
    if len(old) * len(new) > MOST_PAIRS:
        return [Piece(before, changed=True)], [Piece(after, changed=True)]
    left, right = [], []
    for kind, start, end, new_start, new_end in SequenceMatcher(None, old, new).get_opcodes():
        if end > start:
            left.append(Piece("".join(old[start:end]), changed=kind != "equal"))
        if new_end > new_start:
            right.append(Piece("".join(new[new_start:new_end]), changed=kind != "equal"))
    return left, right


def words(text: str) -> list[str]:
    """Words with the white space after them, and what stands before the first."""
    return re.findall(r"\S+\s*|\s+", text)


def count_changes(before: str, after: str) -> tuple[int, int]:
    """How many words came and how many went, wherever they stand. In time that grows with the texts' length only."""
    old, new = Counter(before.split()), Counter(after.split())
    return (new - old).total(), (old - new).total()
