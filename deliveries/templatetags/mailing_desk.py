"""`{% load mailing_desk %}`: mailings that wait for somebody, and the last sending's figures, for those who may see them."""

from typing import Any

from django import template

from deliveries.clock import publication_zone
from deliveries.ledger import ledger
from deliveries.models import Mailing, MailingState

register = template.Library()


@register.inclusion_tag("admin/desk/mailing.html", takes_context=True)
def mailing_desk(context: dict[str, Any]) -> dict[str, Any]:
    """Four queries."""
    if not context["user"].has_perm("deliveries.view_mailing"):
        return {"may_see": False}
    mailings = Mailing.objects.select_related("issue").without_contents()
    last = mailings.filter(started_at__isnull=False).order_by("-started_at").first()
    return {
        "may_see": True,
        "mailing": last,
        "figures": ledger(last) if last else None,
        "waiting": mailings.exclude(state__in=[MailingState.SENDING, MailingState.SENT, MailingState.CANCELLED]),
        "zone": publication_zone().key,
    }
