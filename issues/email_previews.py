"""Showing an email's HTML to staff: in a frame of its own, where nothing runs and nothing is fetched from elsewhere."""

import re
from typing import Literal
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpResponse

from issues.emailing import MERGE_FIELDS
from issues.variants import whole

Scheme = Literal["light", "dark"]
HEAD = re.compile(r"<head\b[^>]*>", re.IGNORECASE)
# Links open beside the page; in the frame they would load the site without its rights.
LINKS_OPEN_OUTSIDE = '<base target="_blank">'
SANDBOX = "allow-popups allow-popups-to-escape-sandbox"
PREFERS_DARK = re.compile(r"@media\s*\(\s*prefers-color-scheme\s*:\s*dark\s*\)", re.IGNORECASE)
COLOUR_SCHEME = re.compile(r'(<meta name="(?:supported-)?color-schemes?" content=")[^"]*', re.IGNORECASE)


def whole_with(content: str, link: str) -> str:
    """HTML or text of an email, the whole issue, with `link` in place of each of the reader's own."""
    content = whole(content)
    for field in MERGE_FIELDS:
        content = content.replace(field, link)
    return content


def html_preview(html: str, *, scheme: Scheme | None = None, pictures: bool = True) -> HttpResponse:
    """Answer with an email's HTML, to be framed by a page of ours with `sandbox` set to SANDBOX.

    `scheme` shows it as mail programs do that follow its own rules for that scheme; None leaves it to the browser.
    Without pictures the browser is not let load any, and shows what stands in their place.
    """
    html = HEAD.sub(lambda head: head[0] + LINKS_OPEN_OUTSIDE, html, count=1)
    site = urlsplit(settings.SITE_URL)
    policy = {
        "default-src": "'none'",
        "style-src": "'unsafe-inline'",
        "img-src": f"'self' data: {site.scheme}://{site.netloc}" if pictures else "'none'",
        "frame-ancestors": "'self'",
        "sandbox": SANDBOX,
    }
    headers = {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "X-Frame-Options": "SAMEORIGIN",
        "Referrer-Policy": "no-referrer",
    }
    return HttpResponse(in_scheme(html, scheme) if scheme else html, headers=headers)


def in_scheme(html: str, scheme: Scheme) -> str:
    """The same email, whose rules for a dark scheme hold always or never, whatever the browser prefers."""
    html = COLOUR_SCHEME.sub(rf"\g<1>{scheme}", html)
    return PREFERS_DARK.sub("@media all" if scheme == "dark" else "@media not all", html)


def text_preview(text: str) -> HttpResponse:
    """Answer with an email's text, to be framed in the same way."""
    policy = f"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox {SANDBOX}"
    headers = {"Content-Security-Policy": policy, "X-Frame-Options": "SAMEORIGIN"}
    return HttpResponse(text, content_type="text/plain; charset=utf-8", headers=headers)
