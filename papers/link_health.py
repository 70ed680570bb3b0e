"""Whether resources still are where they were: looked at now and then, one after the other, as their hosts allow it."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from urllib.robotparser import RobotFileParser

from django.core.cache import cache
from django.db.models import F, Q
from django.utils import timezone

from papers.outside import AddressRefused, NoAnswer, Reply, ask
from papers.resources import Resource, ResourceQuerySet, ResourceState
from papers.sources.http import user_agent

CHECKED_EVERY = timedelta(days=30)
FAILING_CHECKED_EVERY = timedelta(days=1)
DEAD_AFTER = timedelta(days=14)  # of failing
GONE = {404, 410}
UNWELCOME = {401, 402, 403, 407, 429, 451, 999}  # for programs, at least; 999 is LinkedIn's
PAUSE = 5.0  # seconds between two questions to the same host
AT_ONCE = 100  # that are looked at in a run
ROBOTS_BYTES = 500_000  # RFC 9309, 2.5
ROBOTS_KEPT = 86_400  # seconds
UNCHECKED: dict[str, Any] = {
    "state": ResourceState.UNCHECKED,
    "checked_at": None,
    "failing_since": None,
    "finding": "",
    "final_url": "",
}
Ask = Callable[..., Reply]


@dataclass(frozen=True)
class Finding:
    state: ResourceState
    sentence: str
    final_url: str = ""


def due(now: datetime) -> ResourceQuerySet:
    """Those whose turn it is: the unchecked first, then those that were checked longest ago."""
    failing = Q(state=ResourceState.FAILING, checked_at__lte=now - FAILING_CHECKED_EVERY)
    old = Q(checked_at__lte=now - CHECKED_EVERY)
    return Resource.objects.filter(Q(checked_at=None) | failing | old).order_by(
        F("checked_at").asc(nulls_first=True), "pk"
    )


def check_due(seconds: float, *, ask: Ask = ask, pause: float = PAUSE) -> int:
    """Check what is due for about so many seconds; return how many links were looked at."""
    end, checked = time.monotonic() + seconds, 0
    asked_at: dict[str, float] = {}
    for resource in in_turn(due(timezone.now())[:AT_ONCE]):
        last = asked_at.get(resource.host)
        wait = max(last + pause - time.monotonic(), 0) if last is not None else 0
        if time.monotonic() + wait > end:
            break
        time.sleep(wait)
        record(resource, look_at(resource.url, ask=ask), timezone.now())
        asked_at[resource.host] = time.monotonic()
        checked += 1
    return checked


def in_turn(resources: Iterable[Resource]) -> Iterator[Resource]:
    """One of each host, then a second of each, so that the pauses are hardly felt."""
    by_host: dict[str, list[Resource]] = {}
    for resource in resources:
        by_host.setdefault(resource.host, []).append(resource)
    for place in range(max(map(len, by_host.values()), default=0)):
        yield from (rows[place] for rows in by_host.values() if place < len(rows))


def look_at(url: str, *, ask: Ask = ask) -> Finding:
    """Ask for the head, and where that isn't answered well, for the page, of which nothing is read."""
    try:
        if not robots_allow(url, ask):
            return Finding(ResourceState.REFUSED, "Its robots.txt wants no programs there.")
        reply = ask(url, method="HEAD")
        if reply.status >= 400:
            reply = ask(url, method="GET")
    except AddressRefused as error:
        return Finding(ResourceState.REFUSED, str(error))
    except NoAnswer as error:
        return Finding(ResourceState.FAILING, str(error))
    return judge(url, reply)


def judge(url: str, reply: Reply) -> Finding:
    told = f"It answered with status {reply.status}."
    if reply.status in GONE:
        return Finding(ResourceState.DEAD, told)
    if reply.status in UNWELCOME:
        return Finding(ResourceState.REFUSED, told)
    if reply.status >= 300:
        return Finding(ResourceState.FAILING, told)
    if reply.moved_to != url:
        return Finding(ResourceState.REDIRECTED, told, reply.moved_to[:2000])
    return Finding(ResourceState.OK, told)


def robots_allow(url: str, ask: Ask) -> bool:
    """Whether robots.txt lets us ask (RFC 9309), which is kept for a day. Raises AddressRefused or NoAnswer."""
    parts = urlsplit(url)
    key = f"robots:{parts.scheme}:{parts.netloc}"[:200]
    lines = cache.get(key)
    if lines is None:
        reply = ask(f"{parts.scheme}://{parts.netloc}/robots.txt", method="GET", most_bytes=ROBOTS_BYTES)
        if reply.status >= 500:
            raise NoAnswer(f"Its robots.txt answered with status {reply.status}.")
        lines = reply.body.decode(errors="replace").splitlines() if reply.status == 200 else []
        cache.set(key, lines, ROBOTS_KEPT)
    rules = RobotFileParser()
    rules.parse(lines)
    return rules.can_fetch(user_agent(), url)


def record(resource: Resource, finding: Finding, now: datetime) -> None:
    """Store what was found. What fails for two weeks is dead."""
    failing = finding.state == ResourceState.FAILING
    since = (resource.failing_since or now) if failing else None
    was_dead = resource.state == ResourceState.DEAD
    values: dict[str, Any] = {
        "state": ResourceState.DEAD if since and (was_dead or now - since >= DEAD_AFTER) else finding.state,
        "checked_at": now,
        "failing_since": since,
        "finding": finding.sentence[:300],
        "final_url": finding.final_url,
    }
    for name, value in values.items():
        setattr(resource, name, value)
    resource.save(update_fields=list(values))
