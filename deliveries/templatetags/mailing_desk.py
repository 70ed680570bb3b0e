"""`{% load mailing_desk %}`: the last sending's figures, for those who may see them."""

from typing import Any

from django import template

from deliveries.ledger import ledger
from deliveries.models import Mailing

register = template.Library()


@register.inclusion_tag("admin/desk/mailing.html", takes_context=True)
def mailing_desk(context: dict[str, Any]) -> dict[str, Any]:
    if not context["user"].has_perm("deliveries.view_mailing"):
        return {"may_see": False}
    started = Mailing.objects.filter(started_at__isnull=False).select_related("issue").defer("html", "text")
    last = started.order_by("-started_at").first()
    return {"may_see": True, "mailing": last, "figures": ledger(last) if last else None}
