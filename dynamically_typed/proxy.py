"""Whom a request came from, when one proxy stands before the site."""

from collections.abc import Callable
from ipaddress import ip_address

from django.http import HttpRequest, HttpResponseBase


class ClientAddressMiddleware:
    """Put the client's address into `REMOTE_ADDR`, where limits per network look for it.

    The last entry of X-Forwarded-For is the one that our own proxy added; those before it are the client's word only.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        last = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
        if is_address(last):
            request.META["REMOTE_ADDR"] = last
        return self.get_response(request)


def is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
