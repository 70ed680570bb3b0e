import datetime
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.views.decorators.http import require_GET, require_POST

from deliveries import admin_missed, freezing, ledger, queueing, sending
from deliveries.errors import DeliveriesError
from deliveries.forms import SampleForm, ScheduleForm
from deliveries.models import Delivery, DeliveryQuerySet, Mailing, MailingState
from deliveries.previews import SANDBOX, html_preview
from issues.admin.texts import editor_of
from issues.emailing import UNSUBSCRIBE_URL
from issues.errors import IssuesError, NotReady
from issues.models import Issue
from subscribers.models import Subscriber


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # Parameters exist in the types only.
    """What happened is looked at, not typed."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Mailing)
class MailingAdmin(ReadOnlyAdmin):
    list_display = ["issue", "state", "approved_by", "scheduled_for", "started_at", "finished_at", "candidates"]
    list_select_related = ["issue", "approved_by"]
    list_filter = ["state"]
    fields = [
        "issue",
        "subject",
        "from_line",
        "reply_to",
        "list_id",
        "approved_by",
        "created_at",
        "scheduled_for",
        "started_at",
        "finished_at",
        "fingerprint",
    ]
    actions = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Mailing]:
        return super().get_queryset(request).defer("html", "text")

    @admin.display(description="From")
    def from_line(self, mailing: Mailing) -> str:
        return f"{mailing.sender} <{mailing.from_email}>"

    def get_urls(self) -> list[URLPattern]:
        def view(route: str, function: Any, name: str) -> Any:
            return path(route, self.admin_site.admin_view(function), name=f"deliveries_mailing_{name}")

        return [
            view("freeze/<int:issue_id>/", require_POST(self.freeze), "freeze"),
            view("<int:mailing_id>/ledger/", require_GET(self.ledger), "ledger"),
            *(
                view(f"<int:mailing_id>/{route}", require_GET(function), name)
                for route, function, name in admin_missed.PAGES
            ),
            view("<int:mailing_id>/html/", require_GET(self.html), "html"),
            view("<int:mailing_id>/schedule/", require_POST(self.schedule), "schedule"),
            view("<int:mailing_id>/test/", require_POST(self.send_sample), "test"),
            *(
                view(f"<int:mailing_id>/{name}/", require_POST(self.step_view(name)), name)
                for name in ("start", "pause", "resume", "cancel", "void")
            ),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        mailing = self.get_object(request, unquote(object_id))
        context = self.page_context(request, mailing) if mailing else {}
        return super().change_view(request, object_id, form_url, (extra_context or {}) | context)

    def page_context(self, request: HttpRequest, mailing: Mailing) -> dict[str, Any]:
        waiting = Mailing.objects.not_started().filter(pk=mailing.pk).exists()
        return {
            "mailing": mailing,
            "figures": figures(mailing),
            "is_waiting": waiting,
            "is_sending": mailing.state == MailingState.SENDING,
            "is_paused": mailing.state == MailingState.PAUSED and not waiting,
            "may_send": request.user.has_perm("deliveries.send_mailing"),
            "may_test": request.user.has_perm("deliveries.add_mailing"),
            "audience": Subscriber.objects.active().count() if waiting else 0,
            "schedule_form": ScheduleForm(initial={"at": mailing.scheduled_for}),
            "sample_form": SampleForm(initial={"to": getattr(request.user, "email", "")}),
            "time_zone": timezone.get_current_timezone_name(),
            "sandbox": SANDBOX,
            "text": mailing.text.replace(UNSUBSCRIBE_URL, "(the reader's own link to unsubscribe)"),
        }

    def freeze(self, request: HttpRequest, issue_id: int) -> HttpResponse:
        """Approve an issue; the button stands on the issue's page."""
        require(request, "deliveries.add_mailing")
        issue = get_object_or_404(Issue, pk=issue_id)
        try:
            mailing = freezing.freeze(issue, by=editor_of(request))
        except (DeliveriesError, IssuesError) as error:
            show(request, error)
            return HttpResponseRedirect(reverse("admin:issues_issue_change", args=[issue_id]))
        self.log_addition(request, mailing, f"Approved issue {issue}.")
        messages.success(request, "Approved. This is what readers will get; nothing has left yet.")
        return self.back_to(mailing)

    def step_view(self, name: str) -> Any:
        """A view that takes one step of a mailing which needs nothing but the mailing."""
        step, done = {
            "start": (queueing.start, "The issue is public, and its mails are on their way."),
            "pause": (queueing.pause, "Paused. Only a mail that is being handed over right now may still leave."),
            "resume": (queueing.resume, "Sending goes on."),
            "cancel": (queueing.cancel, "Cancelled. What had not left is skipped."),
            "void": (freezing.void, "The approval is taken back; the issue is a draft again."),
        }[name]

        def view(request: HttpRequest, mailing_id: int) -> HttpResponse:
            return self.take_step(request, mailing_id, step, done)

        return view

    def schedule(self, request: HttpRequest, mailing_id: int) -> HttpResponse:
        form = ScheduleForm(request.POST)
        if not form.is_valid():
            require(request, "deliveries.send_mailing")
            messages.error(request, f"The time to start: {sentence(form)}")
            return self.back_to(get_object_or_404(Mailing, pk=mailing_id))
        at = form.cleaned_data["at"]
        when = f"{timezone.localtime(at):%d %B %Y, %H:%M} ({timezone.get_current_timezone_name()})"
        return self.take_step(request, mailing_id, lambda each: queueing.schedule(each, at), f"Scheduled for {when}.")

    def send_sample(self, request: HttpRequest, mailing_id: int) -> HttpResponse:
        form = SampleForm(request.POST)
        if not form.is_valid():
            require(request, "deliveries.add_mailing")
            messages.error(request, f"The address for the test: {sentence(form)}")
            return self.back_to(get_object_or_404(Mailing, pk=mailing_id))
        to = form.cleaned_data["to"]
        return self.take_step(
            request,
            mailing_id,
            lambda each: sending.send_sample(each, to),
            f"A test was sent to {to}.",
            permission="deliveries.add_mailing",
        )

    def take_step(
        self,
        request: HttpRequest,
        mailing_id: int,
        step: Any,
        done: str,
        permission: str = "deliveries.send_mailing",
    ) -> HttpResponse:
        require(request, permission)
        mailing = get_object_or_404(Mailing.objects.select_related("issue"), pk=mailing_id)
        try:
            step(mailing)
        except (DeliveriesError, IssuesError) as error:
            show(request, error)
        else:
            self.log_change(request, mailing, done)
            messages.success(request, done)
        return self.back_to(mailing)

    def ledger(self, request: HttpRequest, mailing_id: int) -> HttpResponse:
        require(request, "deliveries.view_mailing")
        return JsonResponse(figures(get_object_or_404(Mailing, pk=mailing_id)))

    def html(self, request: HttpRequest, mailing_id: int) -> HttpResponse:
        require(request, "deliveries.view_mailing")
        mailing = get_object_or_404(Mailing, pk=mailing_id)
        return html_preview(mailing.html.replace(UNSUBSCRIBE_URL, sending.sample_unsubscribe_url()))

    def back_to(self, mailing: Mailing) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:deliveries_mailing_change", args=[mailing.pk]))


