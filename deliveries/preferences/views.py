"""The page behind each reader's own link. GET changes nothing, no page sets a cookie, and the token binds each POST."""

from collections.abc import Callable
from functools import partial, wraps
from typing import Any, Concatenate

from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.template.defaultfilters import date as date_in_words
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from deliveries.preferences.forms import AddressForm, PauseForm
from deliveries.preferences.offer import offer
from deliveries.preferences.personal_data import personal_data
from subscribers import erasure, preferences, signup, tokens
from subscribers.addresses import masked
from subscribers.errors import AlreadyKnown, BadToken, ExpiredToken
from subscribers.models import AddressChange, Subscriber, SubscriberState
from subscribers.throttle import sign_up_allowed
from subscribers.views import private

SAVED = {
    "stories": "Saved. The next issue follows your choice.",
    "pause": "Paused.",
    "resume": "Welcome back. You get the next issue.",
    "address": "A mail is on its way to the new address. Open the link in it to confirm; until then all stays as it is.",
    "left": "You are unsubscribed, as of now.",
    "return": "You are subscribed again.",
    "link": "The link is on its way to your mailbox. If one was sent within the last day, that one still works.",
    "ask": "For this you need a fresh link, which this page sends to your address.",
}
Step = Callable[[HttpRequest, Subscriber], HttpResponse]
View = Callable[Concatenate[HttpRequest, ...], HttpResponse]


def of_reader(step: Step, *, by_request: bool = False) -> View:
    """A view of the reader whose token is in the address; a page that says what to do when it is no good.

    By request: only for a link that was asked for, since those in issues are passed on with them.
    """

    @csrf_exempt  # Nobody can forge the post without the token, and the page shall set no cookie.
    @private
    @wraps(step)
    def view(request: HttpRequest, token: str) -> HttpResponse:
        try:
            subscriber = tokens.read_preferences_token(token)
        except BadToken as error:
            return bad_link(request, error)
        if by_request and not tokens.was_requested(token, subscriber):
            return back(request, "ask")
        return step(request, subscriber)

    return view


of_reader_by_request = partial(of_reader, by_request=True)


@require_safe
@of_reader
def page(request: HttpRequest, subscriber: Subscriber) -> HttpResponse:
    return show(request, subscriber)


@require_POST
@of_reader
def choose(request: HttpRequest, subscriber: Subscriber) -> HttpResponse:
    everything = offer(subscriber.choice)
    keys = [] if "all" in request.POST else everything.known(request.POST.getlist("about"))
    words = everything.in_words(keys)
    preferences.choose(subscriber, keys, wording=f"Only stories on {words}" if words else "The whole of each issue")
    return back(request, "stories")


@require_POST
@of_reader
def pause(request: HttpRequest, subscriber: Subscriber) -> HttpResponse:
    form = PauseForm(request.POST)
    if not form.is_valid():
        return show(request, subscriber, pause_form=form)
    until = form.cleaned_data["until"]
    preferences.pause(subscriber, until, wording=f"Pause until {date_in_words(until, 'j F Y')}")
    return back(request, "pause")


@require_POST
@of_reader
def resume(request: HttpRequest, subscriber: Subscriber) -> HttpResponse:
    preferences.resume(subscriber, wording="End the pause")
    return back(request, "resume")


@require_POST
@of_reader
def send_link(request: HttpRequest, subscriber: Subscriber) -> HttpResponse:
    if not sign_up_allowed(subscriber.email, request.META["REMOTE_ADDR"]):
        return render(request, "subscribers/too_many.html", status=429)
    preferences.ask_for_link(subscriber.email)
    return back(request, "link")


@require_POST
@of_reader_by_request
def move(request: HttpRequest, subscriber: Subscriber) -> HttpResponse:
    """Answer alike whoever has the new address; the mail there tells the difference."""
    form = AddressForm(request.POST)
    if not form.is_valid():
        return show(request, subscriber, address_form=form)
    if not sign_up_allowed(form.cleaned_data["email"], request.META["REMOTE_ADDR"]):
        return render(request, "subscribers/too_many.html", status=429)
    preferences.ask_to_move(subscriber, form.cleaned_data["email"])
    return back(request, "address")


@require_safe
@of_reader_by_request
def data(request: HttpRequest, subscriber: Subscriber) -> HttpResponse:
    return JsonResponse(
        personal_data(subscriber),
        json_dumps_params={"indent": 2, "ensure_ascii": False},
        headers={"Content-Disposition": 'attachment; filename="my-data.json"'},
    )


@require_POST
@of_reader
def unsubscribe(request: HttpRequest, subscriber: Subscriber) -> HttpResponse:
    signup.unsubscribe(subscriber, source=preferences.SOURCE)
    return back(request, "left")


@require_POST
@of_reader_by_request
def come_back(request: HttpRequest, subscriber: Subscriber) -> HttpResponse:
    preferences.come_back(subscriber, wording="Yes, send me each issue again")
    return back(request, "return")


@require_http_methods(["GET", "HEAD", "POST"])
@of_reader_by_request
def erase(request: HttpRequest, subscriber: Subscriber) -> HttpResponse:
    if request.method != "POST":
        return render(request, "deliveries/preferences/erase.html", {"address": masked(subscriber.email)})
    erasure.erase(subscriber, source=preferences.SOURCE)
    return render(request, "deliveries/preferences/erased.html")


@require_http_methods(["GET", "HEAD", "POST"])
@csrf_exempt  # As above.
@private
def confirm_address(request: HttpRequest, token: str) -> HttpResponse:
    """Ask on GET, because mail scanners follow links; act on POST."""
    try:
        change = tokens.read_address_change_token(token)
        context = {"old": masked(change.subscriber.email), "new": masked(change.address)}
        if request.method != "POST":
            return render(request, "deliveries/preferences/confirm_address.html", context)
        subscriber = preferences.move(token, wording="Yes, send it here")
    except BadToken as error:
        return bad_link(request, error)
    except AlreadyKnown as error:
        return render(request, "deliveries/preferences/confirm_address.html", {"error": error}, status=409)
    context["preferences_url"] = tokens.requested_url(subscriber)  # This mailbox has just shown whose it is.
    return render(request, "deliveries/preferences/moved.html", context)


def show(request: HttpRequest, subscriber: Subscriber, **forms: Form) -> HttpResponse:
    """The page as the database has it, or with a form that was filled in wrongly."""
    change = AddressChange.objects.filter(subscriber=subscriber, former="").first()
    token = _token_of(request)
    context: dict[str, Any] = {
        "subscriber": subscriber,
        "by_request": tokens.was_requested(token, subscriber),
        "address": masked(subscriber.email),
        "new_address": masked(change.address) if change else "",
        "is_active": subscriber.state == SubscriberState.ACTIVE,
        "is_paused": subscriber.is_paused(timezone.now().date()),
        "offer": offer(subscriber.choice),
        "saved": SAVED.get(request.GET.get("saved", "")),
        "token": token,
    }
    return render(request, "deliveries/preferences/page.html", context | forms, status=400 if forms else 200)


def back(request: HttpRequest, saved: str) -> HttpResponse:
    return HttpResponseRedirect(f"{reverse('preferences:page', args=[_token_of(request)])}?saved={saved}")


def _token_of(request: HttpRequest) -> str:
    return request.resolver_match.kwargs["token"] if request.resolver_match else ""


def bad_link(request: HttpRequest, error: BadToken) -> HttpResponse:
    expired = isinstance(error, ExpiredToken)
    return render(request, "deliveries/preferences/bad_link.html", {"expired": expired}, status=410 if expired else 404)
