"""Searching the archive: `search(parse(text))`. docs/search.md tells what may be typed and how it is answered."""

from issues.search.queries import Item, Query, parse
from issues.search.searching import Hit, Results, search

__all__ = ["Hit", "Item", "Query", "Results", "parse", "search"]
