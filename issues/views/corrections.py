from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from issues.corrections import published_corrections
from issues.lists import numbered_page
from issues.public_pages import public_page


@public_page("page")
@require_safe
def corrections(request: HttpRequest) -> HttpResponse:
    """What was wrong and what is right, the latest first. Two queries."""
    rows = published_corrections().order_by("-date", "-pk").select_related("story__issue")
    rows = rows.defer("story__body", "story__body_html")
    return render(request, "issues/correction_list.html", {"page": numbered_page(request, rows)})
