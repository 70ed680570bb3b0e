"""Telling those whom a step of a story concerns, by mail: who may approve it, or who has worked on it."""

import logging
from collections.abc import Iterable
from email.utils import formataddr
from smtplib import SMTPException

from django.contrib.auth.models import User
from django.core.mail import EmailMessage, get_connection
from django.db.models import Q, QuerySet
from django.urls import reverse

from issues.addresses import absolute
from issues.emailing import one_line
from issues.models import Comment, Publication, StoryState

logger = logging.getLogger(__name__)
WORDS = {
    StoryState.IN_REVIEW: "is to be reviewed",
    StoryState.APPROVED: "is approved",
    StoryState.DRAFT: "is a draft again",
}
MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"  # where groups give permissions


def concerned_by(comment: Comment) -> QuerySet[User]:
    """Of a story to review, all who may approve; of another step, all who have saved or discussed the story.

    Never who took the step, nor users without an address.
    """
    if comment.state == StoryState.IN_REVIEW:
        users = User.objects.with_perm("issues.approve_story", backend=MODEL_BACKEND, include_superusers=False)
    else:
        story = comment.story
        worked = Q(pk__in=story.revisions.values("editor")) | Q(pk__in=story.comments.values("author"))
        users = User.objects.filter(worked, is_active=True)
    return users.filter(is_staff=True).exclude(email="").exclude(pk=comment.author_id or 0)


def tell_of_step(comment: Comment) -> int:
    """Return how many mails left. Raises OSError if the mail server can't be reached."""
    story = comment.story
    what = f"“{story.title}” {WORDS[StoryState(comment.state)]}"
    said_by = comment.author.get_username() if comment.author else "Somebody"
    address = absolute(reverse("admin:issues_story_change", args=[story.pk]))
    body = "\n\n".join(filter(None, [f"{what}, says {said_by}.", comment.text, address])) + "\n"
    return mail_each(concerned_by(comment), what, body)


def mail_each(users: Iterable[User], what: str, body: str) -> int:
    """Mail each of them by itself; return how many mails left. One that is refused keeps nobody else from theirs.

    Raises OSError if the mail server can't be reached.
    """
    publication = Publication.objects.current()
    sender = formataddr((publication.sender, publication.from_email))
    subject = one_line(f"{publication.short_name}: {what}")
    messages = [EmailMessage(subject, body, sender, [user.email]) for user in users]
    if not messages:
        return 0
    left = 0
    with get_connection() as connection:
        for message in messages:
            try:
                left += connection.send_messages([message]) or 0
            except SMTPException as error:  # Its words hold the address.
                logger.warning("A mail to one of the staff was refused (%s).", type(error).__name__)
    return left
