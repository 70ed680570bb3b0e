"""From a frozen mailing to each reader's bytes: serialised once, cut at what differs, joined per reader.

What differs is the address, the Message-ID and the token in the link to unsubscribe. In the bodies the
token stands between two soft line breaks of the quoted-printable encoding, so that its length never shifts the lines
around it. No line starts with a dot, so the bytes are the same before and after SMTP's dot-stuffing (RFC 5321 §4.5.2).
"""

import datetime
import html
import re
from dataclasses import dataclass
from email import quoprimime
from email.utils import format_datetime, make_msgid

from django.conf import settings
from django.utils import timezone
from django.utils.crypto import salted_hmac

from deliveries import headers, signing
from deliveries.models import Mailing
from issues.emailing import UNSUBSCRIBE_URL
from subscribers.tokens import unsubscribe_signer, unsubscribe_token, unsubscribe_url

CRLF = "\r\n"
SOFT_BREAK = "=\r\n"
# RFC 2045 allows 76 characters a line: with the = of a soft break, and two more where a dot at its start is encoded.
QUOTED_PRINTABLE_LINE = 73
LINE_STARTING_WITH_DOT = re.compile(r"^\.", re.MULTILINE)

# What differs between readers: marks in the serialised message.
TO = "\ue000to\ue001"
MESSAGE_ID = "\ue000message_id\ue001"
TOKEN = "\ue000token\ue001"  # noqa: S105, a mark
MARK = re.compile("([a-z_]+)")


@dataclass(frozen=True)
class Link:
    """An address to unsubscribe, around its token."""

    before: str
    after: str = ""


@dataclass(frozen=True)
class FrozenMessage:
    """A message of which only the reader's values are missing: pieces of bytes, and what belongs in the gaps."""

    pieces: tuple[bytes, ...]  # empty where a value belongs
    gaps: tuple[tuple[int, str], ...]  # index of the piece, mark

    def for_reader(self, *, to: str, message_id: str, token: str) -> bytes:
        """The bytes of one reader's mail, with CRLF; no line starts with a dot. `to` is in ASCII."""
        values = {TO: to.encode("ascii"), MESSAGE_ID: message_id.encode("ascii"), TOKEN: token.encode("ascii")}
        pieces = list(self.pieces)
        for index, mark in self.gaps:
            pieces[index] = values[mark]
        return b"".join(pieces)


class Composer:
    """Makes the mails of one mailing. Kept while it is sent, so that each mail takes microseconds."""

    def __init__(self, mailing: Mailing) -> None:
        self.sender = headers.ascii_address(mailing.from_email)
        self._message_ids = MessageIds(mailing)
        self._frozen = signing.sign_frozen(freeze_message(mailing))
        self._signer = unsubscribe_signer()

    def message_for(self, subscriber_id: int, to: str) -> bytes:
        """The same bytes each time, so that a retry is the same message. `to` is in ASCII."""
        return self._frozen.for_reader(
            to=to,
            message_id=self._message_ids.of(subscriber_id),
            token=unsubscribe_token(subscriber_id, self._signer),
        )


def freeze_message(mailing: Mailing, *, subject_prefix: str = "", link: Link | None = None) -> FrozenMessage:
    """Serialise a mailing once. Its Date is the mailing's start, or now before that."""
    link = link or _link_of_readers()
    serialised = _header(mailing, subject_prefix + mailing.subject, link) + _body(mailing, link)
    if LINE_STARTING_WITH_DOT.search(serialised):
        raise ValueError("A line of this message starts with a dot.")
    pieces = MARK.split(serialised)
    gaps = tuple((index, pieces[index]) for index in range(1, len(pieces), 2))
    return FrozenMessage(tuple(b"" if index % 2 else piece.encode("ascii") for index, piece in enumerate(pieces)), gaps)


def _link_of_readers() -> Link:
    return Link(*unsubscribe_url(1).split(unsubscribe_token(1)))


