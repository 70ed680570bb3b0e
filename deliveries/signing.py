"""DKIM signatures (RFC 6376), for where the mail server or the provider doesn't make them.

Header and body are canonicalised "relaxed". A mailing's are canonicalised once, when it is frozen; then a signature costs
a hash and the private key's work, which is a tenth with Ed25519 (RFC 8463) of what it is with RSA. There is no l= tag, so
nothing can be added, and the fields that readers go by are listed once more than they occur, so that no second one can be.
"""

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

if TYPE_CHECKING:
    from deliveries.composing import FrozenMessage

# Signed wherever they occur. RFC 8058 §4 asks for the two of unsubscribing, Gmail for the Feedback-ID.
SIGNED = (
    *("From", "Reply-To", "Subject", "Date", "To", "Cc", "Message-ID"),
    *("MIME-Version", "Content-Type", "Content-Transfer-Encoding"),
    *("List-Id", "List-Archive", "List-Owner", "List-Post", "List-Unsubscribe", "List-Unsubscribe-Post"),
    *("Feedback-ID", "Auto-Submitted"),
)
OVERSIGNED = {"From", "Subject", "Date", "To", "List-Unsubscribe", "List-Unsubscribe-Post"}
SMALLEST_RSA_KEY = 1024  # bits, RFC 8301; new ones should have 2048
LINE = 72
FIELD = re.compile(r"([^:\r\n]+):((?:[^\r\n]|\r\n[ \t])*)\r\n")
WHITE_SPACE = re.compile(r"[ \t\r\n]+")
BLANKS = re.compile(r"[ \t]+")
BLANKS_AT_LINE_END = re.compile(r"[ \t]+(?=\r\n)")


@dataclass(frozen=True)
class Key:
    domain: str
    selector: str
    algorithm: str
    sign: Callable[[bytes], bytes]


def keys() -> tuple[Key, ...]:
    """The keys that the settings name; none: nothing is signed. Raises ImproperlyConfigured."""
    return tuple(_load(settings.DKIM_DOMAIN, selector, path) for selector, path in settings.DKIM_KEYS)


@cache
def _load(domain: str, selector: str, path: Path) -> Key:
    # Here, because cryptography takes 6 MB of each process, and most installations leave the signing to the server.
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        private = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise ImproperlyConfigured(f"DKIM_PRIVATE_KEY: {path} can't be read: {error.strerror}.") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ImproperlyConfigured(
            f"DKIM_PRIVATE_KEY: {path} holds no private key in PEM without a password."
        ) from error
    if isinstance(private, Ed25519PrivateKey):
        return Key(domain, selector, "ed25519-sha256", lambda content: private.sign(hashlib.sha256(content).digest()))
    if not isinstance(private, RSAPrivateKey):
        raise ImproperlyConfigured(f"DKIM_PRIVATE_KEY: {path} is neither an RSA nor an Ed25519 key.")
    if private.key_size < SMALLEST_RSA_KEY:
        raise ImproperlyConfigured(f"DKIM_PRIVATE_KEY: {path} has {private.key_size} bits. Make one with 2048.")
    return Key(domain, selector, "rsa-sha256", lambda content: private.sign(content, PKCS1v15(), SHA256()))


def sign_frozen(frozen: "FrozenMessage") -> "FrozenMessage | SignedFrozenMessage":
    """The frozen message, signed for each reader if there is a key. Raises ImproperlyConfigured."""
    return SignedFrozenMessage(frozen, keys()) if keys() else frozen


