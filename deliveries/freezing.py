"""Approving an issue: what its mailing will say is rendered once, stored and sealed with a fingerprint."""

import hashlib
import json

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from deliveries.composing import freeze_message
from deliveries.errors import MailingError
from deliveries.models import Mailing, MailingState
from issues import publishing
from issues.emailing import MERGE_FIELDS, UNSUBSCRIBE_URL, render_issue_email
from issues.models import Issue, Publication

SEALED = ("sender", "from_email", "reply_to", "list_name", "list_id", "subject", "html", "text")


def freeze(issue: Issue, by: AbstractBaseUser | None) -> Mailing:
    """Approve the issue and store what will be mailed; an approved mailing that has no time yet is replaced.

    Raises NotReady if the issue can't be approved, MailingError if its mailing is on its way or has a time, BadAddress
    if the sender's address can't be used.
    """
    with transaction.atomic():
        publishing.approve(issue)
        _drop_replaceable(issue)
        mailing = render_mailing(issue)
        freeze_message(mailing)  # What no message can be made of is refused here, not in the middle of sending.
        mailing.approved_by_id = by.pk if by else None
        mailing.save()
    return mailing


def _drop_replaceable(issue: Issue) -> None:
    """The issue's row is locked by its approval, so two editors can't both get here."""
    mailing = Mailing.objects.current().filter(issue=issue).first()
    if mailing is None:
        return
    if mailing.state != MailingState.APPROVED:
        raise MailingError(
            f"Issue {issue} already has a mailing, which is {mailing.get_state_display().lower()}. "
            "Cancel that first if another is to take its place."
        )
    _cancel_not_started(mailing)


def void(mailing: Mailing) -> None:
    """Take back the approval of a mailing that has not started. Raises MailingError if it has."""
    with transaction.atomic():
        _cancel_not_started(mailing)
        publishing.withdraw_approval(mailing.issue)


def _cancel_not_started(mailing: Mailing) -> None:
    waiting = Mailing.objects.not_started().filter(pk=mailing.pk)
    if not waiting.update(state=MailingState.CANCELLED, finished_at=timezone.now()):
        raise MailingError(f"{mailing} has started, so its approval can't be taken back. Pause or cancel it instead.")
    mailing.state = MailingState.CANCELLED


def current_fingerprint(issue: Issue) -> str:
    """The fingerprint of what the issue would be mailed as now."""
    return render_mailing(issue).fingerprint


def require_unchanged(mailing: Mailing) -> None:
    """Raise MailingError if issue, publication or layout have changed since the approval."""
    if current_fingerprint(mailing.issue) != mailing.fingerprint:
        raise MailingError(
            f"Issue {mailing.issue} would read differently now than when it was approved. "
            "Look at it once more, then approve it again."
        )


def render_mailing(issue: Issue) -> Mailing:
    """A mailing of the issue as it reads now, not saved."""
    publication = Publication.objects.current()
    email = render_issue_email(issue)
    mailing = Mailing(
        issue=issue,
        sender=publication.sender,
        from_email=publication.from_email,
        reply_to=publication.reply_to,
        list_name=publication.name,
        list_id=publication.list_id,
        subject=email.subject,
        html=email.html,
        text=email.text,
    )
    _require_merge_fields(mailing)
    mailing.fingerprint = fingerprint(mailing)
    return mailing


def fingerprint(mailing: Mailing) -> str:
    """SHA-256, in hexadecimal, of all that readers get to see."""
    sealed = json.dumps({name: getattr(mailing, name) for name in SEALED}, sort_keys=True)
    return hashlib.sha256(sealed.encode()).hexdigest()


def _require_merge_fields(mailing: Mailing) -> None:
    """Hold the layout to what every mail needs, and to what composing can fill in."""
    for name in ("html", "text"):
        content: str = getattr(mailing, name)
        if UNSUBSCRIBE_URL not in content:
            raise MailingError(f"The email's {name} lacks the link to unsubscribe, which every mail has to have.")
    unknown = set(MERGE_FIELDS) - {UNSUBSCRIBE_URL}
    if unknown:
        raise NotImplementedError(f"Composing does not know the merge fields {sorted(unknown)}.")
