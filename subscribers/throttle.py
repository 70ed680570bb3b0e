"""How often something may happen, counted in Django's cache in windows of fixed length."""

import time
from hashlib import sha256

from django.conf import settings
from django.core.cache import cache

from audit.networks import network_of


def sign_up_allowed(address: str, client: str) -> bool:
    """Count one sign-up against its three limits: of the client's network, of the address, of everybody together.

    What one limit stops does not count against the next, so a single network can't use up what is everybody's.
    The limits are in settings.SIGN_UP_LIMITS, as (times, seconds). The cache holds hashes for as long as a window
    lasts, and neither addresses nor clients. With a cache of its own in each process, each process counts alone.
    """
    keys = {"network": network_of(client), "address": address.lower(), "everybody": ""}
    return all(_allowed(name, key, *settings.SIGN_UP_LIMITS[name]) for name, key in keys.items())


def _allowed(name: str, key: str, times: int, seconds: int) -> bool:
    window = int(time.time()) // seconds
    counter = f"throttle:{sha256(f'{name} {key} {window}'.encode()).hexdigest()}"
    cache.add(counter, 0, timeout=seconds)
    try:
        return cache.incr(counter) <= times
    except ValueError:  # The cache was full, or restarted, in between.
        return True