def sample_message(mailing: Mailing, *, to: str, unsubscribe_url: str) -> bytes:
    """What readers will get, marked as a test; `unsubscribe_url` must not be anybody's. Raises BadAddress."""
    domain = headers.ascii_address(mailing.from_email).rpartition("@")[2]
    frozen = freeze_message(mailing, subject_prefix="[Test] ", link=Link(unsubscribe_url))
    return signing.sign_frozen(frozen).for_reader(
        to=headers.ascii_address(to), message_id=make_msgid(domain=domain), token=""
    )


class MessageIds:
    """Derived, so that they are the same on a retry, and with a MAC, so that nobody can make up those of others."""

    def __init__(self, mailing: Mailing) -> None:
        self._mailing_id = mailing.pk
        self._domain = headers.ascii_address(mailing.from_email).rpartition("@")[2]
        self._mac = salted_hmac("deliveries.message-id", "", algorithm="sha256")

    def of(self, subscriber_id: int) -> str:
        name = f"{self._mailing_id}.{subscriber_id}"
        mac = self._mac.copy()
        mac.update(name.encode("ascii"))
        return f"<{name}.{mac.hexdigest()[:32]}@{self._domain}>"


def _header(mailing: Mailing, subject: str, link: Link) -> str:
    sender = headers.ascii_address(mailing.from_email)
    list_label = mailing.list_id.partition(".")[0]
    fields = {
        "From": headers.mailbox("From", mailing.sender, sender),
        "Subject": headers.text("Subject", subject),
        "Date": format_datetime((mailing.started_at or timezone.now()).astimezone(datetime.UTC)),
        "List-Id": headers.mailbox("List-Id", mailing.list_name, mailing.list_id),
        "List-Archive": f"<{settings.SITE_URL}/>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Feedback-ID": f"issue-{mailing.issue.number}:mailing-{mailing.pk or 0}:digest:{list_label}",
        "Auto-Submitted": "auto-generated",
        "Precedence": "bulk",
        "MIME-Version": "1.0",
        "Content-Type": f'multipart/alternative; boundary="{_boundary(mailing)}"',
    }
    if mailing.reply_to:
        fields["Reply-To"] = headers.ascii_address(mailing.reply_to)
    constant = "".join(headers.field(name, value) for name, value in fields.items())
    return f"To: {TO}\r\nMessage-ID: {MESSAGE_ID}\r\nList-Unsubscribe: <{link.before}{TOKEN}{link.after}>\r\n{constant}\r\n"


def _body(mailing: Mailing, link: Link) -> str:
    boundary = _boundary(mailing)
    in_html = Link(html.escape(link.before), html.escape(link.after))
    parts = [("plain", mailing.text, link), ("html", mailing.html, in_html)]
    body = "".join(
        f"--{boundary}\r\n"
        f'Content-Type: text/{subtype}; charset="utf-8"\r\n'
        "Content-Transfer-Encoding: quoted-printable\r\n"
        f"\r\n{_quoted_with_link(content, each)}\r\n"
        for subtype, content, each in parts
    )
    return f"{body}--{boundary}--\r\n"


def _quoted_with_link(content: str, link: Link) -> str:
    pieces = content.replace(UNSUBSCRIBE_URL, f"{link.before}{TOKEN}{link.after}").split(TOKEN)
    return f"{SOFT_BREAK}{TOKEN}{SOFT_BREAK}".join(quoted_printable(piece) for piece in pieces)


def _boundary(mailing: Mailing) -> str:
    """It can't occur in a part: quoted-printable writes = only before two hexadecimal digits or at the end of a line."""
    return f"=_{mailing.fingerprint[:40]}"


def quoted_printable(content: str) -> str:
    """Encode as RFC 2045 §6.7 says, from any line endings to CRLF; a soft line break may stand before and after."""
    content_bytes = content.encode("utf-8").decode("latin-1")
    encoded = quoprimime.body_encode(content_bytes, maxlinelen=QUOTED_PRINTABLE_LINE, eol=CRLF)
    return LINE_STARTING_WITH_DOT.sub("=2E", encoded)
