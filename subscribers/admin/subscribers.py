from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.formats import date_format

from subscribers import erasure, signup
from subscribers.addresses import shown
from subscribers.admin.lists import ListPages
from subscribers.forms import AddSubscriberForm
from subscribers.models import Subscriber, SubscriberQuerySet


@admin.register(Subscriber)
class SubscriberAdmin(ListPages):
    """States change by actions only, which call the same functions as the pages that readers see.

    The history is added by the app that also knows what was sent: deliveries/admin/readers.py.
    """

    list_display = ["address", "state", "since", "last_change"]
    list_filter = ["state"]
    search_fields = ["email"]
    search_help_text = "A part of an address."
    date_hierarchy = "created_at"
    list_per_page = 100
    show_full_result_count = False
    actions = ["unsubscribe", "erase"]

    @admin.display(description="address", ordering="email")
    def address(self, subscriber: Subscriber) -> str:
        return shown(subscriber.email) if subscriber.email else str(subscriber)

    @admin.display(ordering="created_at")
    def since(self, subscriber: Subscriber) -> str:
        return _when(subscriber.created_at)

    @admin.display(ordering="updated_at")
    def last_change(self, subscriber: Subscriber) -> str:
        return _when(subscriber.updated_at)

    def get_fields(self, request: HttpRequest, obj: Subscriber | None = None) -> tuple[str, ...]:
        return ("address", "state", "paused_until", "choice", "since", "last_change") if obj else ("email", "consent")

    def get_form(self, request: HttpRequest, obj: Subscriber | None = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, **kwargs) if obj else AddSubscriberForm

    def save_model(self, request: HttpRequest, obj: Subscriber, form: Any, change: bool) -> None:
        """Nothing: the form has added the subscriber, and nothing else is saved here."""

    def has_change_permission(self, request: HttpRequest, obj: Subscriber | None = None) -> bool:
        """For the list's actions; a single subscriber is only looked at."""
        return obj is None and super().has_change_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Subscriber | None = None) -> bool:
        return False  # What was sent to whom stays in the ledger: erasing is the way.

    def has_erase_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("subscribers.delete_subscriber")

    @admin.action(description="Unsubscribe", permissions=["change"])
    def unsubscribe(self, request: HttpRequest, subscribers: SubscriberQuerySet) -> None:
        changed = self._apply(request, subscribers, signup.unsubscribe, "Unsubscribed by an editor.")
        self.message_user(request, f"{changed} unsubscribed.", messages.SUCCESS)

    @admin.action(description="Erase: forget the address for good", permissions=["erase"])
    def erase(self, request: HttpRequest, subscribers: SubscriberQuerySet) -> HttpResponse | None:
        if "confirmed" not in request.POST:
            context = {
                **self.admin_site.each_context(request),
                "title": "Erase for good?",
                "opts": self.opts,
                "subscribers": subscribers,
                "checkbox": ACTION_CHECKBOX_NAME,
            }
            return TemplateResponse(request, "subscribers/admin_erase.html", context)
        changed = self._apply(request, subscribers, erasure.erase, "Erased by an editor.")
        self.message_user(request, f"{changed} erased.", messages.SUCCESS)
        return None

    def _apply(
        self, request: HttpRequest, subscribers: SubscriberQuerySet, change: Callable[..., bool], log: str
    ) -> int:
        """Change each, and note in the admin's log who did it; return how many changed."""
        changed = [subscriber for subscriber in subscribers if change(subscriber, source="admin")]
        for subscriber in changed:
            self.log_change(request, subscriber, log)
        return len(changed)


def _when(at: datetime) -> str:
    return date_format(timezone.localtime(at), "j M Y, H:i")
