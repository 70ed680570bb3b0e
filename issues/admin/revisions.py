"""Every save of a text is kept: the list of its revisions, two of them side by side, and how to bring one back."""

from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.text import Truncator
from django.views.decorators.http import require_GET

from audit.models import Action
from audit.recording import record
from issues.comparing import Row, count_changes, side_by_side
from issues.models import Issue, Revision, Story
from issues.revising import restorable_values
from issues.wording import LABELS, words_of_snapshot

PER_PAGE = 30
TEXTS = ("title", "summary", "body", "intro", "outro", "subject", "preheader")


@dataclass(frozen=True)
class RevisionLine:
    revision: Revision
    added: int  # words
    removed: int


@dataclass(frozen=True)
class FieldDifference:
    label: str
    rows: list[Row]


class RevisionPages(admin.ModelAdmin):  # type: ignore[type-arg]  # Parameters exist in the types only.
    """For the admin of a text with revisions, a story or an issue."""

    def get_urls(self) -> list[URLPattern]:
        def view(route: str, function: Any, name: str) -> Any:
            full_name = f"issues_{self.opts.model_name}_{name}"
            return path(route, self.admin_site.admin_view(require_GET(function)), name=full_name)

        return [
            view("<int:pk>/revisions/", self.revisions, "revisions"),
            view("<int:pk>/revisions/<int:number>/", self.compare_revisions, "compare"),
            *super().get_urls(),
        ]

    def thing(self, request: HttpRequest, pk: int) -> Story | Issue:
        thing: Story | Issue = get_object_or_404(self.model, pk=pk)
        if not self.has_view_permission(request, thing):
            raise PermissionDenied
        return thing

    def revisions(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Who saved it when, with what note, and how many words came and went. Five queries."""
        thing = self.thing(request, pk)
        page = Paginator(thing.revisions.select_related("editor").order_by("-number"), PER_PAGE).get_page(
            request.GET.get("page")
        )
        shown = list(page)
        before = thing.revisions.filter(number=shown[-1].number - 1) if shown else []
        context = {"page": page, "lines": lines_of([*shown, *before])[: len(shown)]}
        return self.revision_page(request, thing, "revisions", "Revisions", context)

    def compare_revisions(self, request: HttpRequest, pk: int, number: int) -> HttpResponse:
        """A revision beside the one before it, or the one that is named."""
        thing = self.thing(request, pk)
        newer = get_object_or_404(thing.revisions.select_related("editor"), number=number)
        wanted = request.GET.get("with", "")
        other = int(wanted) if wanted.isdecimal() else number - 1
        older = thing.revisions.select_related("editor").filter(number=other).first()
        if older is not None and older.number > newer.number:
            older, newer = newer, older
        newest = thing.revisions.order_by("-number").values_list("number", flat=True)[0]
        context = {
            "older": older,
            "newer": newer,
            "newest": newest,
            "left": f"Revision {older.number}" if older else "Nothing",
            "right": f"Revision {newer.number}",
            "differences": differences_of(older, newer),
        }
        return self.revision_page(request, thing, "compare", f"Revision {newer.number}", context)

    def revision_page(
        self, request: HttpRequest, thing: Story | Issue, template: str, title: str, context: dict[str, Any]
    ) -> HttpResponse:
        shared = {
            **self.admin_site.each_context(request),
            "title": title,
            "subtitle": Truncator(str(thing)).chars(60),
            "opts": self.opts,
            "thing": thing,
            "may_restore": self.has_change_permission(request, thing),
            "list_address": f"admin:issues_{self.opts.model_name}_revisions",
            "compare_address": f"admin:issues_{self.opts.model_name}_compare",
        }
        return TemplateResponse(request, f"admin/issues/{template}.html", shared | context)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        """With `?revision=3` the form shows that revision, which comes back when it is saved."""
        thing, form, wanted = context["original"], context["adminform"].form, request.GET.get("revision", "")
        if thing is not None and wanted.isdecimal():
            revision = get_object_or_404(thing.revisions.select_related("editor"), number=int(wanted))
            context["restored"] = revision
            if not form.is_bound:
                values = restorable_values(revision)
                form.initial.update({name: value for name, value in values.items() if name in form.fields})
        return super().render_change_form(request, context, *args, **kwargs)


def restoring_note(request: HttpRequest) -> str:
    """What the list of revisions says of a save that brings an earlier one back."""
    wanted = request.GET.get("revision", "")
    return f"Restored revision {wanted}" if wanted.isdecimal() else ""


def record_restoring(request: HttpRequest, thing: Story | Issue) -> None:
    """Tell the audit trail of it, in the transaction that saves the thing."""
    if note := restoring_note(request):
        record(Action.RESTORED, thing, by=request.user, note=note)


def lines_of(revisions: list[Revision]) -> list[RevisionLine]:
    """Each revision, newest first, with what it changed in the one that follows in the list."""
    texts = [" ".join(str(each.snapshot.get(name, "")) for name in TEXTS) for each in revisions]
    befores = [*texts[1:], ""]
    return [
        RevisionLine(revision, *count_changes(before, after))
        for revision, before, after in zip(revisions, befores, texts, strict=True)
    ]


def differences_of(older: Revision | None, newer: Revision) -> list[FieldDifference]:
    """The fields that differ, in words. Eight queries at most."""
    before, after = words_of_snapshot(older.snapshot) if older else {}, words_of_snapshot(newer.snapshot)
    return [
        FieldDifference(LABELS[name], side_by_side(before.get(name, ""), text))
        for name, text in after.items()
        if before.get(name, "") != text
    ]
