"""The admin's site: Django's, with limits on log-ins and a second factor."""

from typing import Any

from django.contrib import admin
from django.contrib.auth import REDIRECT_FIELD_NAME, logout
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.cache import never_cache

from accounts import second_factor
from accounts.forms import WRONG, CodeForm, ReplaceForm
from accounts.throttle import Attempt
from audit.models import Action
from audit.recording import record


class StaffSite(admin.AdminSite):
    def get_urls(self) -> list[URLPattern | URLResolver]:
        return [
            path("second-factor/", self.admin_view(self.second_factor_view), name="second_factor"),
            path("second-factor/code/", never_cache(self.code_view), name="second_factor_code"),
            path("second-factor/set-up/", never_cache(self.set_up_view), name="second_factor_set_up"),
            *super().get_urls(),
        ]

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Ask for the password; what is answered is the same whether there is such an account or not."""
        if request.method != "POST":
            if second_factor.is_missing(request):
                return self._to_second_factor(request, request.half_user)  # type: ignore[attr-defined]
            return super().login(request, extra_context)
        attempt = Attempt.of(request, request.POST.get("username", ""))
        if not attempt.is_allowed():
            return self._too_many(request)
        attempt.note()  # before the password is looked at, which takes long: many at once don't get past the limit
        response = super().login(request, extra_context)
        if not isinstance(response, HttpResponseRedirect):
            _record_failure(request, attempt)
            return response
        user = request.user
        assert isinstance(user, User)  # noqa: S101  # Django has just logged it in.
        if second_factor.is_required(user):
            second_factor.begin(request.session)
            redirect = self._to_second_factor(request, user)
            redirect.cookies = response.cookies
            return redirect
        record(Action.LOGGED_IN, user, by=user, note="By password.")
        attempt.note_success(response)
        return response

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        user = request.user
        response = super().logout(request, extra_context)
        if request.method == "POST" and isinstance(user, User):
            record(Action.LOGGED_OUT, user, by=user)
        return response

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Django's, which asks for the old password, and after which its other sessions are void.

        Who found a session open gets no more guesses at the password than at the log-in.
        """
        if request.method != "POST":
            return super().password_change(request, extra_context)
        attempt = Attempt.of(request, request.user.get_username())
        if not attempt.is_allowed():
            return self._too_many(request)
        attempt.note()  # before the password is looked at, as in `login`
        response = super().password_change(request, extra_context)
        if isinstance(response, TemplateResponse) and "old_password" in (response.context_data or {})["form"].errors:
            return response
        attempt.note_success(response)
        if isinstance(response, HttpResponseRedirect) and isinstance(request.user, User):
            record(Action.CREDENTIALS_CHANGED, request.user, by=request.user, note="Changed the password.")
        return response

    def code_view(self, request: HttpRequest) -> HttpResponse:
        """Ask who has shown the password for a code."""
        user = self._half_logged_in(request)
        if user is None or not second_factor.has_one(user):
            return HttpResponseRedirect(reverse("admin:login"))
        attempt = Attempt.of(request, user.get_username())
        if request.method == "POST" and not attempt.is_allowed():
            return self._too_many(request)
        form = CodeForm(request.POST or None)
        if form.is_valid():
            if device := second_factor.verify(user, form.cleaned_data["code"]):
                second_factor.complete(request, user, device)
                response = HttpResponseRedirect(_next(request))
                attempt.note_success(response)
                return response
            form.add_error("code", WRONG)
            attempt.note()
            record(Action.LOG_IN_FAILED, user, by="somebody with the password", note="A wrong code.")
        context = {"title": "Your one-time code", "form": form, "next": _next(request)}
        return self._page(request, "code", context, status=400 if form.errors else 200)

    def set_up_view(self, request: HttpRequest) -> HttpResponse:
        """Show a key, take it when a code proves that it was kept, and show the recovery codes, once."""
        user = self._may_set_up(request)
        if user is None:
            return HttpResponseRedirect(reverse("admin:login"))
        device = second_factor.candidate(request.session, user)
        form = CodeForm(request.POST or None)
        if form.is_valid():
            if codes := second_factor.enrol(request, user, device, form.cleaned_data["code"]):
                page = self._page(
                    request, "recovery_codes", {"title": "Your recovery codes", "codes": codes, "next": _next(request)}
                )
                Attempt.of(request, user.get_username()).note_success(page)
                return page
            form.add_error("code", WRONG)
        context = {
            "title": "Set up the second factor",
            "form": form,
            "qr_code": second_factor.qr_code(device),
            "typed_key": second_factor.typed_key(device),
            "next": _next(request),
        }
        return self._page(request, "set_up", context, status=400 if form.errors else 200)

    def second_factor_view(self, request: HttpRequest) -> HttpResponse:
        """What one's second factor is, and the way to set it up anew: by showing both factors once more."""
        user = request.user
        assert isinstance(user, User)  # noqa: S101  # admin_view lets nobody else in.
        attempt = Attempt.of(request, user.get_username())
        if request.method == "POST":
            if not attempt.is_allowed():
                return self._too_many(request)
            attempt.note()  # as above
        form = ReplaceForm(user, request.POST or None)
        if form.is_valid():
            second_factor.begin_anew(request.session)
            response = HttpResponseRedirect(reverse("admin:second_factor_set_up"))
            attempt.note_success(response)
            return response
        context = {
            "title": "Second factor",
            "form": form,
            "has_one": second_factor.has_one(user),
            "codes_left": second_factor.recovery_codes_left(user),
        }
        return self._page(request, "second_factor", context, status=400 if form.errors else 200)

    def _may_set_up(self, request: HttpRequest) -> User | None:
        """Who has no second factor yet and has just shown the password, or who has just shown both."""
        if isinstance(request.user, User) and second_factor.is_in_time(request.session, second_factor.ENROLLING):
            return request.user
        user = self._half_logged_in(request)
        return user if user and not second_factor.has_one(user) else None

    def _half_logged_in(self, request: HttpRequest) -> User | None:
        """Who has shown the password, a few minutes ago; after that, they start anew."""
        if not second_factor.is_missing(request):
            return None
        user: User = request.half_user  # type: ignore[attr-defined]
        if not second_factor.is_in_time(request.session, second_factor.PENDING) or not (
            user.is_active and user.is_staff
        ):
            logout(request)
            return None
        return user

    def _to_second_factor(self, request: HttpRequest, user: User) -> HttpResponseRedirect:
        name = "second_factor_code" if second_factor.has_one(user) else "second_factor_set_up"
        return HttpResponseRedirect(f"{reverse(f'admin:{name}')}?{urlencode({REDIRECT_FIELD_NAME: _next(request)})}")

    def _too_many(self, request: HttpRequest) -> HttpResponse:
        return self._page(request, "too_many", {"title": "Too many wrong log-ins"}, status=429)

    def _page(self, request: HttpRequest, name: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
        return TemplateResponse(
            request,
            f"admin/accounts/{name}.html",
            self.each_context(request) | context,
            status=status,
            headers={"Cache-Control": "no-store"},
        )


def _next(request: HttpRequest) -> str:
    """Where to go afterwards: within this site only."""
    wanted = request.POST.get(REDIRECT_FIELD_NAME) or request.GET.get(REDIRECT_FIELD_NAME) or ""
    if url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure()):
        return wanted
    return reverse("admin:index")


def _record_failure(request: HttpRequest, attempt: Attempt) -> None:
    """Without what was typed, unless it is the name of an account: people type passwords there."""
    typed = request.POST.get("username", "")[:150].replace("\0", "")  # which PostgreSQL can't compare
    user = User.objects.filter(username=typed).first()
    record(Action.LOG_IN_FAILED, user or "no account of this name", by="somebody", note=f"From {attempt.network}.")
