"""How many mails a server may get now, for all workers together: counted in the database, which every installation has.

Workers ask for small blocks, each by one short transaction, at most ten or twenty a second however fast they send:

- A second's limit is cut into tenths. The tenths are granted at equal distances, and each has to be used within 0.1
  seconds, so that no second ever sees more than the limit: about 9 % less than it, in the long run.
- An hour's limit is counted by the minute, over the last 61 full ones and the present one, so that it holds for every
  hour, whenever that begins. What was granted and not used is given back.

The clock is the worker's. One that is wrong delays others, it does not let more through; an hour is off by as much.
"""

import time
from dataclasses import dataclass

from django.db import transaction

from deliveries.models import RateLimit

BLOCKS_PER_SECOND = 10
SECONDS_TO_USE = 0.1  # of a block of a second's limit
SECONDS_TO_USE_OF_HOUR = 5.0  # where only the hour is limited
BLOCKS_PER_HOUR = 50
MOST_PER_BLOCK = 200  # where only the hour is limited
MINUTES_COUNTED = 61  # full ones, before the present one


@dataclass(frozen=True)
class Limits:
    """Mails; 0: no limit."""

    per_second: int = 0
    per_hour: int = 0

    def __bool__(self) -> bool:
        return bool(self.per_second or self.per_hour)

    @property
    def block(self) -> int:
        if self.per_second:
            return max(1, self.per_second // BLOCKS_PER_SECOND)
        return min(MOST_PER_BLOCK, max(1, self.per_hour // BLOCKS_PER_HOUR))

    @property
    def interval(self) -> float:
        """Seconds between two blocks. A block counts for the second after it and for the time in which it is used."""
        if not self.per_second:
            return 0.0
        blocks_in_a_second = self.per_second // self.block
        return (1 + SECONDS_TO_USE) / blocks_in_a_second * 1.001  # where the last digit would decide


@dataclass(frozen=True)
class Grant:
    mails: int
    until: float  # on time.time(): the mails have to be begun before
    next_at: float  # when asking again may help


def take(server: str, limits: Limits, *, unused: int = 0) -> Grant:
    """Ask for a block of mails to a server, and give back what is unused of former ones.

    One short transaction, which locks the server's row. `mails` is 0 when the limit is reached.
    """
    with transaction.atomic():
        row = _locked(server)
        now = time.time()
        minute = int(now // 60)
        minutes = _given_back(_recent(row.minutes, minute), unused)
        used = sum(minutes.values())
        mails = limits.block
        if limits.per_hour:
            mails = max(0, min(mails, limits.per_hour - used))
        if now < row.next_grant_at:
            mails = 0
        next_at = max(row.next_grant_at, now)
        if mails:
            minutes[minute] = minutes.get(minute, 0) + mails
            next_at = row.next_grant_at = now + limits.interval
        elif limits.per_hour and used >= limits.per_hour:
            next_at = max(next_at, 60.0 * (min(minutes) + MINUTES_COUNTED + 1))
        row.minutes = {str(each): count for each, count in minutes.items()}
        row.save(update_fields=["next_grant_at", "minutes"])
    return Grant(mails, now + (SECONDS_TO_USE if limits.per_second else SECONDS_TO_USE_OF_HOUR), next_at)


def give_back(server: str, unused: int) -> None:
    """Let the hour forget mails that were granted and not begun."""
    with transaction.atomic():
        row = _locked(server)
        minutes = _given_back(_recent(row.minutes, int(time.time() // 60)), unused)
        row.minutes = {str(each): count for each, count in minutes.items()}
        row.save(update_fields=["minutes"])


def _locked(server: str) -> RateLimit:
    """SQLite has but one writer, and Django's transactions are its from their beginning: see service_urls.py."""
    row = RateLimit.objects.select_for_update().filter(server=server).first()
    if row is None:
        RateLimit.objects.bulk_create([RateLimit(server=server)], ignore_conflicts=True)
        row = RateLimit.objects.select_for_update().get(server=server)
    return row


def _recent(minutes: dict[str, int], minute: int) -> dict[int, int]:
    return {int(each): count for each, count in minutes.items() if int(each) >= minute - MINUTES_COUNTED}


def _given_back(minutes: dict[int, int], unused: int) -> dict[int, int]:
    """Taken from the latest minutes, as that is when it was granted."""
    rest = dict(minutes)
    for minute in sorted(minutes, reverse=True):
        less = min(unused, rest[minute])
        rest[minute] -= less
        unused -= less
    return {minute: count for minute, count in rest.items() if count}
