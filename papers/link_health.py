"""Whether resources, and what texts to come link to, are where they should be.

Looked at now and then, one after the other, as their hosts allow it.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from urllib.robotparser import RobotFileParser

from django.core.cache import cache
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from papers.models import CheckedLink, Resource, ResourceState, TextLink
from papers.outside import AddressRefused, NoAnswer, Reply, ask
from papers.sources.http import user_agent

CHECKED_EVERY = timedelta(days=30)
FAILING_CHECKED_EVERY = timedelta(days=1)
DEAD_AFTER = timedelta(days=14)  # of failing
GONE = {404, 410}
UNWELCOME = {401, 402, 403, 407, 429, 451, 999}  # for programs, at least; 999 is LinkedIn's
WATCHED_FOR = timedelta(days=2)  # after a text that is to come was last seen to have a link
FORGOTTEN_AFTER = timedelta(days=90)
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


def watch(urls: Iterable[str], now: datetime) -> None:
    """Have the links of texts that are to come looked at, and forget those that no text has any more. Two queries.

    `urls` are normalised.
    """
    TextLink.objects.bulk_create(
        [TextLink(url=url, wanted_at=now) for url in sorted(set(urls))],
        update_conflicts=True,
        unique_fields=["url"],
        update_fields=["wanted_at"],
    )
    TextLink.objects.filter(wanted_at__lt=now - FORGOTTEN_AFTER).delete()


def due(now: datetime) -> list[CheckedLink]:
    """As many as are looked at in a run: the unchecked first, then those that were checked longest ago. Two queries."""
    kinds: list[QuerySet[Any]] = [TextLink.objects.filter(wanted_at__gt=now - WATCHED_FOR), Resource.objects.all()]
    failing = Q(state=ResourceState.FAILING, checked_at__lte=now - FAILING_CHECKED_EVERY)
    old = Q(checked_at__lte=now - CHECKED_EVERY)
    oldest_first = F("checked_at").asc(nulls_first=True), "pk"
    links = [
        link
        for kind in kinds
        for link in kind.filter(Q(checked_at=None) | failing | old).order_by(*oldest_first)[:AT_ONCE]
    ]
    long_ago = datetime.min.replace(tzinfo=now.tzinfo)
    return sorted(links, key=lambda link: link.checked_at or long_ago)[:AT_ONCE]


def check_due(seconds: float, *, ask: Ask = ask, pause: float = PAUSE) -> int:
    """Check what is due for about so many seconds; return how many links were looked at."""
    end, checked = time.monotonic() + seconds, 0
    asked_at: dict[str, float] = {}
    for link in in_turn(due(timezone.now())):
        last = asked_at.get(link.host)
        wait = max(last + pause - time.monotonic(), 0) if last is not None else 0
        if time.monotonic() + wait > end:
            break
        time.sleep(wait)
        record(link, look_at(link.url, ask=ask), timezone.now())
        asked_at[link.host] = time.monotonic()
        checked += 1
    return checked


def in_turn(links: Iterable[CheckedLink]) -> Iterator[CheckedLink]:
    """One of each host, then a second of each, so that the pauses are hardly felt."""
    by_host: dict[str, list[CheckedLink]] = {}
    for link in links:
        by_host.setdefault(link.host, []).append(link)
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
    try:
        rules.parse(lines)
    except ValueError as error:  # It stumbles over “Crawl-delay: ²” and the like.
        raise AddressRefused("Its robots.txt can't be read.") from error
    return rules.can_fetch(user_agent(), url)


def record(link: CheckedLink, finding: Finding, now: datetime) -> None:
    """Store what was found. What fails for two weeks is dead.

    Nothing is stored if the link is gone by now, or has another address: it was another one that was looked at. A state
    is written where it changes, and where readers see the day of the check: any other check leaves the pages that are
    kept as good as they were.
    """
    with transaction.atomic():
        stored = type(link)._default_manager.select_for_update().filter(pk=link.pk, url=link.url).first()
        if stored is None:
            return
        failing = finding.state == ResourceState.FAILING
        since = (stored.failing_since or now) if failing else None
        was_dead = stored.state == ResourceState.DEAD
        values: dict[str, Any] = {
            "state": ResourceState.DEAD if since and (was_dead or now - since >= DEAD_AFTER) else finding.state,
            "checked_at": now,
            "failing_since": since,
            "finding": finding.sentence[:300],
            "final_url": finding.final_url,
        }
        if values["state"] == stored.state != ResourceState.DEAD:
            del values["state"]
        for name, value in values.items():
            setattr(stored, name, value)
        stored.save(update_fields=list(values))
