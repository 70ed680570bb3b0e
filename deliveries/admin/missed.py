"""The pages about who did not get an issue, below a mailing's page in the admin."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.functional import cached_property

from audit.models import Action
from audit.recording import record
from deliveries import missed
from deliveries.models import DeliveryQuerySet, DeliveryState, Mailing

PER_PAGE = 50
STATES = [state for state in DeliveryState if state != DeliveryState.SENT]
PERMISSIONS = ("deliveries.view_delivery", "subscribers.view_subscriber")


def missed_page(request: HttpRequest, mailing_id: int) -> HttpResponse:
    """Fifty a page. Queries: the mailing, the counts, the page's rows."""
    mailing = _mailing(request, mailing_id)
    state, kind = _chosen(request)
    counted = missed.counts(mailing)
    total = sum(count for row_state, row_kind, count in counted if state in ("", row_state) and kind in ("", row_kind))
    page = CountedPaginator(missed.missed(mailing, state=state, kind=kind), total).get_page(request.GET.get("page"))
    context = {
        "title": f"Who did not get issue {mailing.issue}",
        "mailing": mailing,
        "opts": Mailing._meta,
        "page": page,
        "rows": [missed.facts(delivery) for delivery in page],
        "states": [(each, each.label, sum(row[2] for row in counted if row[0] == each)) for each in STATES],
        "kinds": [
            (each, label, sum(row[2] for row in counted if row[1] == each)) for each, label in missed.LABELS.items()
        ],
        "state": state,
        "kind": kind,
        "query": _query(state, kind),
    }
    return render(request, "admin/deliveries/mailing/missed.html", admin.site.each_context(request) | context)


def missed_csv(request: HttpRequest, mailing_id: int) -> StreamingHttpResponse:
    """All of them, with the same filters, streamed. The trail tells who took them."""
    mailing = _mailing(request, mailing_id)
    state, kind = _chosen(request)
    rows = missed.missed(mailing, state=state, kind=kind)
    note = f"Who did not get it: {rows.count()} addresses ({', '.join(filter(None, [state, kind])) or 'all'})."
    record(Action.EXPORTED, mailing, by=request.user, note=note)
    name = f"missed-{mailing.issue.number}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return StreamingHttpResponse(missed.csv_lines(rows), content_type="text/csv; charset=utf-8", headers=headers)


def _mailing(request: HttpRequest, mailing_id: int) -> Mailing:
    if not request.user.has_perms(PERMISSIONS):
        raise PermissionDenied
    return get_object_or_404(Mailing.objects.select_related("issue").without_contents(), pk=mailing_id)


def _chosen(request: HttpRequest) -> tuple[str, str]:
    """State and kind, if they are known; else all."""
    state, kind = request.GET.get("state", ""), request.GET.get("kind", "")
    return state if state in STATES else "", kind if kind in missed.LABELS else ""


def _query(state: str, kind: str) -> str:
    query = QueryDict(mutable=True)
    query.update({name: value for name, value in (("state", state), ("kind", kind)) if value})
    return query.urlencode()


class CountedPaginator(Paginator):  # type: ignore[type-arg]  # Parameters exist in the types only.
    """One that is told how many there are."""

    def __init__(self, rows: DeliveryQuerySet, total: int) -> None:
        super().__init__(rows, PER_PAGE)
        self._total = total

    @cached_property
    def count(self) -> int:
        return self._total


PAGES = (("missed/", missed_page, "missed"), ("missed.csv", missed_csv, "missed_csv"))
