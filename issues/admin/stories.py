from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelectMultiple, RelatedFieldWidgetWrapper
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from issues.admin.history import CorrectionInline
from issues.admin.texts import TextAdmin, editor_of, warn_of
from issues.forms import StoryForm
from issues.models import (
    Issue,
    IssueState,
    Reference,
    Story,
    StoryPaper,
    StoryQuerySet,
    StoryResource,
    StoryState,
    StoryTopic,
    Topic,
)
from issues.references import stories_referring_to
from issues.revising import record_revision
from issues.search.indexing import index_stories
from issues.views import story_page
from issues.writing import render_stories_again, store_story
from papers.forms import OrderedInline

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


class StoryPaperInline(OrderedInline):
    model = StoryPaper
    fields = ["paper", "place"]
    autocomplete_fields = ["paper"]
    verbose_name, verbose_name_plural = "paper", "papers, in order"
    extra = 1


class StoryResourceInline(OrderedInline):
    model = StoryResource
    fields = ["resource", "label", "place"]
    autocomplete_fields = ["resource"]
    verbose_name, verbose_name_plural = "resource", "resources, in order"
    extra = 1


@admin.register(Story)
class StoryAdmin(TextAdmin):
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
        ("Text", {"fields": ["body", "findings"]}),
        ("Place", {"fields": ["section", "topics", ("issue", "position"), "state"]}),
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

    def get_readonly_fields(self, request: HttpRequest, obj: Story | None = None) -> list[str]:
        """A published story keeps its address, its issue and its approval."""
        return ["findings", *(["slug", "issue", "state"] if is_published(obj) else [])]

    def get_prepopulated_fields(self, request: HttpRequest, obj: Story | None = None) -> dict[str, Any]:
        return {} if is_published(obj) else super().get_prepopulated_fields(request, obj)

    def get_inlines(self, request: HttpRequest, obj: Story | None) -> list[Any]:
        return [StoryPaperInline, StoryResourceInline, *([CorrectionInline] if is_published(obj) else [])]

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "state" and not self.may_approve(request):
            kwargs["choices"] = [choice for choice in StoryState.choices if choice[0] != StoryState.APPROVED]
        return super().formfield_for_choice_field(db_field, request, **kwargs)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "issue":  # What goes into a published issue would be public at once.
            kwargs |= {"queryset": Issue.objects.exclude(state=IssueState.PUBLISHED), "empty_label": "In the queue"}
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        if db_field.name != "topics":
            return super().formfield_for_dbfield(db_field, request, **kwargs)
        may_add = self.admin_site.get_model_admin(Topic).has_add_permission(request)
        widget = RelatedFieldWidgetWrapper(
            AutocompleteSelectMultiple(db_field, self.admin_site),
            StoryTopic._meta.get_field("tag").remote_field,
            self.admin_site,
            can_add_related=may_add,
        )
        return forms.ModelMultipleChoiceField(
            Topic.objects.all(), widget=widget, required=False, help_text=kwargs.get("help_text", "")
        )

    @admin.display(description="found in the text")
    def findings(self, story: Story) -> SafeString | str:
        """What the last saving found."""
        if story._state.adding:
            return "Save the story to see its number of words, and references that lead nowhere."
        rows = [(reference.key, reference.context) for reference in story.references.unresolved()]
        length = format_html("<p>{} words, {} min read.</p>", story.word_count, story.reading_minutes)
        if not rows:
            return length
        lines = format_html_join("", "<li><code>{}</code> in “{}”</li>", rows)
        return format_html("{}<p>References without a target, shown as text:</p><ul>{}</ul>", length, lines)

    # Saving: one revision for the story with all that belongs to it

    def save_model(self, request: HttpRequest, obj: Story, form: Any, change: bool) -> None:
        form.rendered = store_story(obj)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        story = form.instance
        record_revision(story, editor=editor_of(request))
        index_stories([story.pk])
        if not change or SHOWN_BY_OTHERS & set(form.changed_data):
            earlier = Story(slug=form.initial.get("slug", story.slug))
            render_stories_again(stories_referring_to([], [story, earlier]))
        warn_of(request, [form.rendered])

    # The preview

    def get_urls(self) -> list[URLPattern]:
        preview = self.admin_site.admin_view(self.preview)
        return [path("<int:pk>/preview/", preview, name="issues_story_preview"), *super().get_urls()]

    def preview(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The story's page as readers will see it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return story_page(request, get_object_or_404(Story.objects.for_page().with_neighbours(), pk=pk))


def is_published(story: Story | None) -> bool:
    return story is not None and story.issue is not None and story.issue.state == IssueState.PUBLISHED
