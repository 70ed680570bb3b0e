"""How often something may happen, counted in Django's cache in windows of fixed length."""

import logging
import time
from hashlib import sha256

from django.conf import settings
from django.core.cache import cache

from audit.networks import network_of

logger = logging.getLogger(__name__)


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
    try:
        cache.add(counter, 0, timeout=seconds)
        return cache.incr(counter) <= times
    except _errors() as error:
        logger.warning("A limit could not be counted: %s", error)
        return True


def _errors() -> tuple[type[Exception], ...]:
    """Of a cache that was full or restarted in between, and of one that is away. Visitors need not know: the mails that an
    address gets are limited by the database, too."""
    from redis.exceptions import RedisError  # Here, because most processes don't need it.

    return (ValueError, RedisError)
