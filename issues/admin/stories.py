from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AutocompleteSelectMultiple, RelatedFieldWidgetWrapper
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path

from issues.admin.history import CorrectionInline
from issues.admin.quick_adding import QuickAddPages
from issues.admin.revisions import RevisionPages, record_restoring, restoring_note
from issues.admin.texts import TextAdmin, editor_of, warn_of
from issues.admin.writing import WritingPages, address_of, keep_typed
from issues.drafting import discard_draft
from issues.models import Issue, IssueState, Reference, Story, StoryQuerySet, StoryState, StoryTopic, Topic
from issues.published_changes import is_published, keep_change
from issues.references import stories_referring_to
from issues.reviewing import keep_comment, steps_from
from issues.revising import record_revision
from issues.search.indexing import index_stories
from issues.sources import name_resource
from issues.story_form import StoryForm
from issues.views.archive import story_page
from issues.writing import hold, render_stories_again, set_papers, set_resources, store_story

SHOWN_BY_OTHERS = {"title", "slug", "issue"}  # what decides how references to a story read, and whether they are links


class PlaceFilter(admin.SimpleListFilter):
    title, parameter_name = "place", "place"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [("queue", "Waiting in the queue"), ("next", "In an issue to come"), ("published", "Published")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        published = models.Q(issue__state=IssueState.PUBLISHED)
        conditions = {
            "queue": models.Q(issue=None),
            "next": ~models.Q(issue=None) & ~published,
            "published": published,
        }
        return queryset.filter(conditions.get(self.value() or "", models.Q()))


class UnresolvedFilter(admin.SimpleListFilter):
    title, parameter_name = "references", "references"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [("unresolved", "With unresolved references")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(unresolved__gt=0) if self.value() == "unresolved" else queryset


class TopicFilter(admin.RelatedOnlyFieldListFilter):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = "topic"


class TopicsWidget(AutocompleteSelectMultiple):
    """Without the button that takes all topics away, which is no item of the list that it stands in (WCAG 1.3.1)."""

    def build_attrs(self, base_attrs: dict[str, Any], extra_attrs: dict[str, Any] | None = None) -> dict[str, Any]:
        return super().build_attrs(base_attrs, extra_attrs) | {"data-allow-clear": "false"}


@admin.register(Story)
class StoryAdmin(QuickAddPages, WritingPages, RevisionPages, TextAdmin):
    change_form_template = "admin/issues/story/change_form.html"
    form = StoryForm
    list_display = ["title", "section", "place", "state", "topic_names", "word_count", "unresolved"]
    list_filter = [
        PlaceFilter,
        "state",
        UnresolvedFilter,
        "section",
        ("issue", admin.RelatedOnlyFieldListFilter),
        ("topic_items__tag", TopicFilter),
    ]
    search_fields = ["title", "slug", "summary", "body"]
    search_help_text = "Words of title, summary or text."
    prepopulated_fields = {"slug": ["title"]}
    fieldsets = [
        (None, {"fields": ["title", "slug", "summary"]}),
        ("Text", {"fields": ["body"]}),
        ("Place", {"fields": ["section", "topics", ("issue", "position")]}),
    ]

    # The list

    def get_queryset(self, request: HttpRequest) -> StoryQuerySet:
        unresolved = (
            Reference.objects.unresolved()
            .filter(source=models.OuterRef("pk"))
            .order_by()
            .values("source")
            .annotate(count=models.Count("pk"))
            .values("count")
        )
        return Story.objects.for_list().annotate(unresolved=Coalesce(models.Subquery(unresolved), 0))

    @admin.display(description="place", ordering="issue__number")
    def place(self, story: Story) -> str:
        return f"#{story.issue.number}, {story.position}" if story.issue else "In the queue"

    @admin.display(description="topics")
    def topic_names(self, story: Any) -> str:
        return ", ".join(topic["name"] for topic in story.topic_rows)

    @admin.display(description="unresolved", ordering="unresolved")
    def unresolved(self, story: Any) -> str:
        return str(story.unresolved or "")

    # Who may do what

    def may_approve(self, request: HttpRequest) -> bool:
        return request.user.has_perm("issues.approve_story")

    def has_change_permission(self, request: HttpRequest, obj: Story | None = None) -> bool:
        """What is approved is changed by those who may approve."""
        approved = obj is not None and obj.state == StoryState.APPROVED
        return super().has_change_permission(request, obj) and (self.may_approve(request) or not approved)

    def has_delete_permission(self, request: HttpRequest, obj: Story | None = None) -> bool:
        return super().has_delete_permission(request, obj) and not is_published(obj)

    # The form

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Story | None:
        """Whoever saves holds the row until that is done, so that of two at once the second sees what the first did.

        And before it the issues that the story leaves or joins, as publishing does: they can't become public meanwhile.
        """
        if request.method == "POST" and object_id.isdecimal():
            left, joined = Story.objects.order_by().filter(pk=object_id).values("issue"), request.POST.get("issue", "")
            hold(Issue.objects.filter(models.Q(pk__in=left) | models.Q(pk=joined if joined.isdecimal() else None)))
            hold(Story.objects.filter(pk=object_id))
        return super().get_object(request, object_id, from_field)

    def get_form(self, request: HttpRequest, obj: Story | None = None, change: bool = False, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, obj, change, **kwargs)
        form.user = request.user
        return form

    def get_readonly_fields(self, request: HttpRequest, obj: Story | None = None) -> list[str]:
        """A published story keeps its address and its issue."""
        return ["slug", "issue"] if is_published(obj) else []

    def get_prepopulated_fields(self, request: HttpRequest, obj: Story | None = None) -> dict[str, Any]:
        return {} if is_published(obj) else super().get_prepopulated_fields(request, obj)

    def get_inlines(self, request: HttpRequest, obj: Story | None) -> list[Any]:
        return [CorrectionInline] if is_published(obj) else []

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "issue":  # What goes into a published issue would be public at once.
            kwargs |= {"queryset": Issue.objects.exclude(state=IssueState.PUBLISHED), "empty_label": "In the queue"}
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        if db_field.name != "topics":
            return super().formfield_for_dbfield(db_field, request, **kwargs)
        may_add = self.admin_site.get_model_admin(Topic).has_add_permission(request)
        widget = RelatedFieldWidgetWrapper(
            TopicsWidget(db_field, self.admin_site),
            StoryTopic._meta.get_field("tag").remote_field,
            self.admin_site,
            can_add_related=may_add,
        )
        return forms.ModelMultipleChoiceField(
            Topic.objects.all(), widget=widget, required=False, help_text=kwargs.get("help_text", "")
        )

    def changeform_view(self, request: HttpRequest, object_id: str | None = None, *args: Any, **kwargs: Any) -> Any:
        """A writer whose story was approved meanwhile may not save it any more: what was typed becomes a draft."""
        if request.method == "POST" and object_id is not None:
            story = self.get_queryset(request).filter(pk=object_id).first() if object_id.isdecimal() else None
            if story and not self.has_change_permission(request, story) and self.has_change_permission(request):
                discard_draft(story, editor_of(request))
                keep_typed(request, story)
                messages.error(request, "This story was approved while you were writing, so it was not saved.")
                return redirect(address_of(story))
        return super().changeform_view(request, object_id, *args, **kwargs)

    def render_change_form(
        self, request: HttpRequest, context: Any, add: bool = False, change: bool = False, *args: Any, **kwargs: Any
    ) -> Any:
        story, form = context["original"], context["adminform"].form
        context |= self.writing_context(request, story, form)
        if story is not None:
            context["comments"] = story.comments.select_related("author")
        context["may_write"] = add or self.has_change_permission(request, story)
        if context["may_write"]:
            context["steps"] = steps_from(story or Story(), request.user)
        context["is_nav_sidebar_enabled"] = False  # The text and its preview need the room.
        return super().render_change_form(request, context, add, change, *args, **kwargs)

    # Saving: one revision for the story with all that belongs to it

    def save_model(self, request: HttpRequest, obj: Story, form: Any, change: bool) -> None:
        step = form.cleaned_data["step"]
        if step:
            obj.state = step.ends
        form.rendered = store_story(obj)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        story, step, editor = form.instance, form.cleaned_data["step"], editor_of(request)
        set_papers(story, form.cleaned_data["papers"])
        may_name = request.user.has_perm("papers.change_resource")
        rows = form.cleaned_data["resources"]
        set_resources(story, [(row[0], name_resource(*row, may_change=may_name)) for row in rows])
        kind_of_change = keep_change(story, form.cleaned_data, by=editor)
        notes = [kind_of_change, form.cleaned_data["note"], restoring_note(request), step.revision_note if step else ""]
        record_revision(story, editor=editor, note=". ".join(filter(None, notes))[:200])
        keep_comment(story, form.cleaned_data["comment"], step, by=editor)
        record_restoring(request, story)
        discard_draft(story if change else None, editor)
        index_stories([story.pk])
        if not change or SHOWN_BY_OTHERS & set(form.changed_data):
            earlier = Story(slug=form.initial.get("slug", story.slug))
            render_stories_again(stories_referring_to([], [story, earlier]))
        warn_of(request, [form.rendered])

    def response_add(self, request: HttpRequest, obj: Story, post_url_continue: str | None = None) -> HttpResponse:
        return super().response_add(stay_unless_closed(request), obj, post_url_continue)

    def response_change(self, request: HttpRequest, obj: Story) -> HttpResponse:
        return super().response_change(stay_unless_closed(request), obj)

    # The preview

    def get_urls(self) -> list[URLPattern]:
        preview = self.admin_site.admin_view(self.preview)
        return [path("<int:pk>/preview/", preview, name="issues_story_preview"), *super().get_urls()]

    def preview(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The story's page as readers will see it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return story_page(request, get_object_or_404(Story.objects.for_page().with_neighbours(), pk=pk))


def stay_unless_closed(request: HttpRequest) -> HttpRequest:
    """Whoever writes goes on writing: only one of the buttons leads back to the list."""
    if "_save" not in request.POST:
        answered = request.POST.copy()
        answered["_continue"] = "1"
        request.POST = answered  # type: ignore[assignment]
    return request
