"""The Content-Security-Policy header, from the setting that Django 6 will read itself; delete this file then."""

from collections.abc import Callable, Mapping, Sequence

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponseBase

HEADER = "Content-Security-Policy"


class ContentSecurityPolicyMiddleware:
    """Set the header from `SECURE_CSP`, unless the view has set its own.

    Source: https://docs.djangoproject.com/en/6.0/ref/middleware/#content-security-policy-middleware
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        if not settings.SECURE_CSP:
            raise MiddlewareNotUsed
        self.get_response = get_response
        self.policy = build_policy(settings.SECURE_CSP)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault(HEADER, self.policy)
        return response


def build_policy(directives: Mapping[str, Sequence[str]]) -> str:
    return "; ".join(" ".join([name, *sources]) for name, sources in directives.items())
