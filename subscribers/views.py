"""Signing up, confirming, leaving. No page sets a cookie; what a link may do, its token says."""

from collections.abc import Callable
from functools import wraps
from html import unescape
from typing import Concatenate

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from subscribers import addresses, preferences, signup, tokens
from subscribers.errors import BadAddress, BadToken, ExpiredToken, UsedToken
from subscribers.throttle import sign_up_allowed

View = Callable[Concatenate[HttpRequest, ...], HttpResponse]
GET_AND_POST = ["GET", "HEAD", "POST"]
FORM = "sign-up form"
ELSEWHERE = "This came from a form on another site. Write your address here instead."


def private(view: View) -> View:
    """Keep a page whose address is a secret out of caches, search engines and Referer headers."""

    @wraps(view)
    def private_view(request: HttpRequest, *args: str, **kwargs: str) -> HttpResponse:
        response = view(request, *args, **kwargs)
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Robots-Tag"] = "noindex"
        return response

    return never_cache(private_view)


# The form stands on pages that are cached for everybody and set no cookie, so it can have no CSRF token. It borrows no
# authority of the visitor's: what it does, anybody may do from anywhere. Posts from other sites are refused all the same.
@csrf_exempt
@require_http_methods(GET_AND_POST)
def sign_up(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return render(request, "subscribers/signup.html")
    address, refusal = _typed_address(request, "signup")
    if refusal:
        return refusal
    if not request.POST.get("homepage"):  # People don't see this field; programs fill it in.
        signup.sign_up(address, wording=consent_wording(request), source=FORM)
    return redirect("subscribers:check_mailbox")


@csrf_exempt  # As above.
@require_http_methods(GET_AND_POST)
def ask_for_link(request: HttpRequest) -> HttpResponse:
    """Mail the link to the preferences; the answer is the same for every address."""
    if request.method != "POST":
        return redirect("subscribers:signup")
    address, refusal = _typed_address(request, "link")
    if refusal:
        return refusal
    preferences.ask_for_link(address)
    return render(request, "subscribers/link_sent.html")


@require_safe
def check_mailbox(request: HttpRequest) -> HttpResponse:
    """The same page for everybody who signed up, whatever the list knew of them."""
    return render(request, "subscribers/check_mailbox.html")


@csrf_exempt  # Nobody can forge the post without the token, and the page shall set no cookie.
@private
@require_http_methods(GET_AND_POST)
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """Ask on GET, because mail scanners follow links; act on POST."""
    try:
        if request.method != "POST":
            subscriber = tokens.read_confirmation_token(token)
            return render(request, "subscribers/confirm.html", {"address": addresses.masked(subscriber.email)})
        subscriber = signup.confirm(token, source="link in the confirmation mail")
    except BadToken as error:
        return _bad_link(request, error)
    return render(request, "subscribers/confirmed.html", {"preferences_url": tokens.preferences_url(subscriber)})


@csrf_exempt  # The POST may come from a mail program, which has no token of ours (RFC 8058).
@private
@require_http_methods(GET_AND_POST)
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Ask on GET, because mail scanners follow links; act on POST, each time with 200 and no redirect."""
    try:
        subscriber = tokens.read_unsubscribe_token(token)
    except BadToken as error:
        return _bad_link(request, error)
    context = {"address": addresses.masked(subscriber.email)}
    if request.method != "POST":
        return render(request, "subscribers/unsubscribe.html", context)
    one_click = request.POST.get("List-Unsubscribe") == "One-Click"
    signup.unsubscribe(subscriber, source="one-click header" if one_click else "unsubscribe link")
    return render(request, "subscribers/unsubscribed.html", context)


def _typed_address(request: HttpRequest, form: str) -> tuple[str, HttpResponse | None]:
    """The address from one of the two forms on the sign-up page, or the answer that refuses it."""

    def refuse(reason: object, status: int) -> tuple[str, HttpResponse]:
        typed = request.POST.get("email", "")[: addresses.LONGEST_INPUT]
        context = {f"{form}_error": reason, f"{form}_email": typed}
        return "", render(request, "subscribers/signup.html", context, status=status)

    if _comes_from_another_site(request):
        return refuse(ELSEWHERE, 403)
    try:
        address = addresses.normalise(request.POST.get("email", ""))
    except BadAddress as error:
        return refuse(error, 400)
    if not sign_up_allowed(address, request.META["REMOTE_ADDR"]):
        return "", render(request, "subscribers/too_many.html", status=429)
    return address, None


def consent_wording(request: HttpRequest) -> str:
    """Return the words beside the form's button as they are shown today: the proof of what was agreed to."""
    return " ".join(unescape(render_to_string("subscribers/_consent.html", request=request)).split())


def _bad_link(request: HttpRequest, error: BadToken) -> HttpResponse:
    gone = isinstance(error, ExpiredToken | UsedToken)
    context = {"expired": isinstance(error, ExpiredToken), "used": isinstance(error, UsedToken)}
    return render(request, "subscribers/bad_link.html", context, status=410 if gone else 404)


def _comes_from_another_site(request: HttpRequest) -> bool:
    """As the browser says it: by Sec-Fetch-Site, or in older ones by Origin. Programs say neither."""
    if site := request.headers.get("Sec-Fetch-Site"):
        return site == "cross-site"
    origin = request.headers.get("Origin")
    return origin is not None and origin.partition("://")[2] != request.get_host()
