"""From a frozen mailing to each reader's bytes: serialised once, cut at what differs, joined per reader.

A value of a reader stands between two soft line breaks of the quoted-printable encoding, so that its length never
shifts the lines around it.
"""

import datetime
import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email import quoprimime
from email.utils import format_datetime, make_msgid
from typing import Self

from django.conf import settings
from django.utils import timezone
from django.utils.crypto import salted_hmac

from deliveries import headers
from deliveries.models import Mailing
from issues.emailing import UNSUBSCRIBE_URL
from subscribers.models import Subscriber
from subscribers.tokens import unsubscribe_url

CRLF = "\r\n"
SOFT_BREAK = "=\r\n"
# RFC 2045 allows 76 characters a line, the = of a soft break included.
QUOTED_PRINTABLE_LINE = 75

# What differs between readers: a mark in the serialised message, for each place with an encoding of its own.
TO = "\ue000to\ue001"
MESSAGE_ID = "\ue000message_id\ue001"
LINK = "\ue000link\ue001"
LINK_IN_TEXT = "\ue000link_in_text\ue001"
LINK_IN_HTML = "\ue000link_in_html\ue001"
MARK = re.compile("(\ue000[a-z_]+\ue001)")


@dataclass(frozen=True)
class FrozenMessage:
    """A message of which only the readers' values are missing: constant bytes, with a mark between each two."""

    constants: tuple[bytes, ...]
    marks: tuple[str, ...]

    @classmethod
    def cut(cls, serialised: str) -> Self:
        pieces = MARK.split(serialised)
        return cls(tuple(piece.encode("ascii") for piece in pieces[::2]), tuple(pieces[1::2]))

    def join(self, values: Mapping[str, bytes]) -> bytes:
        parts = [self.constants[0]]
        for mark, constant in zip(self.marks, self.constants[1:], strict=True):
            parts += (values[mark], constant)
        return b"".join(parts)

    def for_reader(self, *, to: str, message_id: str, unsubscribe_url: str) -> bytes:
        """The bytes of one reader's mail, with CRLF, not dot-stuffed. Raises BadAddress."""
        values = {
            TO: headers.ascii_address(to),
            MESSAGE_ID: message_id,
            LINK: unsubscribe_url,
            LINK_IN_TEXT: quoted_printable(unsubscribe_url),
            LINK_IN_HTML: quoted_printable(html.escape(unsubscribe_url)),
        }
        return self.join({mark: value.encode("ascii") for mark, value in values.items()})


def freeze_message(mailing: Mailing, *, subject_prefix: str = "") -> FrozenMessage:
    """Serialise a mailing once. Its Date is the mailing's start, or now before that."""
    return FrozenMessage.cut(_header(mailing, subject_prefix + mailing.subject) + _body(mailing))


def message_for(frozen: FrozenMessage, mailing: Mailing, subscriber: Subscriber) -> bytes:
    """The same bytes each time, so that a retry is the same message. Raises BadAddress."""
    return frozen.for_reader(
        to=subscriber.email,
        message_id=message_id(mailing, subscriber.pk),
        unsubscribe_url=unsubscribe_url(subscriber.pk),
    )


def sample_message(mailing: Mailing, *, to: str, unsubscribe_url: str) -> bytes:
    """What readers will get, marked as a test; `unsubscribe_url` must not be anybody's. Raises BadAddress."""
    return freeze_message(mailing, subject_prefix="[Test] ").for_reader(
        to=to, message_id=make_msgid(domain=sender_domain(mailing)), unsubscribe_url=unsubscribe_url
    )


def message_id(mailing: Mailing, subscriber_id: int) -> str:
    """Derived, so that it is the same on a retry, and with a MAC, so that nobody can make up those of others."""
    name = f"{mailing.pk}.{subscriber_id}"
    mac = salted_hmac("deliveries.message-id", name, algorithm="sha256").hexdigest()[:32]
    return f"<{name}.{mac}@{sender_domain(mailing)}>"


def sender_domain(mailing: Mailing) -> str:
    return headers.ascii_address(mailing.from_email).rpartition("@")[2]


def _header(mailing: Mailing, subject: str) -> str:
    sender = headers.ascii_address(mailing.from_email)
    list_label = mailing.list_id.partition(".")[0]
    fields = {
        "From": headers.mailbox("From", mailing.sender, sender),
        "Subject": headers.text("Subject", subject),
        "Date": format_datetime((mailing.started_at or timezone.now()).astimezone(datetime.UTC)),
        "List-Id": headers.mailbox("List-Id", mailing.list_name, mailing.list_id),
        "List-Archive": f"<{settings.SITE_URL}/>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Feedback-ID": f"issue-{mailing.issue.number}:mailing-{mailing.pk}:digest:{list_label}",
        "Auto-Submitted": "auto-generated",
        "Precedence": "bulk",
        "MIME-Version": "1.0",
        "Content-Type": f'multipart/alternative; boundary="{_boundary(mailing)}"',
    }
    if mailing.reply_to:
        fields["Reply-To"] = headers.ascii_address(mailing.reply_to)
    constant = "".join(headers.field(name, value) for name, value in fields.items())
    return f"To: {TO}\r\nMessage-ID: {MESSAGE_ID}\r\nList-Unsubscribe: <{LINK}>\r\n{constant}\r\n"


def _body(mailing: Mailing) -> str:
    boundary = _boundary(mailing)
    parts = [("plain", mailing.text, LINK_IN_TEXT), ("html", mailing.html, LINK_IN_HTML)]
    body = "".join(
        f"--{boundary}\r\n"
        f'Content-Type: text/{subtype}; charset="utf-8"\r\n'
        "Content-Transfer-Encoding: quoted-printable\r\n"
        f"\r\n{_quoted_with_marks(content, mark)}\r\n"
        for subtype, content, mark in parts
    )
    return f"{body}--{boundary}--\r\n"


def _quoted_with_marks(content: str, mark: str) -> str:
    between = f"{SOFT_BREAK}{mark}{SOFT_BREAK}"
    return between.join(quoted_printable(piece) for piece in content.split(UNSUBSCRIBE_URL))


def _boundary(mailing: Mailing) -> str:
    """It can't occur in a part: quoted-printable writes = only before two hexadecimal digits or at the end of a line."""
    return f"=_{mailing.fingerprint[:40]}"


def quoted_printable(content: str) -> str:
    """Encode as RFC 2045 §6.7 says, from any line endings to CRLF; a soft line break may be appended."""
    content_bytes = content.encode("utf-8").decode("latin-1")
    return quoprimime.body_encode(content_bytes, maxlinelen=QUOTED_PRINTABLE_LINE, eol=CRLF)
