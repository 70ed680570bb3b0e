"""Text as the words that the search compares: one reading for the index, the query and the highlighting.

The databases' own tokenisers and stemmers differ from each other, so neither is used: both get the stems from here.
"""

import re
import threading
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

import Stemmer

LONGEST_WORD = 40  # characters that are compared; both databases have limits above it
# A run of letters, in which apostrophes and accents that are characters of their own may stand, or a run of digits:
# so GPT-3, GPT3 and “GPT 3” are the same two words, and “model’s” is one.
WORD = re.compile(r"[^\W\d_]+(?:(?:[\u0300-\u036f]+|['’](?=[^\W\d_]))[^\W\d_]*)*|\d+")
APOSTROPHES = str.maketrans("", "", "'’")
# What has no decomposition in Unicode, and is typed without its mark all the same.
PLAIN = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ħ": "h", "ı": "i"})
# Left out of a query that has other words. In quotes they count.
STOP_WORDS = frozenset(
    (
        "a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "from", "has", "have", "how", "in", "is", "it",
        "its", "of", "on", "or", "that", "the", "their", "this", "to", "was", "were", "what", "when", "which", "who",
        "will", "with", "you", "your",
    )
)  # fmt: skip
_of_thread = threading.local()  # a stemmer isn't to be shared by threads


class Word(NamedTuple):
    """A word at its place in a text."""

    start: int
    end: int
    plain: str  # without accents, in small letters
    stem: str


def words_in(text: str) -> Iterator[Word]:
    for match in WORD.finditer(text):
        plain, stem = plain_and_stem(match[0])
        if plain:
            yield Word(match.start(), match.end(), plain, stem)


def stems_in(text: str) -> list[str]:
    return [stem for _, stem in map(plain_and_stem, WORD.findall(text)) if stem]


def different_words(text: str) -> set[str]:
    return plain_set(WORD.findall(text))


def changed_words(before: str, after: str) -> tuple[set[str], set[str]]:
    """The words that only `after` has, and those that only `before` has."""
    old, new = set(WORD.findall(before)), set(WORD.findall(after))
    kept, more, fewer = plain_set(old & new), plain_set(new - old), plain_set(old - new)
    return more - fewer - kept, fewer - more - kept


def plain_set(words: Iterable[str]) -> set[str]:
    return {plain for plain, _ in map(plain_and_stem, words) if plain}


def plain_words(text: str) -> tuple[str, ...]:
    return tuple(word.plain for word in words_in(text))


@lru_cache(maxsize=65_536)
def plain_and_stem(word: str) -> tuple[str, str]:
    decomposed = unicodedata.normalize("NFKD", word.casefold().translate(APOSTROPHES))
    letters = "".join(each for each in decomposed if each.isalnum())
    plain = letters.translate(PLAIN)[:LONGEST_WORD]
    return plain, stem_of(plain)


def stem_of(plain: str) -> str:
    """What a plain word shares with its other forms; a word in another script is its own stem."""
    if not hasattr(_of_thread, "stemmer"):
        _of_thread.stemmer = Stemmer.Stemmer("english", 0)  # without its cache: ours is before it
    return str(_of_thread.stemmer.stemWord(plain)) if plain.isascii() else plain
