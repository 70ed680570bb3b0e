"""Approving an issue: what its mailing will say is rendered once, stored and sealed with a fingerprint."""

import hashlib
import json
from typing import Any

from django.db import transaction
from django.utils import timezone

from audit.models import Action
from audit.recording import Actor, record
from deliveries.composing import freeze_message
from deliveries.errors import MailingError
from deliveries.models import Mailing, MailingState
from issues import publishing
from issues.emailing import PREFERENCES_URL, UNSUBSCRIBE_URL, Part, render_issue_email
from issues.models import Issue, Publication
from issues.variants import whole

SEALED = ("sender", "from_email", "reply_to", "list_name", "list_id", "subject", "html", "text", "stories")


def freeze(issue: Issue, by: Actor) -> Mailing:
    """Approve the issue and store what will be mailed; an approved mailing that has not started is replaced.

    Raises NotReady if the issue can't be approved, MailingError if its mailing is on its way, BadAddress if the
    sender's address can't be used.
    """
    with transaction.atomic():
        publishing.approve(issue)
        _drop_replaceable(issue)
        mailing = render_mailing(issue)
        freeze_message(mailing)  # What no message can be made of is refused here, not in the middle of sending.
        mailing.save()
        record(Action.APPROVED, mailing, by=by, note=f"Fingerprint {mailing.fingerprint}")
    return mailing


def _drop_replaceable(issue: Issue) -> None:
    """The issue's row is locked by its approval, so two editors can't both get here."""
    mailing = Mailing.objects.current().filter(issue=issue).first()
    if mailing is None:
        return
    if not _cancel_not_started(mailing):
        raise MailingError(
            f"Issue {issue} already has a mailing, which is {mailing.state_in_words.lower()}. "
            "Cancel that first if another is to take its place."
        )


def withdraw(mailing: Mailing, by: Actor) -> None:
    """Take back the approval of a mailing that has not started. Raises MailingError if it has."""
    with transaction.atomic():
        lock_issue(mailing)
        if not _cancel_not_started(mailing):
            raise MailingError(
                f"{mailing} has started, so its approval can't be taken back. Pause or cancel it instead."
            )
        publishing.withdraw_approval(mailing.issue)
        record(Action.APPROVAL_VOIDED, mailing, by=by, note="Taken back.")


def _cancel_not_started(mailing: Mailing) -> bool:
    waiting = Mailing.objects.replaceable().filter(pk=mailing.pk)
    if not waiting.update(state=MailingState.CANCELLED, finished_at=timezone.now()):
        return False
    mailing.state = MailingState.CANCELLED
    return True


def lock_issue(mailing: Mailing) -> None:
    """Every step that touches both locks the issue first, then its mailing, so that no two wait for each other."""
    Issue.objects.select_for_update().get(pk=mailing.issue_id)


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
        parts=parts_to_store(email.parts),
        stories=email.stories,
    )
    _require_merge_fields(mailing)
    mailing.fingerprint = fingerprint(mailing)
    return mailing


def parts_to_store(parts: list[Part]) -> list[dict[str, Any]]:
    """The words of the whole issue, as most readers get it."""
    return [{"story": part.story_id, "name": part.name, "text": whole(part.text)} for part in parts]


def fingerprint(mailing: Mailing) -> str:
    """SHA-256, in hexadecimal, of all that readers get to see."""
    sealed = json.dumps({name: getattr(mailing, name) for name in SEALED}, sort_keys=True)
    return hashlib.sha256(sealed.encode()).hexdigest()


def _require_merge_fields(mailing: Mailing) -> None:
    """Hold the layout to what every mail needs."""
    needed = {UNSUBSCRIBE_URL: "the link to unsubscribe", PREFERENCES_URL: "the link to the reader's preferences"}
    for name in ("html", "text"):
        content: str = getattr(mailing, name)
        for field, what in needed.items():
            if field not in content:
                raise MailingError(f"The email's {name} lacks {what}, which every mail has to have.")
