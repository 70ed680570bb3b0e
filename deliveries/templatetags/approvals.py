"""What the pages of issues and stories in the admin say about approvals; their app doesn't know of mailings."""

from typing import Any

from django import template
from django.template import RequestContext

from deliveries import approvals, mailing_page
from deliveries.clock import in_both_zones, publication_zone
from deliveries.models import Mailing, MailingState
from issues.models import Issue

register = template.Library()


@register.inclusion_tag("admin/deliveries/approval_of_issue.html", takes_context=True)
def approval_of_issue(context: RequestContext, issue: Issue) -> dict[str, Any]:
    """Its mailings, whether the approval still holds, and the buttons to test and approve it.

    Renders the email if there is an approval of which nothing has left.
    """
    mailings = list(issue.mailings.without_contents())
    current = Mailing.objects.current().filter(issue=issue).first()
    replaceable = Mailing.objects.replaceable().filter(issue=issue).exists()
    changes = approvals.changes_since(current) if current and replaceable else []
    return {
        "issue": issue,
        "mailings": mailings,
        "current": current,
        "changes": changes,
        "is_void": bool(changes) or (current is not None and current.state == MailingState.VOID),
        "may_be_approved": current is None or replaceable,
        "test_form": mailing_page.form_for_test(context["request"]),
        "zone": publication_zone().key,
        "perms": context["perms"],
        "csrf_token": context["csrf_token"],
    }


@register.inclusion_tag("admin/deliveries/approval_at_stake.html", takes_context=True)
def approval_at_stake(context: RequestContext, issue_id: int | None) -> dict[str, Any]:
    """What a change of the issue or of one of its stories would undo, or has undone. Two queries."""
    mailing = Mailing.objects.replaceable().filter(issue=issue_id).select_related("issue").first()
    scheduled = mailing.scheduled_for if mailing and mailing.state == MailingState.SCHEDULED else None
    return {
        "mailing": mailing,
        "is_void": mailing is not None and mailing.state == MailingState.VOID,
        "scheduled": in_both_zones(scheduled, publication_zone()) if scheduled else "",
        "perms": context["perms"],
    }
