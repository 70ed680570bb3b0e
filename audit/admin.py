from typing import Any

from django.contrib import admin
from django.contrib.admin.actions import delete_selected
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit.models import Action, Entry
from audit.recording import record


@admin.register(Entry)
class EntryAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # Parameters exist in the types only.
    """The trail, to be read. One page shows fifty entries in a number of queries that doesn't grow with them."""

    list_display = ["at", "who", "action", "what", "note"]
    list_display_links = ["at"]
    list_select_related = ["content_type"]
    list_filter = [
        "action",
        ("user", admin.RelatedOnlyFieldListFilter),
        ("content_type", admin.RelatedOnlyFieldListFilter),
        "at",
    ]
    list_per_page = 50
    search_fields = ["object_name", "note", "who"]
    search_help_text = "Words of a name or a note, or who it was."
    show_full_result_count = False
    fields = ["at", "who", "action", "what", "note"]
    actions = None

    @admin.display(description="what", ordering="object_name")
    def what(self, entry: Entry) -> SafeString | str:
        """A link to the thing's page in the admin, if it has one; the thing itself isn't looked up."""
        if entry.content_type is None or not entry.object_id or entry.action == Action.DELETED:
            return entry.object_name
        kind = entry.content_type
        try:
            address = reverse(f"admin:{kind.app_label}_{kind.model}_change", args=[entry.object_id])
        except NoReverseMatch:
            return entry.object_name
        return format_html('<a href="{}">{}</a>', address, entry.object_name)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Entry | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Entry | None = None) -> bool:
        return False


def trail_address(thing: Model) -> str:
    """Where the admin shows all that was done to a thing."""
    kind = ContentType.objects.get_for_model(thing)
    return reverse("admin:audit_entry_changelist") + f"?content_type__id__exact={kind.pk}&object_id={thing.pk}"


@admin.action(permissions=["delete"], description="Delete selected %(verbose_name_plural)s")
def delete_and_record(modeladmin: Any, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
    """Django's action; the entries that it writes for several things at once are sent by no signal."""
    chosen = list(queryset) if "post" in request.POST else []
    response: HttpResponse | None = delete_selected(modeladmin, request, queryset)
    if response is None and len(chosen) > 1:
        for thing in chosen:
            record(Action.DELETED, thing, by=request.user)
    return response


admin.site.add_action(delete_and_record, "delete_selected")
