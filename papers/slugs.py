from typing import Any

from django.db.models import QuerySet


def free_slug(queryset: QuerySet[Any], slug: str) -> str:
    """Return `slug`, or `slug-2`, `slug-3` …: the first that no row of `queryset` has. One query for each try."""
    slug = slug[:110]
    candidate, number = slug, 1
    while queryset.filter(slug=candidate).exists():
        number += 1
        candidate = f"{slug}-{number}"
    return candidate
