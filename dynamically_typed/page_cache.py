"""Public pages from memory, before Django is asked: a WSGI application around the site's.

Only what a view declares as public (issues/public_pages.py) is kept, and it is made for nobody in particular: of the
request, Django sees scheme, host, path and the declared parameters. A page is compressed once, and answered until the
site has another version (issues/site_version.py), or for five minutes: that bounds what is written behind the
application's back. See docs/speed.md.
"""

import gzip
import threading
import time
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterable
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple
from weakref import WeakValueDictionary
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import brotli
from django.conf import settings
from django.core.handlers.wsgi import get_path_info
from django.utils.http import parse_http_date_safe

from issues.public_pages import public_page_at
from issues.site_version import Lookout, Version

LONGEST_LIFE = 300.0  # seconds
GZIP_LEVEL, BROTLI_LEVEL = 6, 5  # the best that take about a millisecond for a page
LARGEST_SHARE = 8  # a page that takes more than an eighth of the memory isn't kept
OVERHEAD = 2_000  # bytes that a page takes beside its body, about
CODINGS = ("br", "gzip", "identity")
SET_HERE = ("content-length", "content-encoding", "etag", "vary", "date")
# What a page is made from; beside these, the request's own things that WSGI names.
KEPT_OF_REQUEST = ("SCRIPT_NAME", "PATH_INFO", "SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL", "HTTP_HOST")
Headers = list[tuple[str, str]]


class Address(NamedTuple):
    """Where a page is: the same page for everybody who asks there."""

    scheme: str
    host: str
    path: str
    query: str  # of declared parameters only


class Rendering(NamedTuple):
    """What Django answered."""

    status: str
    headers: Headers
    body: bytes


class Page(NamedTuple):
    """A page in one coding, with the headers of both answers that it gives."""

    coding: str
    body: bytes
    digest: str  # of the body before it was coded
    own_headers: Headers  # those that are the same in every coding
    headers: Headers
    headers_if_unchanged: Headers
    good_until: float  # by the monotonic clock

    @property
    def etag(self) -> str:
        """Another one for each coding, as strong tags have to be (RFC 9110, 8.8.3)."""
        return f'"{self.digest}"' if self.coding == "identity" else f'"{self.digest}-{self.coding}"'


