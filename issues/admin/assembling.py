"""The page on which an issue is put together: its stories on a board, what they add up to, and the email as it will be."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.views.decorators.http import require_POST

from issues.arranging import stories_on
from issues.email_previews import SANDBOX, Scheme, html_preview, text_preview, whole_with
from issues.emailing import IssueEmail, render_issue_email
from issues.errors import BadMarkdown
from issues.forms import IssueForm
from issues.models import Issue, IssueState, Section, Story
from issues.models.story import reading_minutes
from issues.preflight.emails import GMAIL_CLIPS, KILOBYTE, NEAR_THE_CLIP, mailed_bytes
from issues.preflight.reports import examine
from issues.text_blocks import count_words, text_blocks

NO_LINK = "#"  # stands in previews where each reader has a link of their own


class AssemblingPages(admin.ModelAdmin):  # type: ignore[type-arg]  # Parameters exist in the types only.
    """For the admin of issues."""

    change_form_template = "admin/issues/issue/change_form.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/email/", view(self.email), name="issues_issue_email"),
            path("<int:pk>/figures/", view(require_POST(self.figures)), name="issues_issue_figures"),
            *super().get_urls(),
        ]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        """Beside the form: its board, or for those who may only look, and of a published issue, the stories."""
        issue, form = context.get("original"), context["adminform"].form
        if "board" in form.fields and (issue is None or self.has_change_permission(request, issue)):
            context |= {"lists": lists_of(form), "sections": Section.objects.all()}
        if issue is not None:
            context |= {"stories": list(issue.stories.select_related("section").in_reading_order()), "sandbox": SANDBOX}
            if issue.state != IssueState.PUBLISHED:
                report = examine(issue)
                material = report.material
                figures = figures_of(issue, material.stories, material.email) if material else None
                context |= {"report": report, "figures": figures}
        return super().render_change_form(request, context, *args, **kwargs)

    def response_change(self, request: HttpRequest, obj: Issue) -> HttpResponse:
        """After a step on the board, back to the story."""
        return back_to_story(request, super().response_change(to_stay(request), obj))

    def response_add(self, request: HttpRequest, obj: Issue, post_url_continue: str | None = None) -> HttpResponse:
        return back_to_story(request, super().response_add(to_stay(request), obj, post_url_continue))

    def email(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The email as it is stored; on POST as the form would make it, of which nothing is saved."""
        issue = get_object_or_404(Issue, pk=pk)
        stories: list[Story] | None = None
        if request.method == "POST":
            form = self.unsaved(request, issue)
            if not form.is_valid():
                return text_preview(f"The email can’t be shown yet.\n\n{form.errors.as_text()}")
            issue, stories = form.instance, stories_of(form)
        elif not self.has_view_permission(request, issue):
            raise PermissionDenied
        try:
            email = render_issue_email(issue, stories)
        except BadMarkdown as error:
            return text_preview(f"The email can’t be shown yet.\n\n{error}")
        wanted = request.POST if request.method == "POST" else request.GET
        if wanted.get("preview-form") == "text":
            return text_preview(whole_with(email.text, NO_LINK))
        scheme: Scheme = "dark" if wanted.get("preview-scheme") == "dark" else "light"
        return html_preview(
            whole_with(email.html, NO_LINK), scheme=scheme, pictures=wanted.get("preview-pictures") != "off"
        )

    def figures(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What the form would add up to, of which nothing is saved; with `errors` if it can't be read."""
        form = self.unsaved(request, get_object_or_404(Issue, pk=pk))
        if not form.is_valid():
            return JsonResponse({"errors": form.errors.as_text()}, status=400)
        try:
            stories = stories_of(form)
            return JsonResponse(figures_of(form.instance, stories, render_issue_email(form.instance, stories)))
        except BadMarkdown as error:
            return JsonResponse({"errors": str(error)}, status=400)

    def unsaved(self, request: HttpRequest, issue: Issue) -> Any:
        if not self.has_change_permission(request, issue):
            raise PermissionDenied
        return self.get_form(request, issue, change=True)(request.POST, instance=issue)


def lists_of(form: IssueForm) -> list[dict[str, Any]]:
    """The lists of the board as the page shows them, the queue last; a story that is gone by now is left out."""
    names = dict(Section.objects.values_list("pk", "name"))
    return [
        {
            "id": "queue" if section is None else f"section-{section}",
            "token": "queue" if section is None else f"section:{section}",
            "name": "The queue" if section is None else names.get(section, ""),
            "stories": [form.stories[story_id] for story_id in ids if story_id in form.stories],
        }
        for section, ids in form.shown_board.lists.items()
    ]


def stories_of(form: IssueForm) -> list[Story]:
    if "board" in form.fields:
        return stories_on(form.cleaned_data["board"], form.instance)
    return list(form.instance.stories.in_reading_order().for_page())


def figures_of(issue: Issue, stories: Sequence[Story], email: IssueEmail) -> dict[str, Any]:
    """What an issue and its email add up to, be it saved or not."""
    own = count_words(text_blocks(issue.intro_html)) + count_words(text_blocks(issue.outro_html))
    words = own + sum(story.word_count for story in stories)
    size = mailed_bytes(email.html)
    return {
        "stories": len(stories),
        "words": words,
        "minutes": reading_minutes(words) if words else 0,
        "kilobytes": round(size / KILOBYTE, 1),
        "size": "over" if size > GMAIL_CLIPS else "near" if size > NEAR_THE_CLIP else "fine",
        "subject": email.subject,
    }


def to_stay(request: HttpRequest) -> HttpRequest:
    """Let the admin come back to the page after a step on the board, as its own button for that does."""
    if "_move" in request.POST:
        posted = request.POST.copy()
        posted["_continue"] = "1"
        request.POST = posted  # type: ignore[assignment]  # Django does so itself, for its button "Save as new".
    return request


def back_to_story(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    story_id = request.POST.get("_move", "").rpartition(":")[2]
    if story_id.isdecimal() and "Location" in response:
        response["Location"] += f"#story-{story_id}"
    return response
