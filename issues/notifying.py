"""Telling those whom a step of a story concerns, by mail: who may approve it, or who has worked on it."""

from email.utils import formataddr

from django.contrib.auth.models import User
from django.core.mail import EmailMessage, get_connection
from django.db.models import Q, QuerySet
from django.urls import reverse

from issues.addresses import absolute
from issues.models import Comment, Publication, StoryState

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
    """Mail each of them by itself; return how many mails left. Raises OSError if the mail server can't be reached."""
    story, publication = comment.story, Publication.objects.current()
    what = f"“{story.title}” {WORDS[StoryState(comment.state)]}"
    said_by = comment.author.get_username() if comment.author else "Somebody"
    address = absolute(reverse("admin:issues_story_change", args=[story.pk]))
    body = "\n\n".join(filter(None, [f"{what}, says {said_by}.", comment.text, address])) + "\n"
    sender = formataddr((publication.sender, publication.from_email))
    messages = [
        EmailMessage(f"{publication.short_name}: {what}", body, sender, [user.email]) for user in concerned_by(comment)
    ]
    return get_connection().send_messages(messages) or 0 if messages else 0
