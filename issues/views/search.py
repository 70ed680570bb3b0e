"""The search page: a pure function of its parameters, so that it can be kept like every other page."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from issues.public_pages import public_page
from issues.search import Query
from issues.search import search as search_for
from issues.search.searching import help_with


@public_page("q", "sort", "page")
@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """What `?q=` finds, in the order of `?sort=`, at `?page=`. Whatever stands there is understood somehow.

    Ten queries, and one for each filter and each prefix; more where nothing is found, to say what would help.
    """
    query = Query.from_params(request.GET)
    results = search_for(query, page=page_number(request.GET.get("page", "")))
    context = {
        "query": query,
        "results": results,
        "chips": [(item, results.query.without(item)) for item in results.query.filters],
        "orders": [(order, results.query.ordered_by(order)) for order in ("relevance", "date")],
        "help": None if results.total else help_with(results),
    }
    return render(request, "issues/search.html", context)


def page_number(text: str) -> int:
    """From 1; what isn't a number is 1."""
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 6 else 1
