"""How much a request may bring. Django bounds the fields of a form, but takes in files of any size before a view looks."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse

MOST_OF_STAFF = 210_000_000  # bytes: the largest list of subscribers that is taken, and what is around it


class BodyLimitMiddleware:
    """Answer 413 to what is larger than a form, unless staff send it to the admin, whose pages have their own limits.

    Comes after whoever says who it is. A body of unknown length is none, for Django.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        length = request.META.get("CONTENT_LENGTH") or "0"
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0
        if length.isdecimal() and int(length) > most and not (int(length) <= MOST_OF_STAFF and may_upload(request)):
            return HttpResponse("This is more than the page takes.", status=413, content_type="text/plain")
        return self.get_response(request)


def may_upload(request: HttpRequest) -> bool:
    return request.path_info.startswith(reverse("admin:index")) and request.user.is_staff
