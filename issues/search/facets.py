"""How the things found divide by topic, section, year and kind."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from issues.models import Section, Topic
from issues.search.documents import KIND_NAMES
from issues.search.queries import Field, Query

LETTERS: dict[str, tuple[Field, str]] = {
    "k": ("kind", "Kind"),
    "t": ("topic", "Topics"),
    "s": ("section", "Sections"),
    "y": ("year", "Years"),
}
MOST_VALUES = 10


@dataclass(frozen=True)
class FacetValue:
    name: str
    count: int
    only: Query  # with nothing but this
    without: Query  # with all but this


@dataclass(frozen=True)
class Facet:
    field: Field
    title: str
    values: list[FacetValue]


def facets(query: Query, labels: Iterable[str]) -> list[Facet]:
    """From the labels of the things found: the values that divide them, with the queries they lead to. Two queries."""
    counts: dict[str, Counter[str]] = {letter: Counter() for letter in LETTERS}
    total = 0
    for each in labels:
        total += 1
        for label in each.split():
            letter, _, key = label.partition(":")
            if letter in counts:
                counts[letter][key] += 1
    found = []
    for letter, (field, title) in LETTERS.items():
        dividing = Counter({key: count for key, count in counts[letter].items() if count < total})
        values = [
            FacetValue(name, count, query.with_filter(field, value), query.with_filter(field, value, excluded=True))
            for name, value, count in named(letter, dividing)
            if not asked_for(query, field, value)
        ]
        if values:
            found.append(Facet(field, title, values))
    return found


def asked_for(query: Query, field: Field, value: str) -> bool:
    return any(item.field == field and item.value.casefold() == value.casefold() for item in query.items)


def named(letter: str, counts: Counter[str]) -> list[tuple[str, str, int]]:
    """Name, value for the filter, and count, in the order in which they are shown."""
    if letter == "y":
        return [(year, year, counts[year]) for year in sorted(counts, reverse=True)[:MOST_VALUES]]
    if letter == "k":
        return [(KIND_NAMES[kind], kind, counts[kind]) for kind in KIND_NAMES if kind in counts]
    most = dict(counts.most_common(MOST_VALUES))
    model = Topic if letter == "t" else Section
    names = {str(row.pk): row.name for row in model.objects.filter(pk__in=most)} if most else {}
    return [(names[key], names[key], count) for key, count in most.items() if key in names]
