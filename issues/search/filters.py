"""What the filters of a query stand for: labels of the index."""

import re
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

from django.db.models import Q
from django.utils.text import slugify

from issues.models import Section, Topic
from issues.search.documents import KIND_NAMES, RESOURCE_LABELS
from issues.search.queries import Field
from issues.search.words import plain_words
from papers.models import Author

MOST = 200  # labels that one filter stands for
RANGE = re.compile(r"#?(\d{1,6})?(?:(\.\.|[-–])#?(\d{1,6})?)?")


def labels_of_filter(field: Field, value: str) -> list[str]:
    """The labels of which a thing has to have one; none if there is nothing of this name. At most one query."""
    return LABELS[field](value)[:MOST]


def topics(value: str) -> list[str]:
    """By name, by another or an earlier name; if there is none of this name, those that have it in theirs."""
    named = Q(name__icontains=value) | Q(slug__contains=slugify(value, allow_unicode=True) or value)
    other = Q(aliases__name__icontains=value) | Q(aliases__slug=slugify(value, allow_unicode=True))
    rows = Topic.objects.filter(named | other).values_list("pk", "name", "slug", "aliases__name", "aliases__slug")
    return [f"t:{pk}" for pk in named_exactly(value, rows)]


def sections(value: str) -> list[str]:
    named = Q(name__icontains=value) | Q(slug__contains=slugify(value) or value)
    return [f"s:{pk}" for pk in named_exactly(value, Section.objects.filter(named).values_list("pk", "name", "slug"))]


def named_exactly(value: str, rows: Any) -> list[int]:
    """From rows of a key and names: the keys that have exactly this name, or else all."""
    wanted, found = plain_words(value), list(rows[:MOST])
    exact = [pk for pk, *names in found if wanted in map(plain_words, filter(None, names))]
    return list(dict.fromkeys(exact or [pk for pk, *_ in found]))


def authors(value: str) -> list[str]:
    """Those in whose names, present or former, all the words stand, however accented: a slug has no accents."""
    words = plain_words(value)
    conditions = [
        Q(slug__contains=word) | Q(family__icontains=word) | Q(given__icontains=word) | Q(aliases__slug__contains=word)
        for word in words
    ]
    names = ("family", "given", "suffix", "slug", "aliases__family", "aliases__given", "aliases__slug")
    found = Author.objects.filter(*conditions).values_list("pk", *names)[: 5 * MOST]
    matching = [pk for pk, *parts in found if {*words} <= {*plain_words(" ".join(filter(None, parts)))}]
    return [f"a:{pk}" for pk in dict.fromkeys(matching)]


def years(value: str) -> list[str]:
    return [f"y:{year}" for year in numbers(value, last=9999)]


def issues(value: str) -> list[str]:
    return [f"i:{number}" for number in numbers(value, last=999_999)]


def numbers(value: str, last: int) -> range:
    """2019, 2019..2021, 2019-2021; 2019.. and ..2021 as far as there is anything to find there."""
    match = RANGE.fullmatch(value.strip())
    if match is None or not (match[1] or match[3]):
        return range(0)
    if not match[2]:
        return range(int(match[1]), int(match[1]) + 1)
    end = int(match[3]) if match[3] else last
    start = int(match[1]) if match[1] else max(1, end - MOST + 1)
    return range(start, min(end, start + MOST - 1) + 1)


def kinds(value: str) -> list[str]:
    """By name in singular or plural; `resource` for the resources of every kind."""
    name = slugify(value)
    if name in ("resource", "resources", "link", "links"):
        return [f"k:{label}" for label in RESOURCE_LABELS]
    names = {name, name.removesuffix("s"), re.sub("ies$", "y", name)}
    return [f"k:{label}" for label, title in KIND_NAMES.items() if {label, slugify(title)} & names]


def similar_values(field: Field | None, value: str) -> list[str]:
    """What a filter that stands for nothing may have been meant to say, as readers know it. At most one query."""
    if field == "topic":
        names = list(Topic.objects.public().values_list("name", flat=True))
    elif field == "section":
        names = list(Section.objects.values_list("name", flat=True))
    else:
        names = list(KIND_NAMES) if field == "kind" else []
    by_plain = {" ".join(plain_words(name)): name for name in names}
    return [by_plain[each] for each in get_close_matches(" ".join(plain_words(value)), by_plain, n=2, cutoff=0.5)]


LABELS: dict[Field, Callable[[str], list[str]]] = {
    "topic": topics,
    "author": authors,
    "section": sections,
    "year": years,
    "issue": issues,
    "kind": kinds,
}
