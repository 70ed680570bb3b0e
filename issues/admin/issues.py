from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from audit.models import Action
from audit.recording import record
from issues.admin.assembling import AssemblingPages
from issues.admin.preflight import PreflightPages
from issues.admin.revisions import RevisionPages, record_restoring, restoring_note
from issues.admin.texts import TextAdmin, editor_of, warn_of
from issues.arranging import rearrange
from issues.errors import NotReady
from issues.forms import IssueForm
from issues.models import Issue, IssueQuerySet, IssueState
from issues.preflight import OF_THE_PAGE
from issues.preflight.reports import examine
from issues.proposing import propose_issue
from issues.publishing import publish_on_the_web
from issues.references import stories_referring_to
from issues.views.archive import issue_page
from issues.writing import hold, render_stories_again, save_issue

SHOWN_BY_OTHERS = {"number", "title"}


@admin.register(Issue)
class IssueAdmin(AssemblingPages, PreflightPages, RevisionPages, TextAdmin):
    form = IssueForm
    list_display = ["__str__", "date", "state", "story_count"]
    list_filter = ["state"]
    date_hierarchy = "date"
    search_fields = ["number", "title", "summary"]

    # The list

    def get_queryset(self, request: HttpRequest) -> IssueQuerySet:
        return Issue.objects.with_story_count().order_by("-number")

    @admin.display(description="stories", ordering="story_count")
    def story_count(self, issue: Any) -> int:
        return int(issue.story_count)

    # The form

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """What the next issue would be; the address may say otherwise."""
        return propose_issue() | super().get_changeform_initial_data(request)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Issue | None:
        """Whoever saves holds the row until that is done, lest it be published meanwhile and the form take that back."""
        if request.method == "POST" and object_id.isdecimal():
            hold(Issue.objects.filter(pk=object_id))
        return super().get_object(request, object_id, from_field)

    def get_fieldsets(self, request: HttpRequest, obj: Issue | None = None) -> Any:
        published = obj is not None and obj.state == IssueState.PUBLISHED
        state = ("state", "published_at") if published else "state"
        return [
            (None, {"fields": [("number", "date"), "title", "summary", *([state] if obj else [])]}),
            ("Texts", {"fields": ["intro", "outro"]}),
            ("Email", {"fields": ["subject", "preheader"]}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Issue | None = None) -> list[str]:
        """A published issue keeps its number, which is its address."""
        published = obj is not None and obj.state == IssueState.PUBLISHED
        return ["state", "published_at", *(["number"] if published else [])]

    def has_delete_permission(self, request: HttpRequest, obj: Issue | None = None) -> bool:
        published = obj is not None and obj.state == IssueState.PUBLISHED
        return super().has_delete_permission(request, obj) and not published

    # Saving

    def save_model(self, request: HttpRequest, obj: Issue, form: Any, change: bool) -> None:
        form.rendered = save_issue(obj, editor=editor_of(request), note=restoring_note(request))
        record_restoring(request, obj)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        issue, moved = form.instance, []
        if "board" in form.cleaned_data:
            boards = form.cleaned_data["board_before"], form.cleaned_data["board"]
            moved = rearrange(issue, *boards, editor=editor_of(request))
        if moved or not change or SHOWN_BY_OTHERS & set(form.changed_data):
            render_stories_again(stories_referring_to([issue], moved))
        warn_of(request, form.rendered)

    # Preview and publication

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/preview/", view(self.preview), name="issues_issue_preview"),
            path("<int:pk>/publish/", view(self.publish), name="issues_issue_publish"),
            *super().get_urls(),
        ]

    def preview(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The issue's page as readers will see it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return issue_page(request, get_object_or_404(Issue.objects.with_neighbours(), pk=pk))

    def publish(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask, with all that stands in the way; on POST make the issue public without mailing it."""
        if not request.user.has_perm("issues.publish_issue"):
            raise PermissionDenied
        issue = get_object_or_404(Issue, pk=pk)
        address = reverse("admin:issues_issue_change", args=[pk])
        if issue.state == IssueState.PUBLISHED:
            messages.info(request, f"{issue} is published already.")
            return redirect(address)
        if request.method == "POST":
            try:
                with transaction.atomic():
                    if publish_on_the_web(issue):
                        record(Action.PUBLISHED, issue, by=request.user, note="On the web.")
            except NotReady:
                pass  # The page says why.
            else:
                messages.success(
                    request, format_html('<a href="{}">{}</a> is published.', issue.get_absolute_url(), issue)
                )
                return redirect(address)
        context = self.admin_site.each_context(request) | {
            "title": f"Publish {issue} on the web?",
            "opts": self.opts,
            "issue": issue,
            "reasons": examine(issue, OF_THE_PAGE).reasons,
        }
        return TemplateResponse(request, "admin/issues/issue/publish.html", context)
