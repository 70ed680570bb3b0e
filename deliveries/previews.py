"""Showing an email's HTML to staff: in a frame of its own, where nothing runs and nothing is fetched from elsewhere."""

import re
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpResponse

from issues.emailing import MERGE_FIELDS
from issues.variants import whole

HEAD = re.compile(r"<head\b[^>]*>", re.IGNORECASE)
# Links open beside the page; in the frame they would load the site without its rights.
LINKS_OPEN_OUTSIDE = '<base target="_blank">'
SANDBOX = "allow-popups allow-popups-to-escape-sandbox"


def whole_with(content: str, link: str) -> str:
    """HTML or text of a mailing, the whole issue, with `link` in place of each of the reader's own."""
    content = whole(content)
    for field in MERGE_FIELDS:
        content = content.replace(field, link)
    return content


def html_preview(html: str) -> HttpResponse:
    """Answer with an email's HTML, to be framed by a page of ours with `sandbox` set to SANDBOX."""
    html = HEAD.sub(lambda head: head[0] + LINKS_OPEN_OUTSIDE, html, count=1)
    site = urlsplit(settings.SITE_URL)
    policy = {
        "default-src": "'none'",
        "style-src": "'unsafe-inline'",
        "img-src": f"'self' data: {site.scheme}://{site.netloc}",
        "frame-ancestors": "'self'",
        "sandbox": SANDBOX,
    }
    headers = {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "X-Frame-Options": "SAMEORIGIN",
        "Referrer-Policy": "no-referrer",
    }
    return HttpResponse(html, headers=headers)
