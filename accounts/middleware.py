from collections.abc import Callable

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponseBase
from django.utils.functional import SimpleLazyObject

from accounts import second_factor


class SecondFactorMiddleware:
    """Whoever has shown the password alone, where that is not enough, is nobody: on every page, whatever it asks for.

    Comes after django_otp's, which knows whether a session has shown a code. Only the pages of the second factor look at
    `request.half_user`. As with Django's own, the session is read when somebody asks who it is: public pages don't.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        half_user = request.user
        request.half_user = half_user  # type: ignore[attr-defined]
        request.user = SimpleLazyObject(  # type: ignore[assignment]  # It behaves as what it wraps.
            lambda: AnonymousUser() if second_factor.is_missing(request) else half_user
        )
        return self.get_response(request)
