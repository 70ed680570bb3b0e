"""The declaration that a view's page is public: the same for everybody, made of the database and named parameters alone.

Nothing else is ever kept in memory or exported. See dynamically_typed/page_cache.py.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from operator import itemgetter
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.http import HttpRequest, HttpResponseBase, QueryDict
from django.urls import Resolver404, resolve

View = Callable[..., HttpResponseBase]


@dataclass(frozen=True)
class PublicPage:
    parameters: tuple[str, ...]
    refuses_others: bool = False

    def query(self, query: str) -> str | None:
        """The part of a WSGI query string that the page depends on, in one order; None if the view has to refuse the rest."""
        text = query.encode("latin-1", "replace").decode(errors="replace")  # as Django reads it
        pairs = parse_qsl(text, keep_blank_values=True)
        known = [(name, value) for name, value in pairs if name in self.parameters]
        if self.refuses_others and len(known) < len(pairs):
            return None
        return urlencode(sorted(known, key=itemgetter(0)))


def public_page(*parameters: str, refuses_others: bool = False) -> Callable[[View], View]:
    """Declare a view's page as public, with all the parameters that it looks at: it gets no others to see.

    It is made for a request without cookies, user and client's address: the view must not look for any. Unless it says
    otherwise itself, others may keep the page, but ask each time whether it is still good.
    """

    declared = PublicPage(parameters, refuses_others)

    def decorate(view: View) -> View:
        @wraps(view)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not declared.refuses_others:
                request.GET = QueryDict(declared.query(request.META.get("QUERY_STRING", "")))
            response = view(request, *args, **kwargs)
            response.headers.setdefault("Cache-Control", "no-cache")
            return response

        answer.public_page = declared  # type: ignore[attr-defined]
        return answer

    return decorate


def public_page_at(path: str) -> PublicPage | None:
    """The declaration of the page at a path; None if there is no page, or not a public one."""
    try:
        view = resolve(path).func
    except Resolver404:
        return None
    return getattr(view, "public_page", None)
