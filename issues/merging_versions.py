"""When two people have changed the same story: what each has done, field by field, so that nothing of it is lost."""

from dataclasses import dataclass
from typing import Any

from issues.comparing import Row, side_by_side
from issues.models import Revision
from issues.wording import LABELS, words_of_snapshot, words_of_values


@dataclass(frozen=True)
class BothChanged:
    """A field that both have changed: the two values, and their differences side by side, theirs on the left."""

    name: str
    theirs: Any
    rows: list[Row]

    @property
    def label(self) -> str:
        return LABELS[self.name]


@dataclass(frozen=True)
class Conflict:
    """`taken` are the values of fields that only they have changed; `fields` those that both have."""

    newest: Revision
    taken: dict[str, Any]
    fields: list[BothChanged]

    @property
    def who(self) -> str:
        return self.newest.editor.get_username() if self.newest.editor else "Somebody"

    @property
    def taken_labels(self) -> str:
        return ", ".join(LABELS[name] for name in self.taken)

    @property
    def sentence(self) -> str:
        return (
            f"{self.who} saved this story while you were writing. Nothing is lost, and nothing of yours is saved yet."
        )


def merge(base: dict[str, Any], newest: Revision, theirs: dict[str, Any], mine: dict[str, Any]) -> Conflict:
    """Compare their version and what was typed with what both began from; `base` is empty if that is not known."""
    taken, fields = {}, []
    their_words, my_words = words_of_snapshot(newest.snapshot), words_of_values(mine)
    for name, typed in mine.items():
        before, other = base.get(name), theirs.get(name)
        if same(typed, other) or same(before, other):
            continue
        if same(typed, before):
            taken[name] = other
        else:
            fields.append(BothChanged(name, other, side_by_side(their_words[name], my_words[name])))
    return Conflict(newest, taken, fields)


def same(one: Any, other: Any) -> bool:
    """White space at the end of a text is nobody's change; topics, which have no order, are compared as sorted lists."""
    if isinstance(one, str) and isinstance(other, str):
        return one.rstrip() == other.rstrip()
    return bool(one == other)
