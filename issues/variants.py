"""One email of an issue, from which those with only some of its stories are cut.

Pieces that depend on which stories somebody gets stand between marks: comments in HTML, bare in text. A number is a
story's place in the issue, from 1.
"""

import html
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.text import get_text_list

# Marks, in characters that no text uses. What follows one, up to its END, is shown …
END = "\ue000end\ue001"
IF_WHOLE = "\ue000whole\ue001"  # … in the whole issue
IF_CHOSEN = "\ue000chosen\ue001"  # … in a selection
IF_MANY = "\ue000many\ue001"  # … where there are so many stories that they are listed at the top
# In a selection they become words.
CHOSEN_SUBJECT = "\ue000chosen_subject\ue001"
CHOSEN_NAMES = "\ue000chosen_names\ue001"
CHOSEN_TITLES = "\ue000chosen_titles\ue001"

STORIES_WITHOUT_CONTENTS = 3
MARK = re.compile("(?:<!--)?\ue000(if|unless|whole|chosen|many|end)([ 0-9,]*)\ue001(?:-->)?")


def shown_if(numbers: Iterable[int]) -> str:
    """The mark before what is shown if one of the stories is there."""
    return f"\ue000if {','.join(map(str, numbers))}\ue001"


def shown_unless(numbers: Iterable[int]) -> str:
    """The mark before what is shown if none of the stories is there."""
    return f"\ue000unless {','.join(map(str, numbers))}\ue001"


@dataclass(frozen=True)
class Selection:
    """The stories that somebody gets, and what of it they asked for."""

    numbers: tuple[int, ...]
    names: tuple[str, ...]  # of sections and topics; empty: the whole issue
    titles: tuple[str, ...]
    subject: str


def story_facts(title: str, subject: str, about: dict[str, str]) -> dict[str, Any]:
    """What a mailing keeps of a story, beside its text.

    `subject` is the email's when this story comes first; `about` has the names of its section and topics by their keys.
    """
    return {"title": title, "subject": subject, "about": about}


def select(stories: list[dict[str, Any]], choice: str) -> Selection | None:
    """The stories that have one of the keys, as in “section/research topic/robots”; None if there are none.

    The whole issue for those who chose nothing, and for mailings that know nothing of their stories.
    """
    wanted = set(choice.split())
    numbered = list(enumerate(stories, 1))
    kept = [(number, story) for number, story in numbered if not wanted or not wanted.isdisjoint(story["about"])]
    if len(kept) == len(stories):
        return Selection(tuple(range(1, len(stories) + 1)), (), (), stories[0]["subject"] if stories else "")
    if not kept:
        return None
    names = {name: None for _, story in kept for key, name in story["about"].items() if key in wanted}
    return Selection(
        numbers=tuple(number for number, _ in kept),
        names=tuple(names),
        titles=tuple(story["title"] for _, story in kept),
        subject=kept[0][1]["subject"],
    )


def whole(content: str) -> str:
    """HTML or text of the whole issue, without the marks."""
    return _cut(content, lambda kind, numbers: kind in ("if", "whole", "many"))


def cut(content: str, selection: Selection, *, is_html: bool) -> str:
    """HTML or text with the selected stories only."""
    if not selection.names:
        return whole(content)

    def is_shown(kind: str, numbers: set[int]) -> bool:
        if kind == "many":
            return len(selection.numbers) > STORIES_WITHOUT_CONTENTS
        return kind == "chosen" or (
            kind in ("if", "unless") and numbers.isdisjoint(selection.numbers) == (kind == "unless")
        )

    escape = html.escape if is_html else str
    content = _cut(content, is_shown)
    for mark, words in {
        CHOSEN_SUBJECT: selection.subject,
        CHOSEN_NAMES: get_text_list(list(selection.names), "and"),
        CHOSEN_TITLES: " · ".join(selection.titles),
    }.items():
        content = content.replace(mark, escape(words))
    return content


def _cut(content: str, is_shown: Callable[[str, set[int]], bool]) -> str:
    first, *rest = MARK.split(content)  # text, then kind, numbers and text, again and again
    pieces, shown = [first], [True]
    for kind, numbers, text in zip(rest[::3], rest[1::3], rest[2::3], strict=True):
        if kind == "end":
            shown.pop()
        else:
            shown.append(shown[-1] and is_shown(kind, {int(number) for number in numbers.split(",") if number.strip()}))
        if shown[-1]:
            pieces.append(text)
    return "".join(pieces)
