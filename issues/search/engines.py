"""The database that searches: one of two modules with the same functions."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from django.db import connection

from issues.search import postgresql, sqlite
from issues.search.expressions import Expression, IndexRow, Newest, Phrase


class Engine(Protocol):
    def newest(self, expression: Expression, ranked_by: Sequence[Phrase], limit: int) -> Newest:
        """The newest public entries that match, ranked by the phrases if there are any. One query, or a few."""

    def completions(self, prefix: str, limit: int) -> list[str]:
        """Stems of the words that begin so, most common first. One query."""

    def write(self, rows: Sequence[IndexRow]) -> None:
        """Store these, text and stems, in place of what their ids had."""

    def count_words(self, counts: Sequence[tuple[str, str, int]]) -> None:
        """Add to the count of each word, given with its stem, unless it is common; forget words that no entry has."""

    def delete(self, ids: Iterable[int]) -> None: ...

    def clear(self) -> None: ...

    def tidy(self) -> None:
        """After much was written or an issue published."""

    def similar_words(self, word: str, limit: int) -> list[tuple[str, int]]:
        """Words that share letters with this one, and in how many entries each stands. One query."""


def engine() -> Engine:
    return {"sqlite": sqlite, "postgresql": postgresql}[connection.vendor]
