"""Misspelt words, and the words that the archive has for them."""

import math
from dataclasses import replace
from difflib import SequenceMatcher
from typing import NamedTuple

from django.db.models import Max

from issues.models import SearchWord
from issues.search.engines import engine
from issues.search.queries import Item, Query
from issues.search.words import plain_and_stem, words_in

SHORTEST = 4  # letters of a word that is corrected
CANDIDATES = 40
MOST_ODD = 3  # entries that a word stands in, if it may be a slip
CLOSE_ENOUGH = 0.75  # of difflib's ratio
MORE_COMMON = 10  # times, before another spelling of a word that is there is worth a question


class Correction(NamedTuple):
    """Another spelling. `applied`: nothing had the one that was typed, so the results are for this one."""

    query: Query
    applied: bool


def corrected(query: Query) -> Query | None:
    """The query in the archive's spelling, or nothing if it is that. One query, and one for each odd word."""
    wanted = [item for item in query.items if not item.field and not item.excluded]
    words = {word.plain for item in wanted for word in words_in(item.value) if len(word.plain) >= SHORTEST}
    stems = {plain_and_stem(word)[1] for word in words}
    known = dict(SearchWord.objects.filter(stem__in=stems).values_list("stem").annotate(Max("count")).order_by())
    better = {}
    for word in sorted(word for word in words if word.isalpha()):
        count = known.get(plain_and_stem(word)[1], 0)
        if count <= MOST_ODD and (candidate := closest(word, more_than=count)):
            better[word] = candidate
    if not better:
        return None
    return replace(query, items=tuple(respelt(item, better) if item in wanted else item for item in query.items))


def closest(word: str, more_than: int) -> str | None:
    """The word most like this one that stands in enough entries to be meant. One query."""
    scored: list[tuple[float, str]] = []
    for candidate, count in engine().similar_words(word, CANDIDATES):
        likeness = SequenceMatcher(None, word, candidate).ratio()
        if likeness >= CLOSE_ENOUGH and count > MORE_COMMON * more_than and not same_stem(word, candidate):
            scored.append((likeness + math.log10(count) / 50, candidate))
    return max(scored)[1] if scored else None


def same_stem(word: str, other: str) -> bool:
    return plain_and_stem(word)[1] == plain_and_stem(other)[1]


def respelt(item: Item, better: dict[str, str]) -> Item:
    """With the misspelt words replaced where they stand."""
    value, rest = "", 0
    for word in words_in(item.value):
        value += item.value[rest : word.start] + better.get(word.plain, item.value[word.start : word.end])
        rest = word.end
    return replace(item, value=value + item.value[rest:])
