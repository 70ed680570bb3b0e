"""Celery tasks. Each may be lost or run twice: so it finds out from the database what is still to be done."""

import logging

from celery import shared_task

from issues import cards, notifying, websub
from issues.models import Comment
from issues.preflight import links

logger = logging.getLogger(__name__)


@shared_task
def tell_hub() -> None:
    """Once a minute, where there is a hub: what it could not be told now, it is told by the next run."""
    try:
        websub.tell_hub()
    except OSError as error:
        logger.warning("The WebSub hub was not told of what changed: %s", error)


@shared_task
def watch_links() -> None:
    links.watch_links()


@shared_task
def forget_old_cards() -> None:
    cards.forget_old()


@shared_task
def tell_of_step(comment_id: int) -> None:
    """A mail that can't leave is not tried again: the desk's front page shows the same."""
    comment = Comment.objects.select_related("story", "author").filter(pk=comment_id).first()
    if comment is None:
        return
    if left := notifying.tell_of_step(comment):
        logger.warning("%d could not be told of a step of story %d by mail.", len(left), comment.story_id)
