"""Text with what was found marked in it. The markup is made from escaped text."""

from collections.abc import Sequence
from urllib.parse import quote

from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

from issues.search.expressions import Phrase
from issues.search.words import Word, words_in

LONGEST_READ = 60_000  # characters of a text that are looked through
WINDOW = 36  # words of a snippet
LEAD = 6  # words before the first that was found
MOST_FRAGMENTS = 4


def marked(text: str, phrases: Sequence[Phrase]) -> SafeString:
    """The whole text as HTML."""
    words = list(words_in(text))
    return join_marked(text, runs(words, places_of(words, phrases), text), 0, len(text))


def snippet(text: str, phrases: Sequence[Phrase]) -> SafeString:
    """The stretch of the text that holds most of what was looked for, as HTML; its beginning if it holds none."""
    words = list(words_in(text[:LONGEST_READ]))
    if not words:
        return SafeString("")
    places = places_of(words, phrases)
    first = best_window(words, places)
    last = min(first + WINDOW, len(words)) - 1
    start = words[first].start if first else 0
    end = words[last].end if last < len(words) - 1 else len(text)
    middle = join_marked(text, runs(words, [place for place in places if first <= place <= last], text), start, end)
    return format_html("{}{}{}", "… " if start else "", middle, " …" if end < len(text) else "")


def places_of(words: Sequence[Word], phrases: Sequence[Phrase]) -> list[int]:
    """Which of the words are meant, by their numbers: of several in a row only where they stand so."""
    beginnings: dict[str, list[Phrase]] = {}
    for phrase in phrases:
        for stem in phrase.steps[0]:
            beginnings.setdefault(stem, []).append(phrase)
    places: set[int] = set()
    for place, word in enumerate(words):
        for phrase in beginnings.get(word.stem, ()):
            stretch = words[place : place + len(phrase.steps)]
            if len(stretch) == len(phrase.steps) and all(map(stands_for, phrase.steps, stretch)):
                places.update(range(place, place + len(stretch)))
    return sorted(places)


def stands_for(alternatives: tuple[str, ...], word: Word) -> bool:
    return word.stem in alternatives


def best_window(words: Sequence[Word], places: Sequence[int]) -> int:
    """Where to begin: a few words before one that was found, with as many different ones as possible behind it."""
    best, score = 0, (0, 0)
    for number, place in enumerate(places):
        first = max(0, place - LEAD)
        inside = [words[each].stem for each in places[number : number + WINDOW] if each < first + WINDOW]
        if (len(set(inside)), len(inside)) > score:
            best, score = first, (len(set(inside)), len(inside))
    return max(0, min(best, len(words) - WINDOW))


def runs(words: Sequence[Word], places: Sequence[int], text: str) -> list[tuple[int, int]]:
    """Beginnings and ends in the text, with neighbours as one."""
    joined: list[tuple[int, int]] = []
    for word in (words[place] for place in places):
        if joined and not text[joined[-1][1] : word.start].strip(" -–—‑"):
            joined[-1] = (joined[-1][0], word.end)
        else:
            joined.append((word.start, word.end))
    return joined


def join_marked(text: str, found: list[tuple[int, int]], start: int, end: int) -> SafeString:
    pieces = []
    for begin, stop in found:
        pieces += [conditional_escape(text[start:begin]), format_html("<mark>{}</mark>", text[begin:stop])]
        start = stop
    return mark_safe("".join([*pieces, conditional_escape(text[start:end])]))


def fragment(text: str, phrases: Sequence[Phrase]) -> str:
    """A text fragment (https://wicg.github.io/scroll-to-text-fragment/): browsers mark these words on the page opened.

    Caches and servers never see it. Empty if nothing was found.
    """
    words = list(words_in(text[:LONGEST_READ]))
    different: dict[str, str] = {}
    for start, end in runs(words, places_of(words, phrases), text):
        different.setdefault(text[start:end].casefold(), text[start:end])
    marks = [f"text={quote(each, safe='').replace('-', '%2D')}" for each in list(different.values())[:MOST_FRAGMENTS]]
    return f"#:~:{'&'.join(marks)}" if marks else ""
