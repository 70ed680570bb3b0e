from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from issues.models import Correction, Revision
from issues.wording import LABELS, words_of_snapshot


class CorrectionInline(admin.StackedInline):  # type: ignore[type-arg]  # Parameters exist in the types only.
    """What a published story tells its readers about changes, to be reworded or withdrawn.

    A correction is made by answering what the form of a published story asks: see `issues.published_changes`.
    """

    model = Correction
    fields = ["date", "text"]
    readonly_fields = ["date"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Revision)
class RevisionAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Earlier states, to be read."""

    list_display = ["created_at", "text", "number", "editor", "note"]
    list_select_related = ["story", "issue", "editor"]
    list_display_links = ["created_at"]
    list_filter = ["created_at", ("editor", admin.RelatedOnlyFieldListFilter)]
    search_fields = ["story__title", "issue__title", "note"]
    fields = ["text", "number", "created_at", "editor", "note", "state_then"]
    readonly_fields = ["text", "state_then"]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("snapshot", "story__body", "story__body_html")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Revision | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Revision | None = None) -> bool:
        return False

    @admin.display(description="text")
    def text(self, revision: Revision) -> SafeString:
        kind, pk = ("story", revision.story_id) if revision.story_id else ("issue", revision.issue_id)
        address = reverse(f"admin:issues_{kind}_change", args=[pk])
        return format_html('<a href="{}">{}</a>', address, revision.story or revision.issue)

    @admin.display(description="as it was")
    def state_then(self, revision: Revision) -> SafeString:
        rows = ((LABELS[name], text) for name, text in words_of_snapshot(revision.snapshot).items())
        return format_html("<dl>{}</dl>", format_html_join("", "<dt>{}</dt><dd>{}</dd>", rows))
