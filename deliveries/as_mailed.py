"""What an issue was when it was mailed, for everybody to see, beside what it says today."""

import re
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from deliveries.comparing import differences_of_parts
from deliveries.freezing import parts_to_store
from deliveries.models import Mailing
from issues.email_previews import SANDBOX, html_preview, whole_with
from issues.emailing import MERGE_FIELDS, parts_of
from issues.models import Issue
from issues.public_pages import public_page

PERSONAL_LINK = re.compile(rf'<a\b[^>]*"(?:{"|".join(MERGE_FIELDS)})"[^>]*>(.*?)</a>', re.DOTALL)


@public_page()
@require_safe
def as_mailed(request: HttpRequest, number: int) -> HttpResponse:
    """The text as it was mailed, the HTML in a frame, and what has changed since. As costly as rendering the email."""
    mailing = mailing_of(number)
    context = {
        "issue": mailing.issue,
        "mailing": mailing,
        "changes": differences_of_parts(mailing.parts, parts_of_today(mailing.issue)),
        "text": whole_with(mailing.text, "(a link of each reader’s own)"),
        "sandbox": SANDBOX,
    }
    return render(request, "deliveries/as_mailed.html", context)


@public_page()
@require_safe
def as_mailed_html(request: HttpRequest, number: int) -> HttpResponse:
    """The HTML alone, for the frame, without what differs by reader."""
    return html_preview(whole_with(PERSONAL_LINK.sub(r"\1", mailing_of(number).html), "#"))


def mailing_of(number: int) -> Mailing:
    """The last one that began to be sent. Raises Http404."""
    issue = get_object_or_404(Issue.objects.published(), number=number)
    sent = issue.mailings.filter(started_at__isnull=False).select_related("issue").order_by("-started_at")
    mailing = sent.first()
    if mailing is None:
        raise Http404("This issue was never mailed.")
    return mailing


def parts_of_today(issue: Issue) -> list[dict[str, Any]]:
    """As the email would have them, in words."""
    return parts_to_store(parts_of(issue, list(issue.stories.in_reading_order().for_page())))
