"""What passes between the search and a database: stems and labels, with no trace of how a query was written."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

EVERYTHING = "x:all"  # the label of every entry
MOST_CANDIDATES = 4_000  # entries with all words of a phrase that are looked at for their order, the newest first


@dataclass(frozen=True)
class Phrase:
    """Stems or a label, one after the other; each step names those of which one has to stand there."""

    steps: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, *alternatives: str) -> "Phrase":
        """One of these, wherever it stands."""
        return cls((alternatives,))

    @property
    def in_a_row(self) -> bool:
        return len(self.steps) > 1


@dataclass(frozen=True)
class Expression:
    """`required`: of each tuple one has to match; `excluded`: none may."""

    required: tuple[tuple[Phrase, ...], ...] = ((Phrase.of(EVERYTHING),),)
    excluded: tuple[Phrase, ...] = ()

    @property
    def has_rows(self) -> bool:
        """Whether any words have to stand, or not to stand, in a row."""
        return any(phrase.in_a_row for phrases in (*self.required, self.excluded) for phrase in phrases)


class Found(NamedTuple):
    """An entry that matches. Of two ranks the higher is the more relevant; they mean nothing beyond one search."""

    id: int
    labels: str
    rank: float


class Newest(NamedTuple):
    """The newest that match, the newest first."""

    found: list[Found]
    complete: bool = True  # but for the limit: whether it was possible to look at all that might match


class IndexRow(NamedTuple):
    """An entry as it is written: what readers see of it; its labels; the stems of its four parts, the weightiest first."""

    id: int
    text: str
    labels: Sequence[str]
    parts: Sequence[Sequence[str]]
