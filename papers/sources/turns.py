"""Whose turn it is to ask a service: one request at a time over all workers, and a pause after each.

A row in the database says from when on a service may be asked. The clock is the database's, so that it is one for all
machines; the claim is a conditional update, which only one can win.
"""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from papers.errors import NotOurTurn
from papers.models import Source, SourceTurn

MARGIN = 5.0  # seconds, so that a lease outlives the longest request


@dataclass
class Turn:
    """What is known at its end about when the next may begin: so many seconds later, if not the usual pause."""

    pause: float


@contextmanager
def turn_at(source: Source, *, patience: float) -> Iterator[Turn]:
    """Wait for the turn to ask, up to `patience` seconds, and give it back at the end. Raises NotOurTurn.

    Not for the inside of a transaction: others would wait for its end. Should its holder die, the turn is free again
    after the longest time that a request can take.
    """
    claim(source, patience)
    turn = Turn(pause=settings.METADATA_INTERVALS[source])
    try:
        yield turn
    finally:
        set_free_at(SourceTurn.objects.filter(source=source), turn.pause)


def claim(source: Source, patience: float) -> None:
    lease = settings.METADATA_TIMEOUTS["whole"] + MARGIN
    deadline = time.monotonic() + patience
    while not set_free_at(SourceTurn.objects.filter(source=source, free_at__lte=Now()), lease):
        wait = seconds_until_free(source)
        if time.monotonic() + wait > deadline:
            raise NotOurTurn(f"{source.label} is being asked about other papers.", seconds=wait)
        time.sleep(min(wait, 1.0) * random.uniform(1.0, 1.1) + 0.005)  # noqa: S311  # So that not all try at once.


def set_free_at(turns: "models.QuerySet[SourceTurn]", seconds: float) -> bool:
    return turns.update(free_at=Now() + timedelta(seconds=seconds)) == 1


def seconds_until_free(source: Source) -> float:
    """By the database's clock; makes the row if there is none. One query, or three."""
    wait = models.ExpressionWrapper(models.F("free_at") - Now(), models.DurationField())
    left = SourceTurn.objects.filter(source=source).values_list(wait, flat=True).first()
    if left is None:
        SourceTurn.objects.get_or_create(source=source, defaults={"free_at": Now()})
        return 0.0
    return float(max(0.0, left.total_seconds()))
