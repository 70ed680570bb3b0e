import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from issues.admin.revisions import RevisionPages, restoring_note
from issues.admin.texts import TextAdmin, editor_of, warn_of
from issues.errors import NotReady
from issues.forms import IssueForm, StoryPlaceForm, StoryPlaceFormSet
from issues.models import Issue, IssueQuerySet, IssueState, Story
from issues.publishing import publish, reasons_against
from issues.references import stories_referring_to
from issues.views import issue_page
from issues.writing import arrange, render_stories_again, save_issue, save_story
from papers.forms import OrderedInline

TIME_BETWEEN_ISSUES = datetime.timedelta(weeks=2)
SHOWN_BY_OTHERS = {"number", "title"}


class StoryPlaceInline(OrderedInline):
    """The stories of the issue as readers see them: by section, then by position."""

    model = Story
    form, formset = StoryPlaceForm, StoryPlaceFormSet
    verbose_name_plural = "stories, by section"
    readonly_fields = ["story", "section", "state", "word_count"]
    extra = 0
    can_delete = False

    def get_fields(self, request: HttpRequest, obj: Issue | None = None) -> Any:
        movable = obj is not None and obj.state != IssueState.PUBLISHED and request.user.has_perm("issues.change_issue")
        return ["story", "section", "state", "word_count", "place", *(["to_queue"] if movable else [])]

    def get_queryset(self, request: HttpRequest) -> Any:
        return Story.objects.select_related("section").in_reading_order()

    def has_add_permission(self, request: HttpRequest, obj: Issue | None = None) -> bool:
        return False

    @admin.display(description="Position")
    def place(self, row: Any) -> int:
        """For those who may only look."""
        return int(row.position)

    @admin.display(description="story")
    def story(self, story: Story) -> SafeString:
        return format_html('<a href="{}">{}</a>', reverse("admin:issues_story_change", args=[story.pk]), story)


@admin.register(Issue)
class IssueAdmin(RevisionPages, TextAdmin):
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
        """The next number, and a date two weeks after the last issue's."""
        proposed = super().get_changeform_initial_data(request)
        last = Issue.objects.first()
        date = last.date + TIME_BETWEEN_ISSUES if last else datetime.date.today()
        return {"number": Issue.objects.next_number(), "date": date} | proposed

    def get_fieldsets(self, request: HttpRequest, obj: Issue | None = None) -> Any:
        published = obj is not None and obj.state == IssueState.PUBLISHED
        fillable = not published and self.has_change_permission(request, obj) and Story.objects.queued().exists()
        state = ("state", "published_at") if published else "state"
        return [
            (None, {"fields": [("number", "date"), "title", "summary", *([state] if obj else [])]}),
            ("Texts", {"fields": ["intro", "outro"]}),
            ("Email", {"fields": ["subject", "preheader"]}),
            *([("Queue", {"fields": ["queue"]})] if fillable else []),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Issue | None = None) -> list[str]:
        """A published issue keeps its number, which is its address."""
        published = obj is not None and obj.state == IssueState.PUBLISHED
        return ["state", "published_at", *(["number"] if published else [])]

    def get_inlines(self, request: HttpRequest, obj: Issue | None) -> list[Any]:
        return [StoryPlaceInline] if obj else []

    def has_delete_permission(self, request: HttpRequest, obj: Issue | None = None) -> bool:
        published = obj is not None and obj.state == IssueState.PUBLISHED
        return super().has_delete_permission(request, obj) and not published

    # Saving

    def save_model(self, request: HttpRequest, obj: Issue, form: Any, change: bool) -> None:
        form.rendered = save_issue(obj, editor=editor_of(request), note=restoring_note(request))

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        issue, moved = form.instance, []
        for formset in formsets:
            formset.save(commit=False)  # for the log; the stories are saved by what follows
        leaving = [story for formset in formsets for story in formset.leaving()]
        joining = list(form.cleaned_data.get("queue", []))
        for story in [*leaving, *joining]:
            story.issue = issue if story in joining else None
            story.position = None
            save_story(story, editor=editor_of(request))
            moved.append(story)
        staying = [story for formset in formsets for story in formset.rows_in_order() if story not in leaving]
        if moved or any(formset.has_changed() for formset in formsets):
            arrange(issue, sorted([*staying, *joining], key=lambda story: (story.section.position, story.section_id)))
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
                publish(issue)
            except NotReady:
                pass  # The page says why.
            else:
                self.log_change(request, issue, "Published on the web.")
                messages.success(
                    request, format_html('<a href="{}">{}</a> is published.', issue.get_absolute_url(), issue)
                )
                return redirect(address)
        context = self.admin_site.each_context(request) | {
            "title": f"Publish {issue} on the web?",
            "opts": self.opts,
            "issue": issue,
            "reasons": reasons_against(issue),
        }
        return TemplateResponse(request, "admin/issues/issue/publish.html", context)
