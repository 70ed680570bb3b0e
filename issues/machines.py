"""What all answers to machines have in common."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import conditional_page, require_safe

View = Callable[..., HttpResponseBase]
MAX_AGE = 300  # seconds for which caches needn't ask again


def for_machines(view: View) -> View:
    """GET and HEAD only, readable from scripts of any site, cached for a short while, 304 if nothing has changed.

    A script may ask from another site: all of this is public, and no cookie is looked at.
    """
    cached = conditional_page(cache_control(public=True, max_age=MAX_AGE)(require_safe(view)))

    @csrf_exempt  # Nothing can be changed here, and another method is to hear 405, not 403.
    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method == "OPTIONS":
            response: HttpResponseBase = HttpResponse(status=204, headers={"Allow": "GET, HEAD, OPTIONS"})
            response["Access-Control-Allow-Methods"] = "GET, HEAD"
            response["Access-Control-Allow-Headers"] = "If-None-Match, If-Modified-Since"
            response["Access-Control-Max-Age"] = "86400"
        else:
            response = cached(request, *args, **kwargs)
        response["Access-Control-Allow-Origin"] = "*"
        response["Access-Control-Expose-Headers"] = "ETag, Last-Modified, Link"
        return response

    return answer
