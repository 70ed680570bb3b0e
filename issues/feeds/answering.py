"""Views of feeds: what one found becomes Atom or JSON Feed, at any size of the archive."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.http import http_date, urlencode

from issues.addresses import absolute, feed_id
from issues.feeds.formats import MEDIA_TYPES, WRITERS, Entry, Feed
from issues.machines import for_machines
from issues.models import Publication
from issues.public_pages import public_page


@dataclass(frozen=True)
class Page:
    """What a feed view found: a page of entries, and where the next one starts."""

    entries: list[Entry]
    older: str
    name: str = ""  # after the publication's
    path: str = "/"  # of the page that shows the same to people
    parameters: dict[str, str] = field(default_factory=dict)  # of both addresses
    pinged: bool = True  # whether the hub is told when it changes: see websub.py


def feed_view(*parameters: str) -> Callable[[Callable[..., Page | HttpResponseBase]], Callable[..., HttpResponseBase]]:
    """A view that answers in the form that the address ends with, at `?before=` and what these parameters leave."""

    def decorate(find: Callable[..., Page | HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        @public_page("before", *parameters)
        @for_machines
        @wraps(find)
        def view(request: HttpRequest, form: str, **kwargs: Any) -> HttpResponseBase:
            publication = Publication.objects.current()
            found = find(request, publication, form=form, **kwargs)
            return (
                found
                if isinstance(found, HttpResponseBase)
                else as_response(feed_of(request, publication, found), form)
            )

        return view

    return decorate


def as_response(feed: Feed, form: str) -> HttpResponse:
    response = HttpResponse(WRITERS[form](feed), content_type=f"{MEDIA_TYPES[form]}; charset=utf-8")
    response["Last-Modified"] = http_date(feed.modified.timestamp())
    links = [{"rel": "self", "href": feed.address}, *feed.links]
    response["Link"] = ", ".join(f'<{link["href"]}>; rel="{link["rel"]}"' for link in links)
    return response


def feed_of(request: HttpRequest, publication: Publication, page: Page) -> Feed:
    def address(before: str) -> str:
        parameters = page.parameters | ({"before": before} if before else {})
        return absolute(request.path) + (f"?{urlencode(parameters)}" if parameters else "")

    query = f"?{urlencode(page.parameters)}" if page.parameters else ""
    return Feed(
        id=feed_id(publication, request.path + query),
        title=f"{publication.name}: {page.name}" if page.name else publication.name,
        page_address=absolute(page.path) + query,
        address=address(request.GET.get("before", "")),
        first_address=address(""),
        next_address=address(page.older) if page.older else "",
        hub=settings.WEBSUB_HUB_URL if page.pinged else "",
        publication=publication,
        entries=page.entries,
    )
