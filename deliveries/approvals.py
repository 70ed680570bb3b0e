"""An approval is of one fingerprint: what changes it voids the approval, at once and aloud."""

from collections.abc import Callable

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html

from audit.models import Action
from audit.recording import SCHEDULE, WORKER, Actor, record
from deliveries.clock import in_both_zones, publication_zone
from deliveries.comparing import Difference, differences
from deliveries.errors import ApprovalVoid, DeliveriesError
from deliveries.freezing import lock_issue, render_mailing
from deliveries.models import Mailing, MailingState
from deliveries.notifying import tell_after_commit
from issues import publishing
from issues.errors import IssuesError


def changes_since(mailing: Mailing) -> list[Difference]:
    """What readers would notice if the issue was approved anew; empty if the approval holds.

    As costly as rendering the email.
    """
    try:
        now = render_mailing(mailing.issue)
    except (IssuesError, DeliveriesError) as error:
        return [Difference("The issue", note=f"It can’t be rendered any more: {error}")]
    return differences(mailing, now)


def require_unchanged(mailing: Mailing) -> None:
    """Raise ApprovalVoid if issue, publication or layout have changed since the approval."""
    if changes := changes_since(mailing):
        raise ApprovalVoid(
            f"Issue {mailing.issue} would read differently now than when it was approved: {name_all(changes)} changed. "
            "Look at it once more, then approve it again."
        )


def void(mailing: Mailing, reason: str, *, by: Actor) -> bool:
    """Let an approval lapse, with the schedule that rested on it. Return False if it did before, or sending began.

    Where nobody sits in front of it, those who may send are told by mail that the schedule is not kept.
    """
    with transaction.atomic():
        lock_issue(mailing)
        waiting = Mailing.objects.not_started().filter(pk=mailing.pk)
        if not waiting.update(state=MailingState.VOID, pause_reason=reason, scheduled_for=None):
            return False
        publishing.withdraw_approval(mailing.issue)
        record(Action.APPROVAL_VOIDED, mailing, by=by, note=reason)
        if mailing.scheduled_for and by in (WORKER, SCHEDULE):
            tell_after_commit(mailing.pk)
    mailing.state, mailing.pause_reason, mailing.scheduled_for = MailingState.VOID, reason, None
    return True


def void_if_changed(mailing: Mailing, *, by: Actor) -> bool:
    """Let the approval lapse if it no longer holds; return whether it did. Renders the email."""
    changes = changes_since(mailing)
    if not changes:
        return False
    reason = f"{name_all(changes)} changed after the approval."
    if mailing.scheduled_for:
        when = in_both_zones(mailing.scheduled_for, publication_zone())
        reason += f" It was scheduled for {when}, and will not start then."
    return void(mailing, reason, by=by)


def void_changed() -> None:
    """The same for all that wait, as something may have changed otherwise than by a form: a paper's facts, the layout."""
    for mailing in Mailing.objects.not_started().select_related("issue"):
        void_if_changed(mailing, by=WORKER)


def name_all(changes: list[Difference]) -> str:
    names = [f"“{change.name}”" for change in changes]
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


class ApprovalMiddleware:
    """After whatever was saved in the admin, see whether what is approved still reads the same; if not, say so.

    A story, its paper, a topic, the publication: much can change a mail, so this looks at the result. It renders the
    issues that are approved and not yet sent, one or none as a rule, after a form was saved.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        in_admin = request.method == "POST" and request.path.startswith(reverse("admin:index"))
        was_in = in_admin and request.user.is_authenticated  # Logging in saves nothing.
        response = self.get_response(request)
        if was_in and request.user.is_authenticated and response.status_code == 302:
            for mailing in Mailing.objects.not_started().select_related("issue"):
                tell_if_void(request, mailing)
        return response


def tell_if_void(request: HttpRequest, mailing: Mailing) -> None:
    if void_if_changed(mailing, by=request.user):
        address = reverse("admin:deliveries_mailing_change", args=[mailing.pk])
        messages.warning(
            request,
            format_html(
                'The approval of issue {} is void: {} <a href="{}">See what changed, and approve it again</a>.',
                mailing.issue,
                mailing.pause_reason,
                address,
            ),
        )
