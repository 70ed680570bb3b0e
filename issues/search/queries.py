"""The language of the search box. Every text is a query: what can't be read as syntax is read as words."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, Self
from urllib.parse import urlencode

from issues.search.words import plain_words

Field = Literal["topic", "author", "section", "year", "issue", "kind"]
FIELDS: tuple[Field, ...] = ("topic", "author", "section", "year", "issue", "kind")
ONE_VALUE_EACH = ("section", "year", "issue", "kind")  # nothing has two of these, so two in a query mean either
ORDERS = ("relevance", "date")
LONGEST_TEXT = 300  # characters
MOST_ITEMS = 20
QUOTES = '"“”„«»'
MINUS = "-−–"
ITEM = re.compile(
    rf"(?P<excluded>(?<!\S)[{MINUS}](?=\S))?(?:(?P<field>{'|'.join(FIELDS)}):)?"
    rf"(?:[{QUOTES}](?P<phrase>[^{QUOTES}]*)[{QUOTES}]?|(?P<bare>[^\s{QUOTES}]+))",
    re.IGNORECASE,
)
EITHER = {"OR", "|"}


@dataclass(frozen=True)
class Item:
    """A word, a phrase or a filter of a query."""

    value: str
    field: Field | None = None
    excluded: bool = False
    either: bool = False  # joined to the item before it by OR
    quoted: bool = False
    prefix: bool = False

    @cached_property
    def words(self) -> tuple[str, ...]:
        return plain_words(self.value)

    def __str__(self) -> str:
        """As it is typed, without the OR before it."""
        value = f'"{self.value}"' if self.quoted or re.search(r"\s", self.value) else self.value
        return f"{'-' * self.excluded}{self.field + ':' if self.field else ''}{value}{'*' * self.prefix}"


@dataclass(frozen=True)
class Query:
    """What somebody looks for. `order` is empty when it was not asked for."""

    items: tuple[Item, ...] = ()
    order: str = ""
    cut: bool = False  # it was too long, and its end is left out

    def __bool__(self) -> bool:
        return bool(self.items)

    @cached_property
    def text(self) -> str:
        """As it is typed: `parse(query.text)` has the same items."""
        return "".join(f"{' OR ' if item.either else ' '}{item}" for item in self.items).strip()

    @property
    def filters(self) -> list[Item]:
        return [item for item in self.items if item.field]

    @property
    def has_words(self) -> bool:
        """Whether there is anything to be relevant to."""
        return any(not item.field and not item.excluded for item in self.items)

    @property
    def effective_order(self) -> str:
        return self.order or ("relevance" if self.has_words else "date")

    @property
    def params(self) -> dict[str, str]:
        """The parameters of its address: `Query.from_params` reads them back."""
        return {"q": self.text} | ({"sort": self.order} if self.order else {})

    @property
    def encoded(self) -> str:
        """The same for the address of a page."""
        return urlencode(self.params)

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> "Query":
        """From a request's GET or a dict. An order that isn't known is none."""
        order = str(params.get("sort", ""))
        return replace(parse(str(params.get("q", ""))), order=order if order in ORDERS else "")

    def clauses(self) -> list[list[Item]]:
        """Items of which one has to be there, list by list; excluded ones stand alone."""
        clauses: list[list[Item]] = []
        by_field: dict[str, list[Item]] = {}
        for item in self.items:
            if item.either and clauses:
                clauses[-1].append(item)
                if item.field != clauses[-1][0].field:
                    by_field.pop(clauses[-1][0].field or "", None)
                continue
            together = by_field.get(item.field or "") if not item.excluded else None
            if together is not None:
                together.append(item)
                continue
            clauses.append([item])
            if item.field in ONE_VALUE_EACH and not item.excluded:
                by_field[item.field] = clauses[-1]
        return clauses

    def with_filter(self, field: Field, value: str, *, excluded: bool = False) -> Self:
        item = Item(value.translate(dict.fromkeys(map(ord, QUOTES), " ")).strip(), field, excluded=excluded)
        return self if item in self.items else replace(self, items=(*self.items, item))

    def without(self, item: Item) -> Self:
        """Without one of its items; what was joined to it by OR is joined to the one before it, if that was, too."""
        items: list[Item] = []
        for each, following in zip(self.items, (*self.items[1:], None), strict=True):
            if each is not item:
                items.append(each)
            elif following and following.either and not each.either:
                rest = self.items[len(items) + 2 :]
                return replace(self, items=(*items, replace(following, either=False), *rest))
        return replace(self, items=tuple(items))

    def ordered_by(self, order: str) -> Self:
        return replace(self, order=order)


def parse(text: str) -> Query:
    """Read what was typed. Never raises."""
    cleaned = " ".join(without_controls(text[: 10 * LONGEST_TEXT]).split())
    items: list[Item] = []
    either = False
    for match in ITEM.finditer(cleaned[:LONGEST_TEXT]):
        if match[0] in EITHER:
            either = bool(items) and not items[-1].excluded
            continue
        item = read_item(match)
        if item is not None:
            items.append(replace(item, either=either and not item.excluded))
            either = False
    return Query(tuple(items[:MOST_ITEMS]), cut=len(cleaned) > LONGEST_TEXT or len(items) > MOST_ITEMS)


def read_item(match: re.Match[str]) -> Item | None:
    """The item, or nothing if no word is in it."""
    phrase, value = match["phrase"], match["bare"] or ""
    prefix = phrase is None and value.endswith("*")
    item = Item(
        value=(phrase if phrase is not None else value.lstrip(MINUS).rstrip("*")).strip(),
        field=match["field"].lower() if match["field"] else None,  # type: ignore[arg-type]  # The pattern knows no other.
        excluded=bool(match["excluded"]),
        quoted=phrase is not None,
        prefix=prefix,
    )
    if not item.words:
        return None
    read_back = ITEM.fullmatch(item.value)
    looks_like_syntax = item.value in EITHER or (read_back is not None and read_back["field"])
    return replace(item, quoted=True, prefix=False) if looks_like_syntax and not item.field else item


def without_controls(text: str) -> str:
    """With spaces for control characters and for halves of surrogate pairs, which no database takes."""
    normal = unicodedata.normalize("NFC", text)
    return "".join(" " if unicodedata.category(each) in ("Cc", "Cs") else each for each in normal)
