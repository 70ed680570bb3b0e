"""Celery's way in. Every task may be lost or run twice."""

import logging

from celery import shared_task

from issues import websub
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
