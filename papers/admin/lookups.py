"""What the admin's page of a paper shows of lookups: pasting, asking again, and deciding on differences."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_POST

from papers import looking_up, queueing
from papers.errors import NothingToLookUp, PapersError
from papers.models import (
    Decision,
    FieldProposal,
    Paper,
    PaperType,
    PaperUpdate,
    PaperUpdateQuerySet,
)
from papers.pasting import paper_pasted

LONGEST_PASTE = 2000  # characters


class DifferencesFilter(admin.SimpleListFilter):
    title, parameter_name = "lookups", "lookup"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [("differences", "With differences to decide"), ("failed", "Nothing was found")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() == "differences":
            return queryset.filter(pk__in=FieldProposal.objects.filter(state=Decision.PROPOSED).values("paper"))
        if self.value() == "failed":
            return queryset.not_found()
        return queryset


class LookupMixin(admin.ModelAdmin):  # type: ignore[type-arg]  # Parameters exist in the types only.
    """For the admin of papers."""

    change_form_template = "admin/papers/paper/change_form.html"

    def get_urls(self) -> list[URLPattern]:
        def view(route: str, function: Any, name: str) -> Any:
            return path(route, self.admin_site.admin_view(function), name=f"papers_paper_{name}")

        return [
            view("paste/", require_POST(self.paste), "paste"),
            view("<int:pk>/lookup/", require_GET(self.lookup_state), "lookup"),
            view("<int:pk>/look-up/", require_POST(self.look_up), "look_up"),
            view("<int:pk>/decide/", require_POST(self.decide), "decide"),
            *super().get_urls(),
        ]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        paper = context.get("original")
        if paper is not None:
            context |= {
                "lookup": paper.lookups.first(),
                "differences": [difference(each) for each in paper.field_proposals.filter(state=Decision.PROPOSED)],
                "can_be_looked_up": bool(paper.arxiv_id or paper.doi or paper.isbn),
            }
        return super().render_change_form(request, context, *args, **kwargs)

    def paste(self, request: HttpRequest) -> HttpResponse:
        """Make a record from an identifier, have it looked up, and show it."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        try:
            paper, is_new = paper_pasted(request.POST.get("text", "")[:LONGEST_PASTE])
        except NothingToLookUp as error:
            messages.warning(request, str(error))
            return self.to_form(request, {"url": error.address, "type": "webpage"})
        except PapersError as error:
            messages.error(request, str(error))
            return self.to_form(request, {})
        if is_new:
            queueing.request_lookup(paper, by=editor_of(request))
            self.log_addition(request, paper, "Pasted.")
        if "_popup" in request.POST:
            return self.response_add(request, paper)
        if not is_new:
            messages.info(request, "This paper is stored already.")
        return to_page(paper)

    def to_form(self, request: HttpRequest, values: dict[str, str]) -> HttpResponse:
        values |= {"_popup": "1"} if "_popup" in request.POST else {}
        return HttpResponseRedirect(f"{reverse('admin:papers_paper_add')}?{urlencode(values)}")

    def lookup_state(self, request: HttpRequest, pk: int) -> HttpResponse:
        """For the script that waits for the end of a lookup."""
        paper = get_object_or_404(Paper, pk=pk)
        if not self.has_view_permission(request, paper):
            raise PermissionDenied
        lookup = paper.lookups.first()
        return JsonResponse({"state": lookup.state if lookup else None})

    def look_up(self, request: HttpRequest, pk: int) -> HttpResponse:
        paper = self.paper_to_change(request, pk)
        try:
            queueing.request_lookup(paper, by=editor_of(request))
        except PapersError as error:
            messages.error(request, str(error))
        return to_page(paper)

    def decide(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Accept or refuse the difference whose button was pressed, or all of them."""
        paper = self.paper_to_change(request, pk)
        decision = Decision.ACCEPTED if "accept" in request.POST else Decision.REFUSED
        chosen = request.POST.get("accept", request.POST.get("refuse", ""))
        proposals = paper.field_proposals.filter(state=Decision.PROPOSED)
        if chosen != "all":
            proposals = proposals.filter(pk=int(chosen) if chosen.isdecimal() else 0)
        decided = []
        for proposal in proposals:
            try:
                if looking_up.decide(proposal, decision, editor_of(request)):
                    decided.append(proposal.field)
            except PapersError as error:
                messages.error(request, f"{looking_up.label(proposal.field)}: {error}")
        if decided:
            words = f"{decision.label}: {looking_up.in_words(decided)}."
            self.log_change(request, paper, words)
            messages.success(request, words)
        return to_page(paper)

    def paper_to_change(self, request: HttpRequest, pk: int) -> Paper:
        paper = get_object_or_404(Paper, pk=pk)
        if not self.has_change_permission(request, paper):
            raise PermissionDenied
        return paper


def difference(proposal: FieldProposal) -> dict[str, Any]:
    current = looking_up.current_value(proposal.paper, proposal.field)
    return {
        "pk": proposal.pk,
        "label": looking_up.label(proposal.field),
        "current": shown(proposal.field, current),
        "found": shown(proposal.field, proposal.value),
        "source": proposal.get_source_display(),
    }


def shown(field: str, value: Any) -> str:
    if field == "authors":
        return "; ".join(" ".join(part for part in (given, family, suffix) if part) for family, given, suffix in value)
    if field == "type":
        return str(PaperType(value).label) if value in PaperType.values else str(value)
    return str(value)


def editor_of(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else None


def to_page(paper: Paper) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:papers_paper_change", args=[paper.pk]))


@admin.register(PaperUpdate)
class PaperUpdateAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """What happened to papers since a story was written about them. Once accepted, readers see it under the story."""

    list_display = ["text", "paper", "kind", "happened_on", "state"]
    list_filter = ["state", "kind"]
    list_select_related = ["paper"]
    search_fields = ["text", "paper__title"]
    fields = ["paper", "kind", "text", "url", "happened_on", "state", "decided_by", "decided_at"]
    readonly_fields = ["decided_by", "decided_at"]
    autocomplete_fields = ["paper"]
    date_hierarchy = "found_at"
    actions = ["accept", "refuse"]
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}

    def save_model(self, request: HttpRequest, obj: PaperUpdate, form: Any, change: bool) -> None:
        if "state" in form.changed_data:
            obj.decided_by, obj.decided_at = editor_of(request), timezone.now()
        super().save_model(request, obj, form, change)

    @admin.action(description="Accept: readers see it", permissions=["change"])
    def accept(self, request: HttpRequest, updates: PaperUpdateQuerySet) -> None:
        self.decide(request, updates, Decision.ACCEPTED)

    @admin.action(description="Refuse", permissions=["change"])
    def refuse(self, request: HttpRequest, updates: PaperUpdateQuerySet) -> None:
        self.decide(request, updates, Decision.REFUSED)

    def decide(self, request: HttpRequest, updates: PaperUpdateQuerySet, decision: Decision) -> None:
        for update in updates.exclude(state=decision):
            update.state, update.decided_by, update.decided_at = decision, editor_of(request), timezone.now()
            update.save(update_fields=["state", "decided_by", "decided_at"])
            self.log_change(request, update, f"{decision.label}.")
        messages.success(request, f"{decision.label}.")
