"""The mail that was kept on this machine, shown to staff; and the page behind the unsubscribe link of test mails."""

from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.views.decorators import staff_member_required
from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from deliveries import maildir
from issues.email_previews import SANDBOX, html_preview

PER_PAGE = 50
MOST_SEARCHED = 5000  # messages, the newest: a search reads the headers of each
SHOWN_HEADERS = ("From", "To", "Reply-To", "Date")
# The mails hold addresses, and links with which their readers are confirmed, unsubscribed and so on: who may open them may
# do the like in the admin.
PERMISSIONS = ["deliveries.view_delivery", "subscribers.view_subscriber", "subscribers.change_subscriber"]
may_see_mails = permission_required(PERMISSIONS, raise_exception=True)


@require_safe
@staff_member_required
@may_see_mails
def mailbox(request: HttpRequest) -> HttpResponse:
    """The kept mail, newest first. Only the headers of the page's messages are read, or of those searched."""
    if not maildir.is_in_use():
        return page(request, "deliveries/elsewhere.html", {"backend": settings.EMAIL_BACKEND})
    query = request.GET.get("q", "").strip()
    keys = maildir.keys()
    if query:
        keys = [key for key in keys[:MOST_SEARCHED] if query.casefold() in address_and_subject(key).casefold()]
    shown = Paginator(keys, PER_PAGE).get_page(request.GET.get("page"))
    lines = [line(key) for key in shown]
    return page(
        request, "deliveries/mailbox.html", {"page": shown, "lines": lines, "query": query, "most": MOST_SEARCHED}
    )


@require_safe
@staff_member_required
@may_see_mails
def mail(request: HttpRequest, key: str) -> HttpResponse:
    """One mail: as HTML, as text, or its headers."""
    message = find(key)
    bodies = {"html": message.get_body(("html",)), "text": message.get_body(("plain",))}
    tabs = [*(name for name, body in bodies.items() if body), "headers"]
    shown = request.GET.get("show", tabs[0])
    if shown not in tabs:
        raise Http404
    context = {
        "key": key,
        "tabs": tabs,
        "shown": shown,
        "subject": message["Subject"] or "(no subject)",
        "facts": [(name, message[name]) for name in SHOWN_HEADERS if message[name]],
        "text": content_of(bodies["text"]),
        "headers": maildir.read_bytes(key).partition(b"\r\n\r\n")[0].decode("utf-8", errors="replace"),
        "sandbox": SANDBOX,
    }
    return page(request, "deliveries/mail.html", context)


@require_safe
@staff_member_required
@may_see_mails
def html(request: HttpRequest, key: str) -> HttpResponse:
    """The HTML alone, for the frame on the mail's page."""
    body = find(key).get_body(("html",))
    if body is None:
        raise Http404
    return html_preview(content_of(body))


@require_safe
@staff_member_required
@may_see_mails
def raw(request: HttpRequest, key: str) -> HttpResponse:
    """The bytes, for a mail program."""
    find(key)
    disposition = {"Content-Disposition": f'attachment; filename="{key}.eml"'}
    return HttpResponse(maildir.read_bytes(key), content_type="message/rfc822", headers=disposition)


@csrf_exempt  # A mail program's one-click button has no token of ours.
def sample_unsubscribe(request: HttpRequest) -> HttpResponse:
    """Where the unsubscribe link of a test mail leads: to the news that nothing happened."""
    return render(request, "deliveries/sample_unsubscribe.html")


def find(key: str) -> EmailMessage:
    if not maildir.is_in_use():
        raise Http404
    try:
        return maildir.read(key)
    except KeyError as error:
        raise Http404 from error


def content_of(body: Any) -> str:
    return str(body.get_content()) if body else ""


def line(key: str) -> dict[str, Any]:
    """What the list shows of a message; nothing if it was deleted meanwhile."""
    try:
        message = maildir.read_headers(key)
    except KeyError:
        return {}
    try:
        date = parsedate_to_datetime(message["Date"])
    except (TypeError, ValueError):
        date = None
    return {"key": key, "subject": message["Subject"] or "(no subject)", "to": message["To"], "date": date}


def address_and_subject(key: str) -> str:
    found = line(key)
    return f"{found.get('to')} {found.get('subject')}"


def page(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """A page with the admin's frame around it."""
    return render(request, template, admin.site.each_context(request) | context)
