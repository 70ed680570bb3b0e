from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db.models import CharField, Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Cast
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.template.defaultfilters import pluralize
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET, require_POST

from audit.models import Action, Entry
from deliveries import freezing, maildir, mailing_page, queueing, sending, testing
from deliveries.admin import missed
from deliveries.clock import in_both_zones, publication_zone
from deliveries.errors import DeliveriesError
from deliveries.forms import ScheduleForm
from deliveries.models import CONTENTS, Delivery, DeliveryQuerySet, DeliveryState, Mailing
from issues.admin.texts import editor_of
from issues.email_previews import html_preview, whole_with
from issues.errors import IssuesError, NotReady
from issues.models import Issue


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
    list_display = [
        "issue",
        "state_in_words",
        "approved_by",
        "scheduled_for",
        "started_at",
        "finished_at",
        "candidates",
    ]
    list_select_related = ["issue"]
    list_filter = ["state"]
    fields = [
        "issue",
        "subject",
        "from_line",
        "reply_to",
        "list_id",
        "started",
        "finished",
    ]
    actions = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Mailing]:
        """With the name of who approved it, which the trail keeps, also of the command line."""
        approvals = Entry.objects.filter(
            content_type=ContentType.objects.get_for_model(Mailing),
            object_id=Cast(OuterRef("pk"), CharField()),
            action=Action.APPROVED,
        )
        mailings: QuerySet[Mailing] = super().get_queryset(request).defer(*CONTENTS)
        return mailings.annotate(approver=Subquery(approvals.values("who")[:1]))

    @admin.display(description="approved by")
    def approved_by(self, mailing: Any) -> str:
        return mailing.approver or ""

    @admin.display(description="state", ordering="state")
    def state_in_words(self, mailing: Mailing) -> str:
        return mailing.state_in_words

    @admin.display(description="started")
    def started(self, mailing: Mailing) -> str:
        return in_both_zones(mailing.started_at, publication_zone()) if mailing.started_at else "-"

    @admin.display(description="finished")
    def finished(self, mailing: Mailing) -> str:
        return in_both_zones(mailing.finished_at, publication_zone()) if mailing.finished_at else "-"

    @admin.display(description="From")
    def from_line(self, mailing: Mailing) -> str:
        return f"{mailing.sender} <{mailing.from_email}>"

    def get_urls(self) -> list[URLPattern]:
        def view(route: str, function: Any, name: str) -> Any:
            return path(route, self.admin_site.admin_view(function), name=f"deliveries_mailing_{name}")

        return [
            view("freeze/<int:issue_id>/", require_POST(self.freeze), "freeze"),
            view("<int:mailing_id>/ledger/", require_GET(self.ledger), "ledger"),
            *(view(f"<int:mailing_id>/{route}", require_GET(function), name) for route, function, name in missed.PAGES),
            view("<int:mailing_id>/html/", require_GET(self.html), "html"),
            view("<int:mailing_id>/schedule/", require_POST(self.schedule), "schedule"),
            view("<int:mailing_id>/test/", require_POST(self.test), "test"),
            view("test/<int:issue_id>/", require_POST(self.test_draft), "test_draft"),
            view("<int:mailing_id>/settle/", require_POST(self.settle), "settle"),
            *(
                view(f"<int:mailing_id>/{name}/", require_POST(self.step_view(name)), name)
                for name in ("start", "unschedule", "pause", "resume", "cancel", "withdraw")
            ),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        mailing = self.get_object(request, unquote(object_id))
        context = mailing_page.context(request, mailing) if mailing else {}
        return super().change_view(request, object_id, form_url, (extra_context or {}) | context)

    def freeze(self, request: HttpRequest, issue_id: int) -> HttpResponse:
        """Approve an issue; the button stands on the issue's page, and on that of a mailing whose approval is void."""
        require(request, "deliveries.add_mailing")
        issue = get_object_or_404(Issue, pk=issue_id)
        try:
            mailing = freezing.freeze(issue, by=editor_of(request))
        except (DeliveriesError, IssuesError) as error:
            show(request, error)
            return HttpResponseRedirect(reverse("admin:issues_issue_change", args=[issue_id]))
        messages.success(request, "Approved. This is what readers will get; nothing has left yet.")
        return self.back_to(mailing)

    def step_view(self, name: str) -> Any:
        """A view that takes one step of a mailing which needs nothing but the mailing."""
        steps: dict[str, tuple[Any, str]] = {
            "start": (queueing.start, "The issue is public, and its mails are on their way."),
            "unschedule": (queueing.unschedule, "The schedule is undone; the approval stays."),
            "pause": (queueing.pause, "Paused. Only a mail that is being handed over right now may still leave."),
            "resume": (queueing.resume, "Sending goes on."),
            "cancel": (queueing.cancel, "Cancelled. What had not left is skipped."),
            "withdraw": (freezing.withdraw, "The approval is taken back; the issue is a draft again."),
        }
        step, done = steps[name]

        def view(request: HttpRequest, mailing_id: int) -> HttpResponse:
            return self.take_step(request, mailing_id, lambda each: step(each, by=editor_of(request)), done)

        return view

    def schedule(self, request: HttpRequest, mailing_id: int) -> HttpResponse:
        require(request, "deliveries.send_mailing")
        zone = publication_zone()
        form = ScheduleForm(request.POST, zone=zone)
        if not form.is_valid():
            messages.error(request, f"The time to start: {sentence(form)}")
            return self.back_to(get_object_or_404(Mailing, pk=mailing_id))
        at = form.cleaned_data["at"]
        return self.take_step(
            request,
            mailing_id,
            lambda each: queueing.schedule(each, at, by=editor_of(request)),
            f"Scheduled for {in_both_zones(at, zone)}.",
        )

    def test(self, request: HttpRequest, mailing_id: int) -> HttpResponse:
        """Send a test of what was approved."""
        return self.send_test(request, get_object_or_404(Mailing.objects.select_related("issue"), pk=mailing_id))

    def test_draft(self, request: HttpRequest, issue_id: int) -> HttpResponse:
        """Send a test of the issue as it reads now."""
        require(request, "deliveries.add_mailing")
        issue = get_object_or_404(Issue, pk=issue_id)
        try:
            mailing = freezing.render_mailing(issue)
        except (DeliveriesError, IssuesError) as error:
            show(request, error)
            return HttpResponseRedirect(reverse("admin:issues_issue_change", args=[issue_id]))
        return self.send_test(request, mailing)

    def send_test(self, request: HttpRequest, mailing: Mailing) -> HttpResponse:
        require(request, "deliveries.add_mailing")
        form = mailing_page.form_for_test(request, request.POST)
        if not form.is_valid():
            messages.error(request, f"The test mail: {sentence(form)}")
            return self.back_to(mailing)
        to = form.cleaned_data["to"]
        try:
            testing.send_test(mailing, to, by=editor_of(request), reader=form.cleaned_data.get("reader"))
        except DeliveriesError as error:
            show(request, error)
        else:
            kept = " It is kept on this machine, as no mail server is set." if maildir.is_in_use() else ""
            messages.success(request, f"A test was sent to {to}.{kept}")
        return self.back_to(mailing)

    def settle(self, request: HttpRequest, mailing_id: int) -> HttpResponse:
        """Settle uncertain deliveries: all of the mailing, or those that are ticked."""
        require(request, "deliveries.send_mailing")
        mailing = get_object_or_404(Mailing, pk=mailing_id)
        deliveries = mailing.deliveries.uncertain()
        if "all" not in request.POST:
            ticked = [pk for pk in request.POST.getlist("delivery") if pk.isdecimal()]
            if not ticked:
                messages.warning(request, "Nothing is ticked, so nothing was settled. Tick some, or “All”.")
                return self.back_to(mailing)
            deliveries = deliveries.filter(pk__in=ticked)
        settle(request, deliveries, again=request.POST.get("as") == "again")
        return self.back_to(mailing)

    def take_step(self, request: HttpRequest, mailing_id: int, step: Any, done: str) -> HttpResponse:
        require(request, "deliveries.send_mailing")
        mailing = get_object_or_404(Mailing.objects.select_related("issue"), pk=mailing_id)
        try:
            step(mailing)
        except (DeliveriesError, IssuesError) as error:
            show(request, error)
        else:
            messages.success(request, done)
        return self.back_to(mailing)

    def ledger(self, request: HttpRequest, mailing_id: int) -> HttpResponse:
        require(request, "deliveries.view_mailing")
        return JsonResponse(mailing_page.figures(get_object_or_404(self.get_queryset(request), pk=mailing_id)))

    def html(self, request: HttpRequest, mailing_id: int) -> HttpResponse:
        require(request, "deliveries.view_mailing")
        mailing = get_object_or_404(Mailing, pk=mailing_id)
        return html_preview(whole_with(mailing.html, sending.sample_unsubscribe_url()))

    def back_to(self, mailing: Mailing) -> HttpResponse:
        """Its page; that of its issue if it is not saved."""
        if mailing._state.adding:
            return HttpResponseRedirect(reverse("admin:issues_issue_change", args=[mailing.issue_id]))
        return HttpResponseRedirect(reverse("admin:deliveries_mailing_change", args=[mailing.pk]))


def require(request: HttpRequest, permission: str) -> None:
    if not request.user.has_perm(permission):
        raise PermissionDenied


def sentence(form: Form) -> str:
    return " ".join(str(error) for errors in form.errors.values() for error in errors)


def show(request: HttpRequest, error: Exception) -> None:
    for reason in error.reasons if isinstance(error, NotReady) else [str(error)]:
        messages.error(request, reason)


def settle(request: HttpRequest, deliveries: DeliveryQuerySet, *, again: bool) -> None:
    if again:
        count = queueing.send_again(deliveries, by=editor_of(request))
        messages.success(request, f"{count} deliver{pluralize(count, 'y is,ies are')} queued again.")
    else:
        count = queueing.count_as_sent(deliveries, by=editor_of(request))
        messages.success(request, f"{count} deliver{pluralize(count, 'y counts,ies count')} as sent.")


class ReasonFilter(admin.SimpleListFilter):
    """The most frequent reasons in the mailing that is filtered by, else in the last one; the search finds the rarer ones.

    Only of one mailing, and not of what was sent: with an index for that, which there is none for all reasons.
    """

    title = "reason"
    parameter_name = "reason"
    most = 15

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        chosen = request.GET.get("mailing__id__exact", "")
        last = Mailing.objects.filter(started_at__isnull=False).order_by("-started_at").values_list("pk", flat=True)
        mailing_id = int(chosen) if chosen.isdecimal() else last.first()
        without_mail = Delivery.objects.filter(
            mailing=mailing_id, state__in=[DeliveryState.FAILED, DeliveryState.SKIPPED, DeliveryState.UNCERTAIN]
        )
        reasons = without_mail.exclude(reason="").order_by().values_list("reason")
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
        return super().get_queryset(request).defer(*(f"mailing__{name}" for name in CONTENTS))

    def has_view_permission(self, request: HttpRequest, obj: Delivery | None = None) -> bool:
        """Each line has a reader's address, which is for those who may see readers."""
        return super().has_view_permission(request, obj) and request.user.has_perm("subscribers.view_subscriber")

    @admin.display(description="Issue", ordering="mailing__issue__number")
    def issue(self, delivery: Delivery) -> SafeString:
        address = reverse("admin:deliveries_mailing_change", args=[delivery.mailing_id])
        return format_html('<a href="{}">#{}</a>', address, delivery.mailing.issue.number)

    def has_send_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("deliveries.send_mailing")

    @admin.action(description="Send again (failed or uncertain ones)", permissions=["send"])
    def send_again(self, request: HttpRequest, deliveries: DeliveryQuerySet) -> None:
        settle(request, deliveries, again=True)

    @admin.action(description="Count as sent (uncertain ones)", permissions=["send"])
    def count_as_sent(self, request: HttpRequest, deliveries: DeliveryQuerySet) -> None:
        settle(request, deliveries, again=False)
