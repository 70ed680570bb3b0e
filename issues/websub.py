"""WebSub (https://www.w3.org/TR/websub/): a hub is told which feeds changed, and tells those who follow them.

Nothing is stored about it but the moment up to which the hub knows, in the cache. Where that is lost, or each worker has
its own, the hub is told twice, which is harmless; what it could not be told, it is told by the next run.
"""

import datetime
import urllib.parse
import urllib.request
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone

from issues.addresses import absolute
from issues.corrections import published_corrections
from issues.models import Section, Story, StoryQuerySet, Topic
from papers.models import Author

TIMEOUT = 10.0  # seconds, for connecting and for each read
TOLD_UNTIL = "websub:told-until"
FIRST_LOOK = datetime.timedelta(minutes=10)  # back, where the cache knows nothing
LONGEST_LOOK = datetime.timedelta(days=1)  # back: who was not told in a day has looked by himself
FEEDS_AT_ONCE = 100


def tell_hub() -> int:
    """Name to the hub all feeds that changed since it was told last; return how many.

    Up to five queries. Raises OSError if the hub can't be reached, takes too long or refuses; then nothing counts as told.
    """
    now = timezone.now()
    told_until = cache.get(TOLD_UNTIL) or now - FIRST_LOOK
    addresses = changed_feeds(max(told_until, now - LONGEST_LOOK), now)
    for start in range(0, len(addresses), FEEDS_AT_ONCE):
        ping(addresses[start : start + FEEDS_AT_ONCE])
    cache.set(TOLD_UNTIL, now, timeout=None)
    return len(addresses)


def changed_feeds(after: datetime.datetime, until: datetime.datetime) -> list[str]:
    """The addresses of the feeds in which an entry is new or corrected, in both forms. At most five queries."""
    corrections = published_corrections().filter(published_at__gt=after, published_at__lte=until)
    published = Q(issue__published_at__gt=after, issue__published_at__lte=until)
    stories = Story.objects.published().filter(published | Q(pk__in=corrections.values("story")))
    if not stories.exists():
        return []
    names: list[tuple[str, list[str]]] = [("feed", []), ("issues_feed", [])]
    if corrections.exists():
        names.append(("corrections_feed", []))
    names += feeds_of(stories)
    return [
        absolute(reverse(f"issues:{name}", args=[*slug, form])) for name, slug in names for form in ("atom", "json")
    ]


def feeds_of(stories: StoryQuerySet) -> list[tuple[str, list[str]]]:
    """The names and slugs of the feeds of their sections, topics and authors. Three queries."""
    of_kinds: dict[str, QuerySet[Any]] = {
        "section_feed": Section.objects.filter(stories__in=stories),
        "topics_feed": Topic.objects.filter(items__content_object__in=stories),
        "author_feed": Author.objects.filter(papers__stories__in=stories),
    }
    return [
        (name, [slug])
        for name, rows in of_kinds.items()
        for slug in rows.order_by("slug").values_list("slug", flat=True).distinct()
    ]


def ping(addresses: list[str]) -> None:
    """Send one notification. Raises OSError, of which urllib's HTTPError is one."""
    form = urllib.parse.urlencode([("hub.mode", "publish"), *(("hub.url", address) for address in addresses)])
    request = urllib.request.Request(settings.WEBSUB_HUB_URL, form.encode(), method="POST")  # noqa: S310
    with urllib.request.urlopen(request, timeout=TIMEOUT):  # noqa: S310  # The operator's setting.
        pass
