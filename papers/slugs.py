from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

LONGEST = 110  # characters, so that a number behind them has room in a column of 120


def free_slug(queryset: QuerySet[Any], slug: str, *others: QuerySet[Any]) -> str:
    """Return `slug`, or `slug-2`, `slug-3` …: the first that no row of `queryset` has, nor of `others`."""
    return free_slugs([slug], queryset, *others)[0]


def free_slugs(wanted: Sequence[str], *rows: QuerySet[Any]) -> list[str]:
    """As `free_slug` for each, and each another one. A query on each of `rows`, and one more for a slug that is taken."""
    wanted = [slug[:LONGEST] for slug in wanted]
    taken = stored(rows, slug__in=set(wanted))
    slugs, tries = [], Counter[str]()
    for slug in wanted:
        candidate = slug
        while candidate in taken:
            if slug not in tries:
                taken |= stored(rows, slug__startswith=f"{slug}-")
            tries[slug] += 1
            candidate = f"{slug}-{tries[slug] + 1}"
        taken.add(candidate)
        slugs.append(candidate)
    return slugs


def stored(rows: Sequence[QuerySet[Any]], **condition: Any) -> set[str]:
    return {slug for each in rows for slug in each.filter(**condition).values_list("slug", flat=True)}
