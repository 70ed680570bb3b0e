"""The links in our mails: signed, each for one purpose, opaque, never with an address in them.

A token is the subscriber's number in base64url and a MAC of 256 bits (HMAC-SHA256), by Django's signing: made with
SECRET_KEY, read with SECRET_KEY_FALLBACKS too, compared in constant time. A salt binds it to its purpose.
"""

import base64
import binascii
from datetime import timedelta
from functools import cache

from django.conf import settings
from django.core import signing
from django.urls import reverse

from subscribers.errors import BadToken, ExpiredToken, UsedToken
from subscribers.models import ConsentKind, Subscriber

CONFIRMATION_LIFETIME = timedelta(days=3)
UNSUBSCRIBE_SALT = "subscribers.unsubscribe"  # never change it: it is in every mail that was ever sent
CONFIRMATION_SALT = "subscribers.confirm"
# What is no change of consent: somebody typed the address into the form, and we answered by mail.
ASKING = [ConsentKind.SIGNED_UP, ConsentKind.CONFIRMATION_SENT, ConsentKind.REMINDER_SENT]


def unsubscribe_signer() -> signing.Signer:
    """What signs the tokens of unsubscribe links; kept by who makes many, since making it takes half the time."""
    return signing.Signer(salt=UNSUBSCRIBE_SALT, sep=".")


def unsubscribe_token(subscriber_id: int, signer: signing.Signer | None = None) -> str:
    """Return the token of the unsubscribe link: always the same one. No query; a few microseconds.

    It never expires, and survives a change of address and a rotation of the key (RFC 8058 §3.1, CAN-SPAM).
    """
    return (signer or unsubscribe_signer()).sign(_encode(subscriber_id))


def unsubscribe_url(subscriber_id: int) -> str:
    """Return the absolute address, for the List-Unsubscribe header as well as for the mail's foot. No query."""
    return _absolute("subscribers:unsubscribe", unsubscribe_token(subscriber_id))


def read_unsubscribe_token(token: str) -> Subscriber:
    """Return whose token it is. One query. Raises BadToken."""
    try:
        encoded = unsubscribe_signer().unsign(token)
    except signing.BadSignature as error:
        raise BadToken from error
    return _subscriber(_decode(encoded))


def confirmation_token(subscriber: Subscriber) -> str:
    """Return a token that works for three days, and only until the next change in the subscriber's history."""
    value = f"{_encode(subscriber.pk)}-{_last_change(subscriber)}"
    return signing.TimestampSigner(salt=CONFIRMATION_SALT, sep=".").sign(value)


def confirmation_url(subscriber: Subscriber) -> str:
    """Return the absolute address for the confirmation mail. One query."""
    return _absolute("subscribers:confirm", confirmation_token(subscriber))


def read_confirmation_token(token: str) -> Subscriber:
    """Return whose token it is. Two queries. Raises ExpiredToken, UsedToken, or BadToken."""
    signer = signing.TimestampSigner(salt=CONFIRMATION_SALT, sep=".")
    try:
        value = signer.unsign(token, max_age=CONFIRMATION_LIFETIME)
    except signing.SignatureExpired as error:
        raise ExpiredToken from error
    except signing.BadSignature as error:
        raise BadToken from error
    encoded, _, last_change = value.rpartition("-")
    subscriber = _subscriber(_decode(encoded))
    if last_change != str(_last_change(subscriber)):
        raise UsedToken
    return subscriber


def _last_change(subscriber: Subscriber) -> int:
    """Return the number of the last event that changed state or address; 0 if there was none yet."""
    changes = subscriber.consent_events.exclude(kind__in=ASKING)
    return changes.order_by("-pk").values_list("pk", flat=True).first() or 0


def _subscriber(subscriber_id: int) -> Subscriber:
    try:
        return Subscriber.objects.get(pk=subscriber_id)
    except Subscriber.DoesNotExist as error:
        raise BadToken from error


def _encode(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(8).lstrip(b"\0")).rstrip(b"=").decode()


def _decode(encoded: str) -> int:
    try:
        return int.from_bytes(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    except binascii.Error as error:
        raise BadToken from error


def _absolute(name: str, token: str) -> str:
    """Return an address that starts with SITE_URL; a Host header has no say in it."""
    return settings.SITE_URL + _path(name).replace("TOKEN", token)


@cache  # `reverse` takes longer than the token itself, and a mailing makes an address for each reader.
def _path(name: str) -> str:
    return reverse(name, args=["TOKEN"])