class PageCache:
    """`most_bytes` bounds what is kept, in each process."""

    def __init__(self, application: WSGIApplication, most_bytes: int) -> None:
        self.application = application
        self.pages = Pages(most_bytes)
        self.lookout = Lookout()
        self.rendering: WeakValueDictionary[Address, threading.Lock] = WeakValueDictionary()
        self.rendering_lock = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return self.application(environ, start_response)
        coding = accepted_coding(environ.get("HTTP_ACCEPT_ENCODING", ""))
        address = Address(scheme_of(environ), environ.get("HTTP_HOST", ""), environ["PATH_INFO"], "")
        asked = environ.get("QUERY_STRING", "")
        if not asked and (page := self.pages.get(address, coding, self.lookout.version())):
            return answer(page, environ, start_response)  # The usual case, without a look at the view.
        declared = public_page_at(get_path_info(environ))
        query = declared.query(asked) if declared else None
        if query is None:
            return self.application(environ, start_response)
        found = self.find_or_render(address._replace(query=query), coding, environ)
        if isinstance(found, Page):
            return answer(found, environ, start_response)
        start_response(found.status, found.headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [found.body]

    def find_or_render(self, address: Address, coding: str, environ: WSGIEnvironment) -> Page | Rendering:
        """One thread renders a page, others that want it wait. What may not be kept comes as Django answered it."""
        page = self.pages.get(address, coding, self.lookout.version())
        if page is not None:
            return page
        with self.lock_of(address):
            version = self.lookout.version()  # before rendering: a change meanwhile makes the page an old one
            for each in (coding, *CODINGS):
                if page := self.pages.get(address, each, version):
                    break
            else:
                rendering = render(self.application, environ, address.query)
                if version is None or not may_be_kept(rendering):
                    return rendering
                page = page_of(rendering, coding)
            if page.coding != coding:
                page = recoded(page, coding)
            self.pages.keep(address, page, version)
            return page

    def lock_of(self, address: Address) -> threading.Lock:
        with self.rendering_lock:
            return self.rendering.setdefault(address, threading.Lock())


class Pages:
    """The pages of one version of the site, those asked for last, in a bounded number of bytes. For all threads."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self.bytes = 0
        self.version: Version | None = None
        self.kept: OrderedDict[tuple[Address, str], Page] = OrderedDict()
        self.lock = threading.Lock()

    def get(self, address: Address, coding: str, version: Version | None) -> Page | None:
        key = (address, coding)
        with self.lock:
            if version != self.version:
                self._begin(version)
            page = self.kept.get(key)
            if page is None or page.good_until < time.monotonic():
                return None
            self.kept.move_to_end(key)
            return page

    def keep(self, address: Address, page: Page, version: Version | None) -> None:
        size = size_of(address, page)
        if size * LARGEST_SHARE > self.most_bytes:
            return
        key = (address, page.coding)
        with self.lock:
            if version != self.version:
                return
            if former := self.kept.pop(key, None):
                self.bytes -= size_of(address, former)
            self.kept[key] = page
            self.bytes += size
            while self.bytes > self.most_bytes:
                (oldest, _), page = self.kept.popitem(last=False)
                self.bytes -= size_of(oldest, page)

    def _begin(self, version: Version | None) -> None:
        self.kept.clear()
        self.bytes, self.version = 0, version


def size_of(address: Address, page: Page) -> int:
    return len(page.body) + len(address.path) + len(address.query) + OVERHEAD


# From Django's answer to a page


def render(application: WSGIApplication, environ: WSGIEnvironment, query: str) -> Rendering:
    """Ask for the page as somebody of whom nothing is known."""
    names = [*KEPT_OF_REQUEST, *(name for name in environ if name.startswith("wsgi."))]
    if settings.SECURE_PROXY_SSL_HEADER:
        names.append(settings.SECURE_PROXY_SSL_HEADER[0])
    bare = {name: environ[name] for name in names if name in environ}
    return ask(application, bare | {"REQUEST_METHOD": "GET", "QUERY_STRING": query})


def ask(application: WSGIApplication, environ: WSGIEnvironment) -> Rendering:
    started: list[tuple[str, Headers]] = []

    def start_response(status: str, headers: Headers, exc_info: Any = None) -> Callable[[bytes], object]:
        started.append((status, headers))
        return lambda data: None

    result = application(environ, start_response)
    try:
        body = b"".join(result)
    finally:
        if hasattr(result, "close"):
            result.close()
    return Rendering(*started[-1], body)


def may_be_kept(rendering: Rendering) -> bool:
    """Found, and without any sign of being for one reader."""
    headers = {name.lower(): value.lower() for name, value in rendering.headers}
    private = any(word in headers.get("cache-control", "") for word in ("private", "no-store"))
    varies = headers.get("vary", "accept-encoding") != "accept-encoding"
    return rendering.status.startswith("200 ") and "set-cookie" not in headers and not private and not varies


def page_of(rendering: Rendering, coding: str) -> Page:
    headers = [(name, value) for name, value in rendering.headers if name.lower() not in SET_HERE]
    digest = blake2b(rendering.body, digest_size=12).hexdigest()
    page = Page("identity", rendering.body, digest, headers, [], [], time.monotonic() + LONGEST_LIFE)
    return recoded(page, coding)


def recoded(page: Page, coding: str) -> Page:
    """The page in another coding."""
    body = CODERS[coding](DECODERS[page.coding](page.body))
    page = page._replace(coding=coding, body=body)
    headers = [*page.own_headers, ("ETag", page.etag), ("Vary", "Accept-Encoding")]
    of_body = [("Content-Length", str(len(body)))]
    if coding != "identity":
        of_body.append(("Content-Encoding", coding))
    unchanged = [(name, value) for name, value in headers if name != "Content-Type"]
    return page._replace(headers=headers + of_body, headers_if_unchanged=unchanged)


def as_it_is(body: bytes) -> bytes:
    return body


CODERS: dict[str, Callable[[bytes], bytes]] = {
    "identity": as_it_is,
    "gzip": lambda body: gzip.compress(body, GZIP_LEVEL, mtime=0),
    "br": lambda body: brotli.compress(body, quality=BROTLI_LEVEL),
}
DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "identity": as_it_is,
    "gzip": lambda body: zlib.decompress(body, wbits=31),
    "br": brotli.decompress,
}


# From a page to an answer


def answer(page: Page, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    if is_unchanged(page, environ):
        start_response("304 Not Modified", [*page.headers_if_unchanged])
        return []
    start_response("200 OK", [*page.headers])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [page.body]


def is_unchanged(page: Page, environ: WSGIEnvironment) -> bool:
    """Whether the reader has this page already (RFC 9110, 13.2.2: a date counts only where no tag is sent)."""
    if tags := environ.get("HTTP_IF_NONE_MATCH"):
        return tags.strip() == "*" or page.etag in (tag.strip().removeprefix("W/") for tag in tags.split(","))
    if "HTTP_IF_MODIFIED_SINCE" not in environ:
        return False  # The usual case: to read dates takes longer than all the rest.
    since = parse_http_date_safe(environ["HTTP_IF_MODIFIED_SINCE"])
    modified = parse_http_date_safe(dict(page.own_headers).get("Last-Modified", ""))
    return since is not None and modified is not None and modified <= since


@lru_cache(maxsize=1000)
def accepted_coding(header: str) -> str:
    """The best of ours that an Accept-Encoding header allows."""
    weights = {}
    for part in header.lower().split(","):
        name, _, parameter = part.partition(";")
        weights[name.strip()] = parameter.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return next((coding for coding in CODINGS[:-1] if weights.get(coding, weights.get("*", False))), "identity")


def scheme_of(environ: WSGIEnvironment) -> str:
    """As Django's `request.scheme` has it: the proxy's word counts where settings say so."""
    if settings.SECURE_PROXY_SSL_HEADER:
        name, https = settings.SECURE_PROXY_SSL_HEADER
        told = environ.get(name)
        if told is not None:
            return "https" if told.partition(",")[0].strip() == https else "http"
    return str(environ["wsgi.url_scheme"])
