"""The page on which an issue's preflight is read, and its warnings are passed."""

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.defaultfilters import pluralize
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_POST, require_safe

from issues.admin.texts import editor_of
from issues.errors import NotReady
from issues.models import Issue, IssueState
from issues.preflight import links
from issues.preflight.reports import examine, pass_warning, take_back


class PreflightPages(admin.ModelAdmin):  # type: ignore[type-arg]  # Parameters exist in the types only.
    """For the admin of issues."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/preflight/", view(require_safe(self.preflight)), name="issues_issue_preflight"),
            path("<int:pk>/preflight/pass/", view(require_POST(self.pass_warning)), name="issues_issue_pass"),
            path("<int:pk>/preflight/take-back/", view(require_POST(self.take_back)), name="issues_issue_take_back"),
            path("<int:pk>/preflight/links/", view(require_POST(self.check_links)), name="issues_issue_check_links"),
            *super().get_urls(),
        ]

    def preflight(self, request: HttpRequest, pk: int) -> HttpResponse:
        """All findings, worst first; of a published issue what was passed, as it can't be held back any more."""
        issue = get_object_or_404(Issue, pk=pk)
        if not self.has_view_permission(request, issue):
            raise PermissionDenied
        published = issue.state == IssueState.PUBLISHED
        context = self.admin_site.each_context(request) | {
            "title": f"Preflight of {issue}",
            "opts": self.opts,
            "original": issue,
            "issue": issue,
            "report": None if published else examine(issue),
            "waivers": issue.waivers.select_related("passed_by") if published else None,
            "may_change": self.has_change_permission(request, issue) and not published,
        }
        return TemplateResponse(request, "admin/issues/issue/preflight.html", context)

    def pass_warning(self, request: HttpRequest, pk: int) -> HttpResponse:
        issue, key = self.issue_to_change(request, pk), request.POST.get("key", "")
        try:
            pass_warning(issue, key, request.POST.get("reason", ""), editor_of(request))
        except NotReady as error:
            messages.error(request, str(error))
        else:
            messages.success(request, "Passed. The reason is kept with the issue.")
        return redirect("admin:issues_issue_preflight", pk)

    def take_back(self, request: HttpRequest, pk: int) -> HttpResponse:
        issue = self.issue_to_change(request, pk)
        take_back(get_object_or_404(issue.waivers, key=request.POST.get("key", "")), editor_of(request))
        messages.success(request, "The warning stands again.")
        return redirect("admin:issues_issue_preflight", pk)

    def check_links(self, request: HttpRequest, pk: int) -> HttpResponse:
        material = examine(self.issue_to_change(request, pk), []).material
        count = links.check_again(material) if material else 0
        messages.success(request, f"{count} link{pluralize(count)} will be looked at in the next minutes, politely.")
        return redirect("admin:issues_issue_preflight", pk)

    def issue_to_change(self, request: HttpRequest, pk: int) -> Issue:
        issue = get_object_or_404(Issue.objects.to_come(), pk=pk)
        if not self.has_change_permission(request, issue):
            raise PermissionDenied
        return issue
