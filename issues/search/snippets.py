"""Text with what was found marked in it. The markup is made from escaped text."""

import re
from collections.abc import Sequence
from urllib.parse import quote

from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

from issues.search.expressions import Phrase
from issues.search.words import WORD, plain_and_stem

LONGEST_READ = 60_000  # characters of a text that are looked through
WINDOW = 36  # words of a snippet
LEAD = 6  # words before the first that is meant
END_WITHOUT_STOP = re.compile(r"(?<=[\w)>])\n")  # of a heading, a name or a label, which would run into what follows
MOST_FRAGMENTS = 4


class Reading:
    """A text read for what was looked for: the stems and places of its words, and which of them are meant."""

    def __init__(self, text: str, phrases: Sequence[Phrase]) -> None:
        self.text = text
        self.spans = [match.span() for match in WORD.finditer(text[:LONGEST_READ])]
        self.stems = [plain_and_stem(text[start:end])[1] for start, end in self.spans]
        self.found = self.places_of(phrases)

    def places_of(self, phrases: Sequence[Phrase]) -> list[int]:
        """The numbers of the words that are meant: of several in a row only where they stand so."""
        beginnings: dict[str, list[Phrase]] = {}
        for phrase in phrases:
            for stem in phrase.steps[0]:
                beginnings.setdefault(stem, []).append(phrase)
        places: set[int] = set()
        for place in (place for place, stem in enumerate(self.stems) if stem in beginnings):
            for phrase in beginnings[self.stems[place]]:
                stretch = self.stems[place : place + len(phrase.steps)]
                if len(stretch) == len(phrase.steps) and all(map(contains, phrase.steps, stretch)):
                    places.update(range(place, place + len(stretch)))
        return sorted(places)

    def runs(self, first: int, last: int) -> list[tuple[int, int]]:
        """Where the text has words that are meant, from its first to its last of these; neighbours as one."""
        joined: list[tuple[int, int]] = []
        for start, end in (self.spans[place] for place in self.found if first <= place <= last):
            if joined and not self.text[joined[-1][1] : start].strip(" -–—‑"):
                joined[-1] = (joined[-1][0], end)
            else:
                joined.append((start, end))
        return joined

    def whole(self) -> SafeString:
        """As HTML."""
        return join_marked(self.text, self.runs(0, len(self.spans)), 0, len(self.text))

    def snippet(self) -> SafeString:
        """The stretch that holds most of what was looked for, as HTML; the beginning if there is nothing of it."""
        if not self.spans:
            return SafeString("")
        first = self.best_window()
        last = min(first + WINDOW, len(self.spans)) - 1
        start = self.spans[first][0] if first else 0
        end = self.spans[last][1] if last < len(self.spans) - 1 else len(self.text)
        middle = join_marked(self.text, self.runs(first, last), start, end)
        return format_html("{}{}{}", "… " if start else "", middle, " …" if end < len(self.text) else "")

    def best_window(self) -> int:
        """Where to begin: a few words before one that is meant, with as many different ones as possible behind it.

        Of several the first: a text comes before the names and numbers that stand at the end of what can be found.
        """
        best, most = 0, 0
        for number, place in enumerate(self.found):
            first = max(0, place - LEAD)
            inside = {self.stems[each] for each in self.found[number : number + WINDOW] if each < first + WINDOW}
            if len(inside) > most:
                best, most = first, len(inside)
        return max(0, min(best, len(self.spans) - WINDOW))

    def fragment(self) -> str:
        """A text fragment (https://wicg.github.io/scroll-to-text-fragment/): browsers mark the words on the page opened.

        Caches and servers never see it. Empty if there is nothing to mark.
        """
        different: dict[str, str] = {}
        for start, end in self.runs(0, len(self.spans)):
            different.setdefault(self.text[start:end].casefold(), self.text[start:end])
        texts = list(different.values())[:MOST_FRAGMENTS]
        marks = [f"text={quote(each, safe='').replace('-', '%2D')}" for each in texts]
        return f"#:~:{'&'.join(marks)}" if marks else ""


def contains(alternatives: tuple[str, ...], stem: str) -> bool:
    return stem in alternatives


def join_marked(text: str, found: list[tuple[int, int]], start: int, end: int) -> SafeString:
    pieces = []
    for begin, stop in found:
        pieces += [conditional_escape(text[start:begin]), format_html("<mark>{}</mark>", text[begin:stop])]
        start = stop
    html = "".join([*pieces, conditional_escape(text[start:end])])
    return mark_safe(END_WITHOUT_STOP.sub(" · ", html))
