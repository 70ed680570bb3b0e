"""Celery tasks. They carry the number of a lookup; the row says what is to be done."""

import random
from typing import Any

from celery import shared_task

from papers import link_health, looking_up, sources, watching
from papers.errors import NotOurTurn

SECONDS_FOR_LINKS = 180.0  # below the limit of a task
LONGEST_COUNTDOWN = 300.0  # seconds


@shared_task(bind=True, max_retries=None)
def look_up(self: Any, lookup_id: int) -> None:
    try:
        looking_up.run(lookup_id)
    except NotOurTurn as error:  # A worker has better things to do than to wait in a queue.
        if error.seconds > LONGEST_COUNTDOWN:
            return  # `look_up_forgotten` comes back to it: a broker is no place for what has to wait long.
        raise self.retry(countdown=error.seconds + random.uniform(1, 20)) from error  # noqa: S311


@shared_task
def look_up_forgotten() -> None:
    for lookup_id in looking_up.waiting_too_long():
        look_up.delay(lookup_id)


@shared_task
def look_again() -> None:
    for paper in watching.due():
        look_up.delay(looking_up.open_lookup(paper).pk)


@shared_task
def forget_old_answers() -> None:
    sources.forget_old_answers()


@shared_task
def check_links() -> None:
    link_health.check_due(SECONDS_FOR_LINKS)
