"""The pages of subscribers in the admin, with what was sent to them and what came back, of which only this app knows."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from deliveries.feedback import counting
from deliveries.feedback.timeline import consent_lines, timeline
from subscribers import charts
from subscribers.admin.subscribers import SubscriberAdmin
from subscribers.models import Subscriber

admin.site.unregister(Subscriber)


@admin.register(Subscriber)
class ReaderAdmin(SubscriberAdmin):
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        subscriber = self.get_object(request, unquote(object_id))
        context: dict[str, Any] = {}
        if subscriber is not None:
            sees_mails = request.user.has_perm("deliveries.view_delivery")
            context = {"timeline": timeline(subscriber) if sees_mails else consent_lines(subscriber)}
        return super().change_view(request, object_id, form_url, (extra_context or {}) | context)

    def figures_view(self, request: HttpRequest) -> HttpResponse:
        response = super().figures_view(request)
        if isinstance(response, TemplateResponse):
            latest = counting.of_latest()
            chart = charts.columns([each.hard for _, each in latest], [each.complaints for _, each in latest])
            response.template_name = "admin/deliveries/figures.html"
            response.context_data = {**(response.context_data or {}), "mailings": latest, "came_back": chart}
        return response
