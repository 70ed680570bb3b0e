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