class SignedFrozenMessage:
    """Gives each reader's mail with its signatures; the same bytes each time, as those of the message itself."""

    def __init__(self, frozen: "FrozenMessage", keys: tuple[Key, ...]) -> None:
        marks = dict(frozen.gaps)
        template = "".join(marks.get(index, piece.decode("ascii")) for index, piece in enumerate(frozen.pieces))
        header, _, body = template.partition("\r\n\r\n")
        names, canonical = canonical_header(header + "\r\n")
        self._frozen = frozen
        self._header = _cut(frozen, canonical)
        self._body = _cut(frozen, canonical_body(body))
        self._signers = [Signer(key, names) for key in keys]

    def for_reader(self, **values: str) -> bytes:
        """As FrozenMessage's."""
        header = self._header.for_reader(**values)
        body_hash = _base64(hashlib.sha256(self._body.for_reader(**values)).digest())
        fields = [signer.field(header, body_hash) for signer in self._signers]
        return b"".join([*fields, self._frozen.for_reader(**values)])


def _cut(frozen: "FrozenMessage", template: str) -> "FrozenMessage":
    """What `composing` does with the serialised message, done with a canonical part of it."""
    marks = {mark for _, mark in frozen.gaps}
    pieces = re.split(f"({'|'.join(map(re.escape, marks))})", template) if marks else [template]
    gaps = tuple((index, piece) for index, piece in enumerate(pieces) if piece in marks)
    return replace(
        frozen, pieces=tuple(b"" if piece in marks else piece.encode("ascii") for piece in pieces), gaps=gaps
    )


def sign(message: bytes) -> bytes:
    """A single message with its signatures before it; its lines end with CRLF. Raises ImproperlyConfigured."""
    header, _, body = message.decode("latin-1").partition("\r\n\r\n")
    names, canonical = canonical_header(header + "\r\n")
    body_hash = _base64(hashlib.sha256(canonical_body(body).encode("latin-1")).digest())
    fields = [Signer(key, names).field(canonical.encode("latin-1"), body_hash) for key in keys()]
    return b"".join([*fields, message])


class Signer:
    """Makes the DKIM-Signature of messages that all have the same fields."""

    def __init__(self, key: Key, names: list[str]) -> None:
        self._key = key
        signed = ":\r\n\t".join(":".join(names[start : start + 4]) for start in range(0, len(names), 4))
        self._before = (
            f"DKIM-Signature: v=1; a={key.algorithm}; c=relaxed/relaxed;\r\n"
            f"\td={key.domain}; s={key.selector};\r\n\th={signed};\r\n\tbh="
        )
        self._canonical = canonical_field(self._before).encode("ascii")

    def field(self, header: bytes, body_hash: str) -> bytes:
        """`header` is canonical; RFC 6376 §3.7."""
        hashed = b"%b%b%b; b=" % (header, self._canonical, body_hash.encode("ascii"))
        signature = _base64(self._key.sign(hashed))
        lines = "\r\n\t".join(signature[start : start + LINE] for start in range(0, len(signature), LINE))
        return f"{self._before}{body_hash};\r\n\tb={lines}\r\n".encode("ascii")


def canonical_header(header: str) -> tuple[list[str], str]:
    """The names for h=, and the fields that they stand for, relaxed (§3.4.2, §5.4.2): of several the last comes first."""
    found: dict[str, list[str]] = {}
    for match in FIELD.finditer(header):
        found.setdefault(match[1].strip().lower(), []).insert(0, canonical_field(match[0]))
    names = []
    for name in SIGNED:
        times = len(found.get(name.lower(), []))
        names += [name] * (times + bool(times and name in OVERSIGNED))
    return names, "".join(f"{field}\r\n" for name in SIGNED for field in found.get(name.lower(), []))


def canonical_field(field: str) -> str:
    """Without its line break (§3.4.2)."""
    name, _, value = field.partition(":")
    return f"{name.strip().lower()}:{WHITE_SPACE.sub(' ', value).strip()}"


def canonical_body(body: str) -> str:
    """§3.4.4: blanks at the ends of lines and empty lines at the end fall away, other blanks become one space."""
    body = BLANKS.sub(" ", BLANKS_AT_LINE_END.sub("", body)).rstrip(" ")
    while body.endswith("\r\n"):
        body = body[:-2]
    return f"{body}\r\n" if body else ""


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