def require(request: HttpRequest, permission: str) -> None:
    if not request.user.has_perm(permission):
        raise PermissionDenied


def sentence(form: Form) -> str:
    return " ".join(str(error) for errors in form.errors.values() for error in errors)


def show(request: HttpRequest, error: Exception) -> None:
    for reason in error.reasons if isinstance(error, NotReady) else [str(error)]:
        messages.error(request, reason)


def figures(mailing: Mailing) -> dict[str, Any]:
    """The ledger with its pace, for the page and for the script that keeps it fresh. One query."""
    now = timezone.now()
    counted = ledger.ledger(mailing)
    left = ledger.time_left(mailing, counted, now)
    return {
        "state": mailing.state,
        "candidates": counted.candidates,
        "sent": counted.sent,
        "failed": counted.failed,
        "skipped": counted.skipped,
        "uncertain": counted.uncertain,
        "remaining": counted.remaining,
        "done": counted.done,
        "adds_up": counted.adds_up,
        "rate": f"{ledger.deliveries_per_second(mailing, counted, now):,.1f}",
        "time_left": in_words(left) if left is not None and mailing.state == MailingState.SENDING else "",
    }


def in_words(duration: datetime.timedelta) -> str:
    if duration < datetime.timedelta(minutes=2):
        return f"{duration.seconds} seconds"
    now = timezone.now()
    return timesince(now - duration, now)


class ReasonFilter(admin.SimpleListFilter):
    """The most frequent reasons; the search finds the rarer ones."""

    title = "reason"
    parameter_name = "reason"
    most = 15

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        reasons = Delivery.objects.exclude(reason="").order_by().values_list("reason")
        counted = reasons.annotate(count=Count("pk")).order_by("-count", "reason")[: self.most]
        return [(reason, f"{reason[:60]} ({count})") for reason, count in counted]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> QuerySet[Delivery]:
        return queryset.filter(reason=self.value()) if self.value() else queryset


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = ["subscriber", "issue", "state", "reason", "attempts", "due_at", "finished_at"]
    list_select_related = ["subscriber", "mailing__issue"]
    list_filter = ["state", ReasonFilter, ("mailing", admin.RelatedOnlyFieldListFilter)]
    search_fields = ["=subscriber__email", "reason"]
    search_help_text = "A whole address, or words of a reason."
    show_full_result_count = False
    actions = ["send_again", "count_as_sent"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        return super().get_queryset(request).defer("mailing__html", "mailing__text")

    @admin.display(description="Issue", ordering="mailing__issue__number")
    def issue(self, delivery: Delivery) -> SafeString:
        address = reverse("admin:deliveries_mailing_change", args=[delivery.mailing_id])
        return format_html('<a href="{}">#{}</a>', address, delivery.mailing.issue.number)

    def has_send_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("deliveries.send_mailing")

    @admin.action(description="Send again (failed or uncertain ones)", permissions=["send"])
    def send_again(self, request: HttpRequest, deliveries: DeliveryQuerySet) -> None:
        messages.success(request, f"{queueing.send_again(deliveries)} deliveries are queued again.")

    @admin.action(description="Count as sent (uncertain ones)", permissions=["send"])
    def count_as_sent(self, request: HttpRequest, deliveries: DeliveryQuerySet) -> None:
        messages.success(request, f"{queueing.count_as_sent(deliveries)} deliveries count as sent.")
