"""The admin's way to merge: rows are chosen in the list, shown side by side, and made one by a POST."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import FieldDoesNotExist, PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.text import capfirst

from papers.admin_addresses import change_page
from papers.merging import related

MOST_AT_ONCE = 8  # rows that still fit side by side


class MergingMixin(admin.ModelAdmin):  # type: ignore[type-arg]  # Parameters exist in the types only.
    merged_fields: Sequence[str]
    merge: Callable[[Any, Sequence[Any], Mapping[str, Any]], None]  # wrapped in staticmethod

    @admin.action(description="Merge the selected ones …", permissions=["merge"])
    def merge_selected(self, request: HttpRequest, queryset: Any) -> HttpResponseBase:
        ids = ",".join(str(pk) for pk in queryset.order_by("pk").values_list("pk", flat=True)[: MOST_AT_ONCE + 1])
        return HttpResponseRedirect(f"{reverse(f'admin:{self.merge_name}')}?ids={ids}")

    def get_actions(self, request: HttpRequest) -> Any:
        actions = super().get_actions(request)
        if self.has_merge_permission(request):
            actions.setdefault("merge_selected", self.get_action("merge_selected"))
        return actions

    def has_merge_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_change_permission(request) and self.has_delete_permission(request)

    @property
    def merge_name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_merge"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.merge_view)
        return [path("merge/", view, name=self.merge_name), *super().get_urls()]

    def merge_view(self, request: HttpRequest) -> HttpResponseBase:
        """GET shows the rows that `ids` names side by side; POST merges them into the chosen one."""
        if not self.has_merge_permission(request):
            raise PermissionDenied
        rows = self.rows_to_merge(request)
        if not 2 <= len(rows) <= MOST_AT_ONCE:
            self.message_user(request, f"Select two to {MOST_AT_ONCE} rows to merge.", messages.WARNING)
            return HttpResponseRedirect(reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"))
        if request.method == "POST" and (kept := self.merge_rows(request, rows)):
            return HttpResponseRedirect(change_page(kept))
        rows = self.rows_to_merge(request)  # as they are stored, after a merge that was refused
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Merge {len(rows)} {self.opts.verbose_name_plural}",
            "rows": [
                {"pk": row.pk, "name": str(row), "links": links_of(row), "kept": row == self.kept_of(request, rows)}
                for row in rows
            ],
            "fields": [self.compared(request, rows, name) for name in self.merged_fields],
        }
        return TemplateResponse(request, "admin/merge.html", context)

    def rows_to_merge(self, request: HttpRequest) -> list[Any]:
        ids = {int(text) for text in request.GET.get("ids", "").split(",") if text.isascii() and text.isdigit()}
        return list(self.model._default_manager.filter(pk__in=list(ids)[: MOST_AT_ONCE + 1]).order_by("pk"))

    def merge_rows(self, request: HttpRequest, rows: Sequence[Any]) -> Any:
        """The row that stays; nothing if it was refused, with a message that says why."""
        kept = self.kept_of(request, rows)
        duplicates = [row for row in rows if row != kept]
        names = ", ".join(f"“{row}” ({row.pk})" for row in duplicates)
        chosen = {name: source for name in self.merged_fields if (source := self.source_of(request, rows, name))}
        gone = self.model._default_manager.filter(pk__in=[row.pk for row in duplicates])
        try:
            with transaction.atomic():
                self.log_deletions(request, gone)
                type(self).merge(kept, duplicates, chosen)
        except ValidationError as error:
            self.message_user(request, f"Nothing was merged: {' '.join(error.messages)}", messages.ERROR)
            return None
        self.log_change(request, kept, f"Merged with {names}.")
        self.message_user(request, f"“{kept}” now stands for {names}, too.", messages.SUCCESS)
        return kept

    def kept_of(self, request: HttpRequest, rows: Sequence[Any]) -> Any:
        return next((row for row in rows if str(row.pk) == request.POST.get("kept")), rows[0])

    def source_of(self, request: HttpRequest, rows: Sequence[Any], name: str) -> Any:
        """The row whose value a field gets: the chosen one, else the first that has a value."""
        chosen = next((row for row in rows if str(row.pk) == request.POST.get(f"field-{name}")), None)
        return chosen or next((row for row in rows if self.text_of(row, name)), None)

    def compared(self, request: HttpRequest, rows: Sequence[Any], name: str) -> dict[str, Any]:
        """A line of the comparison: the field's label and what each of the rows has there."""
        source = self.source_of(request, rows, name)
        texts = [self.text_of(row, name) for row in rows]
        cells = [{"pk": row.pk, "text": text, "chosen": row == source} for row, text in zip(rows, texts, strict=True)]
        return {
            "name": name,
            "label": self.label_of(name),
            "cells": cells,
            "differs": len(set(texts)) > 1,
            "shown": any(texts),
        }

    def label_of(self, name: str) -> str:
        try:
            return capfirst(str(getattr(self.opts.get_field(name), "verbose_name", name)))
        except FieldDoesNotExist:
            return capfirst(name)

    def text_of(self, row: Any, name: str) -> str:
        display = getattr(row, f"get_{name}_display", None)
        value = display() if display else getattr(row, name)
        return "" if value is None else str(value)


def links_of(row: Any) -> list[str]:
    """What refers to a row, counted: 3 story papers, 2 authorships. A query for each kind of relation."""
    counts = [
        (
            relation.related_model._base_manager.filter(**{relation.field.name: row}).count(),
            relation.related_model._meta,
        )
        for relation in related(type(row))
    ]
    return [
        f"{count} {meta.verbose_name if count == 1 else meta.verbose_name_plural}" for count, meta in counts if count
    ]
