"""Small files that programs look for at the root of a site."""

from datetime import timedelta

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from issues.addresses import absolute
from issues.machines import for_machines
from issues.public_pages import public_page

TEXT = "text/plain; charset=utf-8"


@public_page()
@for_machines
def robots(request: HttpRequest) -> HttpResponse:
    """What crawlers leave alone (RFC 9309), and the sitemap."""
    return render(request, "robots.txt", content_type=TEXT)


@public_page()
@for_machines
def llms(request: HttpRequest) -> HttpResponse:
    """What this is and where its machine-readable forms are, for language models (https://llmstxt.org). One query."""
    return render(request, "llms.txt", content_type=TEXT)


@for_machines
def security(request: HttpRequest) -> HttpResponse:
    """Where to report a hole (RFC 9116), if the operator says so; good for a year from the day it is asked for."""
    if not settings.SECURITY_CONTACT:
        raise Http404("There is no security.txt.")
    today = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    lines = [
        f"Contact: {settings.SECURITY_CONTACT}",
        f"Expires: {(today + timedelta(days=364)).isoformat()}",
        f"Canonical: {absolute(request.path)}",
    ]
    return HttpResponse("\n".join(lines) + "\n", content_type=TEXT)
