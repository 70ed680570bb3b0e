"""Public pages as files, for a web server that answers them itself: each page, and beside it its .gz and .br."""

import gzip
import io
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import brotli
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.urls import reverse

from dynamically_typed.page_cache import Rendering, ask, may_be_kept
from issues.models import Section, Topic
from issues.sitemaps import KINDS, LISTS

GZIP_LEVEL, BROTLI_LEVEL = 9, 9  # Brotli's 11 takes ten times as long for a tenth less.
SMALL_FILES = ("issues:theme", "issues:robots", "issues:llms", "issues:sitemap_index", "issues:sitemap_of_lists")
MANIFEST = ".exported.json"


class Report(NamedTuple):
    written: int
    unchanged: int
    removed: int


def addresses() -> list[str]:
    """The paths of all public pages that are one path each, with their feeds; what takes parameters stays the site's."""
    paths = [reverse(name) for name in (*LISTS, *SMALL_FILES)]
    for kind in KINDS.values():
        paths += [row.get_absolute_url() for row in kind.public().iterator(chunk_size=2_000)]
    for form in ("atom", "json"):
        paths += [reverse(f"issues:{name}", args=[form]) for name in ("feed", "issues_feed", "corrections_feed")]
        paths += [
            reverse("issues:section_feed", args=[slug, form]) for slug in Section.objects.values_list("slug", flat=True)
        ]
        paths += [
            reverse("issues:topics_feed", args=[slug, form])
            for slug in Topic.objects.public().values_list("slug", flat=True)
        ]
    return paths


def export(folder: Path, paths: Iterable[str], progress: Callable[[str], object] = lambda path: None) -> Report:
    """Write the pages that differ from what is there, and remove those that were exported before and are public no more.

    What may lie there is noted before, so that an export that is broken off leaves nothing that no later one removes.
    """
    application = WSGIHandler()
    manifest = folder / MANIFEST
    folder.mkdir(parents=True, exist_ok=True)
    before: set[str] = set(json.loads(manifest.read_text())) if manifest.exists() else set()
    names = {path: file_name(path) for path in paths}
    replace(manifest, json.dumps(sorted(before.union(names.values()))).encode())
    exported: set[str] = set()
    written = 0
    for path, name in names.items():
        progress(path)
        page = render(application, path)
        if page is None:
            continue
        exported.add(name)
        written += write(folder / name, page.body)
    replace(manifest, json.dumps(sorted(exported)).encode())
    gone = before - exported
    for name in gone:
        for each in variants(folder / name):
            each.unlink(missing_ok=True)
    return Report(written, len(exported) - written, len(gone))


def render(application: WSGIHandler, path: str) -> Rendering | None:
    """The page as everybody gets it; None if it isn't there, or may not be kept."""
    site = urlsplit(settings.SITE_URL)
    environ = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(path).encode().decode("latin-1"),
        "QUERY_STRING": "",
        "SERVER_NAME": site.hostname or "localhost",
        "SERVER_PORT": str(site.port or 443),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": settings.ALLOWED_HOSTS[0].lstrip(".*") or site.netloc,
        "wsgi.url_scheme": site.scheme,
        "wsgi.input": io.BytesIO(),
    }
    if settings.SECURE_PROXY_SSL_HEADER:
        name, https = settings.SECURE_PROXY_SSL_HEADER
        environ[name] = https
    page = ask(application, environ)
    return page if may_be_kept(page) else None


def file_name(path: str) -> str:
    """Relative to the folder. A path that ends with a slash is a folder with an index."""
    name = unquote(path).lstrip("/")
    return name + "index.html" if not name or name.endswith("/") else name


def write(file: Path, body: bytes) -> bool:
    """Return whether it was another one. In the end each file is there whole, or as it was before."""
    plain, zipped, brotlied = variants(file)
    if all(each.exists() for each in (plain, zipped, brotlied)) and plain.read_bytes() == body:
        return False
    file.parent.mkdir(parents=True, exist_ok=True)
    contents = {
        zipped: gzip.compress(body, GZIP_LEVEL, mtime=0),
        brotlied: brotli.compress(body, quality=BROTLI_LEVEL),
        plain: body,
    }
    for target, content in contents.items():
        replace(target, content)
    return True


def replace(file: Path, content: bytes) -> None:
    new = file.with_name(file.name + ".new")
    new.write_bytes(content)
    new.replace(file)


def variants(file: Path) -> tuple[Path, Path, Path]:
    return file, file.with_name(file.name + ".gz"), file.with_name(file.name + ".br")
