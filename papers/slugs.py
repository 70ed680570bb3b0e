from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet


def free_slug(queryset: QuerySet[Any], slug: str, *others: QuerySet[Any]) -> str:
    """Return `slug`, or `slug-2`, `slug-3` …: the first that no row of `queryset` has, nor of `others`.

    For each try a query on each of them.
    """
    slug = slug[:110]
    candidate, number = slug, 1
    while any(rows.filter(slug=candidate).exists() for rows in (queryset, *others)):
        number += 1
        candidate = f"{slug}-{number}"
    return candidate


def free_slugs(wanted: Sequence[str], *rows: QuerySet[Any]) -> list[str]:
    """As `free_slug` for each, and each another one. One query for each of `rows`, and more for those that are taken."""
    taken = {slug for each in rows for slug in each.filter(slug__in=set(wanted)).values_list("slug", flat=True)}
    slugs = []
    for slug in wanted:
        candidate, number = slug, 1
        while candidate in taken:
            number += 1
            candidate = f"{slug}-{number}"
            if candidate not in taken and free_slug(rows[0], candidate, *rows[1:]) != candidate:
                taken.add(candidate)
        taken.add(candidate)
        slugs.append(candidate)
    return slugs
