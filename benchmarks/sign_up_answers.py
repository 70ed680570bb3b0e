"""Whether the time of an answer tells who subscribes: both forms of the sign-up page, for every kind of address.

Addresses of each kind take turns in random order, each in a request of its own to the whole stack without a network, on
a database made for this run: DATABASE_URL's, else SQLite. Told are medians in milliseconds, how far they are apart, and how
far two halves of the same kind are apart by chance. The last line is one JSON object. An argument sets the number of
requests of each kind.
"""

import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import nullcontext
from pathlib import Path

from benchmarks import site

KINDS = ("new", "pending", "active", "unsubscribed", "bounced", "complained", "erased")
FORMS = {"sign-up": "/subscribe/", "link": "/subscribe/link/"}
WARM_UP = 30  # requests that don't count


def main(times: int) -> None:
    url = os.environ.get("DATABASE_URL", "")
    scratch = site.scratch_database(url) if url.startswith("postgres") else nullcontext("")
    with tempfile.TemporaryDirectory(prefix="bench-sign-up-") as folder, scratch as database_url:
        site.set_up(Path(folder), database_url=database_url, SECURE_SSL_REDIRECT="false")
        from django.core.management import call_command

        call_command("collectstatic", verbosity=0, interactive=False)
        results = {form: measure(path, times) for form, path in FORMS.items()}
    for form, figures in results.items():
        report(form, figures)
    site.say(json.dumps({"times": times, "milliseconds": results}))


def measure(path: str, times: int) -> dict[str, float]:
    """Medians by kind, with the spread between kinds and between halves of one kind."""
    from django.conf import settings
    from django.test import Client

    settings.SIGN_UP_LIMITS = dict.fromkeys(settings.SIGN_UP_LIMITS, (10**9, 3600))
    client, taken = Client(), defaultdict(list)
    requests = [(kind, address_of(kind, path, number)) for kind in KINDS for number in range(times)]
    random.shuffle(requests)
    requests = [("warm-up", f"warm{number}@example.org") for number in range(WARM_UP)] + requests
    for kind, address in requests:
        start = time.perf_counter()
        answer = client.post(path, {"email": address})
        taken[kind].append((time.perf_counter() - start) * 1000)
        assert answer.status_code in (200, 302), answer.status_code  # noqa: S101, else the figures mean nothing
    medians = {kind: round(statistics.median(taken[kind]), 3) for kind in KINDS}
    halves = [abs(statistics.median(taken[kind][::2]) - statistics.median(taken[kind][1::2])) for kind in KINDS]
    spread = max(medians.values()) - min(medians.values())
    return medians | {"furthest apart": round(spread, 3), "by chance": round(max(halves), 3)}


def address_of(kind: str, path: str, number: int) -> str:
    """Make a subscriber of this kind, of some days ago, and return the address."""
    from subscribers import erasure
    from subscribers.models import Subscriber, SubscriberState

    address = f"{kind}{number}.{len(path)}@example.org"
    if kind == "new":
        return address
    state = SubscriberState.ACTIVE if kind == "erased" else SubscriberState(kind)
    subscriber = Subscriber.objects.create(email=address, state=state)
    if kind == "erased":
        erasure.erase(subscriber, source="benchmark")
    return address


def report(form: str, figures: dict[str, float]) -> None:
    site.say(f"\n{form} form")
    for kind, milliseconds in figures.items():
        site.say(f"  {kind:<15} {milliseconds:8.3f} ms")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
