"""What every page knows."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from issues.models import Publication


def publication(request: HttpRequest) -> dict[str, Any]:
    """The publication, fetched by one query when a template first asks for it, and where the site is."""
    return {"publication": SimpleLazyObject(Publication.objects.current), "site_url": settings.SITE_URL}
