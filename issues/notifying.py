"""Telling those whom a step of a story concerns, by mail: who may approve it, or who has worked on it."""

import logging
from collections.abc import Iterable
from email.utils import formataddr

from django.contrib.auth.models import User
from django.core.mail import EmailMessage
from django.db.models import Q, QuerySet
from django.urls import reverse

from issues.addresses import absolute
from issues.emailing import one_line
from issues.models import Comment, Publication, StoryState
from transactional.sending import HANDED_OVER, MailServerUnavailable, send

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


def tell_of_step(comment: Comment) -> list[User]:
    """Mail all whom this step concerns; return those whose mail could not leave."""
    story = comment.story
    what = f"“{story.title}” {WORDS[StoryState(comment.state)]}"
    said_by = comment.author.get_username() if comment.author else "Somebody"
    address = absolute(reverse("admin:issues_story_change", args=[story.pk]))
    body = "\n\n".join(filter(None, [f"{what}, says {said_by}.", comment.text, address])) + "\n"
    return mail_each(concerned_by(comment), what, body)


def mail_each(users: Iterable[User], what: str, body: str) -> list[User]:
    """Mail each of them by itself; return those to try again later, as nothing left: no server, or it said not now.

    One that is refused keeps nobody else from theirs, and is a line in the log: without its address.
    """
    publication = Publication.objects.current()
    sender = formataddr((publication.sender, publication.from_email))
    subject = one_line(f"{publication.short_name}: {what}")
    later = []
    for user in users:
        try:
            became = send(EmailMessage(subject, body, sender, [user.email]))
        except MailServerUnavailable as error:
            logger.warning("A mail to one of the staff could not leave: %s", type(error.__cause__).__name__)
            later.append(user)
        else:
            if became != HANDED_OVER:
                logger.warning("A mail to one of the staff did not arrive: %s", became)
    return later
