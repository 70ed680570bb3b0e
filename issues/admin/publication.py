from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from issues.forms import PublicationForm
from issues.models import Publication, Section
from papers.admin.records import ADDRESSES


@admin.register(Publication)
class PublicationAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # Parameters exist in the types only.
    form = PublicationForm
    formfield_overrides = ADDRESSES
    fieldsets = [
        (None, {"fields": ["name", "tagline", "short_name", "description", ("language", "time_zone")]}),
        ("Email", {"fields": [("from_name", "from_email"), "reply_to", "postal_address", "list_id"]}),
        ("Licence", {"fields": [("license_name", "license_url")]}),
        ("Look", {"fields": [("accent_light", "accent_dark")]}),
    ]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """There is one row: go there."""
        return redirect("admin:issues_publication_change", Publication.objects.current().pk)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Publication | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Publication, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if "short_name" in form.changed_data:
            messages.warning(
                request,
                f"References like “{obj.short_name} #41” become links in what is saved from now on. "
                "Texts that were saved before keep their links until they are saved again.",
            )


@admin.register(Section)
class SectionAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["name", "slug", "story_count", "position"]
    list_editable = ["position"]
    ordering = ["position", "pk"]
    search_fields = ["name"]
    fields = ["name", "slug", "description", "position"]

    def get_readonly_fields(self, request: HttpRequest, obj: Section | None = None) -> list[str]:
        """Links lead to the slug, and readers have chosen the section by it."""
        return ["slug"] if obj else []

    def get_prepopulated_fields(self, request: HttpRequest, obj: Section | None = None) -> dict[str, Sequence[str]]:
        return {} if obj else {"slug": ["name"]}

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).annotate(story_count=models.Count("stories"))

    @admin.display(description="stories", ordering="story_count")
    def story_count(self, section: Any) -> int:
        return int(section.story_count)
