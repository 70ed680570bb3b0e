"""From a bounce back to its delivery: by the address that it came to, or by the Message-ID in what it returns.

With BOUNCE_ADDRESS set to bounces@example.org, a reader's mail has the envelope sender bounces+TOKEN@example.org, which no
other has (VERP). Token and Message-ID carry a MAC, so that nobody can make up a bounce for somebody else.
"""

import base64
import hmac
import re
from collections.abc import Iterator
from email import message_from_string
from email.message import Message
from functools import cache
from itertools import islice

from django.conf import settings
from django.utils.crypto import salted_hmac
from django.utils.http import base36_to_int, int_to_base36

from deliveries.models import Delivery, Mailing

SALT = "deliveries.bounce-address"
MAC_BYTES = 16
# The case may be lost on the way. Local parts have at most 64 characters (RFC 5321 §4.5.3.1.1).
TOKEN = re.compile(r"\+([0-9a-z]{1,13})-([0-9a-z]{1,13})-([a-z2-7]{26})@", re.IGNORECASE)
MESSAGE_ID = re.compile(r"<([0-9]{1,18})\.([0-9]{1,18})\.([0-9a-f]{32})@[^<>\s]+>")
ADDRESS_FIELDS = ("Delivered-To", "X-Original-To", "Envelope-To", "To")
MOST_PARTS = 50
MOST_NAMES = 20


def envelope_sender(mailing: Mailing, subscriber_id: int, otherwise: str) -> str:
    """Where the bounce of one reader's mail goes; `otherwise`, if BOUNCE_ADDRESS is not set. A few microseconds."""
    if not settings.BOUNCE_ADDRESS:
        return otherwise
    local_part, _, domain = settings.BOUNCE_ADDRESS.rpartition("@")
    name = f"{int_to_base36(mailing.pk)}-{int_to_base36(subscriber_id)}"
    return f"{local_part}+{name}-{_mac(name, settings.SECRET_KEY)}@{domain}"


def delivery_from_address(address: str) -> Delivery | None:
    """Whose bounce this address takes; None if it is forged, or no such address. One query."""
    match = TOKEN.search(address.lower())
    if not match:
        return None
    name = f"{match[1]}-{match[2]}"
    if not any(hmac.compare_digest(match[3], _mac(name, secret)) for secret in _secrets()):
        return None
    return _delivery(base36_to_int(match[1]), base36_to_int(match[2]))


def delivery_from_message_id(message_id: str) -> Delivery | None:
    """Whose mail has this Message-ID, with its angle brackets; None if it is forged, or not one of ours. One query."""
    match = MESSAGE_ID.search(message_id)
    if not match:
        return None
    name = f"{match[1]}.{match[2]}"
    macs = (
        salted_hmac("deliveries.message-id", name, secret=secret, algorithm="sha256").hexdigest()[:32]
        for secret in _secrets()
    )
    if not any(hmac.compare_digest(match[3], mac) for mac in macs):
        return None
    return _delivery(int(match[1]), int(match[2]))


def delivery_from_bounce(bounce: Message) -> Delivery | None:
    """Find the delivery that a bounce is about: by where it came to, then by what it returns.

    At most one query for each address and Message-ID that has a valid MAC, and one delivery.
    """
    for name in ADDRESS_FIELDS:
        for value in bounce.get_all(name, []):
            if delivery := delivery_from_address(str(value)):
                return delivery
    for message_id in returned_fields(bounce, "Message-ID"):
        if delivery := delivery_from_message_id(message_id):
            return delivery
    return None


def delivery_from_text(text: str) -> Delivery | None:
    """Find a delivery that is named anywhere in a text: where a bounce returns the mail in no part of its own."""
    for match in islice(TOKEN.finditer(text), MOST_NAMES):
        if delivery := delivery_from_address(match[0]):
            return delivery
    for match in islice(MESSAGE_ID.finditer(text), MOST_NAMES):
        if delivery := delivery_from_message_id(match[0]):
            return delivery
    return None


def returned_fields(bounce: Message, name: str) -> Iterator[str]:
    """The fields of this name in returned messages, and in returned headers (RFC 3462)."""
    for part in islice(bounce.walk(), MOST_PARTS):
        returned: Message | None = None
        if part.get_content_type() == "text/rfc822-headers":
            headers = part.get_payload(decode=True)
            if isinstance(headers, bytes):
                returned = message_from_string(headers.decode("latin-1"))
        elif part is not bounce:
            returned = part
        if returned is not None:
            yield from map(str, returned.get_all(name, []))


def _delivery(mailing_id: int, subscriber_id: int) -> Delivery | None:
    deliveries = Delivery.objects.select_related("subscriber")
    return deliveries.filter(mailing=mailing_id, subscriber=subscriber_id).first()


def _mac(name: str, secret: str) -> str:
    mac = hmac.digest(_key(secret), name.encode("ascii"), "sha256")[:MAC_BYTES]
    return base64.b32encode(mac).decode("ascii").rstrip("=").lower()


@cache
def _key(secret: str) -> bytes:
    return salted_hmac(SALT, "key", secret=secret, algorithm="sha256").digest()


def _secrets() -> list[str]:
    return [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
