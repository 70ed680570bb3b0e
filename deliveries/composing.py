"""From a frozen mailing to each reader's bytes: serialised once, cut at what differs, joined per reader.

What differs is the address, the Message-ID and the tokens in the links to unsubscribe and to the reader's preferences.
In the bodies a token stands between two soft line breaks of the quoted-printable encoding, so that its length never shifts
the lines around it. Readers who chose the same stories share a message, too. No line starts with a dot, so the bytes are
the same before and after SMTP's dot-stuffing (RFC 5321 §4.5.2).
"""

import datetime
import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email import quoprimime
from email.utils import format_datetime, make_msgid
from functools import lru_cache

from django.conf import settings
from django.utils import timezone
from django.utils.crypto import salted_hmac

from deliveries import headers, signing
from deliveries.models import Mailing
from issues import variants
from issues.emailing import PREFERENCES_URL, UNSUBSCRIBE_URL
from issues.variants import Selection
from subscribers.tokens import ReaderTokens, absolute_url

CRLF = "\r\n"
SOFT_BREAK = "=\r\n"
# RFC 2045 allows 76 characters a line: with the = of a soft break, and two more where a dot at its start is encoded.
QUOTED_PRINTABLE_LINE = 73
LINE_STARTING_WITH_DOT = re.compile(r"^\.", re.MULTILINE)

# Messages with only some of the stories that are kept in memory. Further ones are made again when they are needed.
MOST_VARIANTS = 48

# What differs between readers: marks in the serialised message.
TO = "\ue000to\ue001"
MESSAGE_ID = "\ue000message_id\ue001"
UNSUBSCRIBE_TOKEN = "\ue000unsubscribe_token\ue001"  # noqa: S105, a mark
PREFERENCES_TOKEN = "\ue000preferences_token\ue001"  # noqa: S105, a mark
MARK = re.compile("(\ue000[a-z_]+\ue001)")
TOKEN_MARK = re.compile(f"({UNSUBSCRIBE_TOKEN}|{PREFERENCES_TOKEN})")
Links = Mapping[str, str]  # merge field: the address, with the mark of a token in it


@dataclass(frozen=True)
class FrozenMessage:
    """A message of which only the reader's values are missing: pieces of bytes, and what belongs in the gaps."""

    pieces: tuple[bytes, ...]  # empty where a value belongs
    gaps: tuple[tuple[int, str], ...]  # index of the piece, mark

    def for_reader(self, *, to: str, message_id: str, unsubscribe_token: str, preferences_token: str) -> bytes:
        """The bytes of one reader's mail, with CRLF; no line starts with a dot. `to` is in ASCII."""
        values = {
            TO: to.encode("ascii"),
            MESSAGE_ID: message_id.encode("ascii"),
            UNSUBSCRIBE_TOKEN: unsubscribe_token.encode("ascii"),
            PREFERENCES_TOKEN: preferences_token.encode("ascii"),
        }
        pieces = list(self.pieces)
        for index, mark in self.gaps:
            pieces[index] = values[mark]
        return b"".join(pieces)


class Composer:
    """Makes the mails of one mailing. Kept while it is sent, so that each mail takes microseconds.

    `message_for` runs a million times: it joins bytes. No query there, no template, no MIME object; what readers share is
    serialised in `freeze_message`.
    """

    def __init__(self, mailing: Mailing) -> None:
        self.sender = headers.ascii_address(mailing.from_email)
        self._mailing = mailing
        self._message_ids = MessageIds(mailing)
        self._whole = signing.sign_frozen(freeze_message(mailing))
        self._variant = lru_cache(MOST_VARIANTS)(self._freeze_variant)
        self._tokens = ReaderTokens(_start(mailing).date())

    def message_for(self, subscriber_id: int, to: str, choice: str = "") -> bytes:
        """The same bytes each time, so that a retry is the same message. `to` is in ASCII.

        `choice` is the subscriber's, of which the issue has to have a story.
        """
        selection = variants.select(self._mailing.stories, choice) if choice else None
        frozen = self._variant(selection) if selection and selection.names else self._whole
        return frozen.for_reader(
            to=to,
            message_id=self._message_ids.of(subscriber_id),
            unsubscribe_token=self._tokens.unsubscribe(subscriber_id),
            preferences_token=self._tokens.preferences(subscriber_id, to),
        )

    def _freeze_variant(self, selection: Selection) -> FrozenMessage | signing.SignedFrozenMessage:
        return signing.sign_frozen(freeze_message(self._mailing, selection=selection))


def freeze_message(
    mailing: Mailing, *, selection: Selection | None = None, subject_prefix: str = "", links: Links | None = None
) -> FrozenMessage:
    """Serialise a mailing once, as a whole or a selection of it. Its Date is the mailing's start, or now before that."""
    links = links or _links_of_readers()
    subject = subject_prefix + (selection.subject if selection else mailing.subject)
    serialised = _header(mailing, subject, links[UNSUBSCRIBE_URL]) + _body(mailing, selection, links)
    if LINE_STARTING_WITH_DOT.search(serialised):
        raise ValueError("A line of this message starts with a dot.")
    pieces = MARK.split(serialised)
    gaps = tuple((index, pieces[index]) for index in range(1, len(pieces), 2))
    return FrozenMessage(tuple(b"" if index % 2 else piece.encode("ascii") for index, piece in enumerate(pieces)), gaps)


def _links_of_readers() -> Links:
    return {
        UNSUBSCRIBE_URL: absolute_url("subscribers:unsubscribe", UNSUBSCRIBE_TOKEN),
        PREFERENCES_URL: absolute_url("preferences:page", PREFERENCES_TOKEN),
    }


def sample_message(mailing: Mailing, *, to: str, link: str, choice: str = "") -> bytes:
    """What readers will get, marked as a test; `link` stands for each of theirs, and must not be anybody's.

    `choice` is as in `Composer.message_for`. Raises BadAddress.
    """
    selection = variants.select(mailing.stories, choice) if choice else None
    domain = headers.ascii_address(mailing.from_email).rpartition("@")[2]
    links = {UNSUBSCRIBE_URL: link, PREFERENCES_URL: link}
    if selection and not selection.names:
        selection = None  # the whole issue
    frozen = freeze_message(mailing, selection=selection, subject_prefix="[Test] ", links=links)
    return signing.sign_frozen(frozen).for_reader(
        to=headers.ascii_address(to), message_id=make_msgid(domain=domain), unsubscribe_token="", preferences_token=""
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


def _start(mailing: Mailing) -> datetime.datetime:
    return (mailing.started_at or timezone.now()).astimezone(datetime.UTC)


def _header(mailing: Mailing, subject: str, unsubscribe_link: str) -> str:
    sender = headers.ascii_address(mailing.from_email)
    list_label = mailing.list_id.partition(".")[0]
    fields = {
        "From": headers.mailbox("From", mailing.sender, sender),
        "Subject": headers.text("Subject", subject),
        "Date": format_datetime(_start(mailing)),
        "List-Id": headers.mailbox("List-Id", mailing.list_name, mailing.list_id),
        "List-Archive": f"<{settings.SITE_URL}/>",
        "List-Owner": f"<mailto:{headers.ascii_address(mailing.reply_to or sender)}>",
        "List-Post": "NO",
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
    return f"To: {TO}\r\nMessage-ID: {MESSAGE_ID}\r\nList-Unsubscribe: <{unsubscribe_link}>\r\n{constant}\r\n"


def _body(mailing: Mailing, selection: Selection | None, links: Links) -> str:
    boundary = _boundary(mailing)
    text, as_html = (
        variants.cut(content, selection, is_html=is_html) if selection else variants.whole(content)
        for content, is_html in [(mailing.text, False), (mailing.html, True)]
    )
    in_html = {field: html.escape(link) for field, link in links.items()}
    parts = [("plain", text, links), ("html", as_html, in_html)]
    body = "".join(
        f"--{boundary}\r\n"
        f'Content-Type: text/{subtype}; charset="utf-8"\r\n'
        "Content-Transfer-Encoding: quoted-printable\r\n"
        f"\r\n{_quoted_with_links(content, each)}\r\n"
        for subtype, content, each in parts
    )
    return f"{body}--{boundary}--\r\n"


def _quoted_with_links(content: str, links: Links) -> str:
    for field, link in links.items():
        content = content.replace(field, link)
    pieces = TOKEN_MARK.split(content)  # text, mark, text, mark, … text
    return SOFT_BREAK.join(piece if index % 2 else quoted_printable(piece) for index, piece in enumerate(pieces))


def _boundary(mailing: Mailing) -> str:
    """It can't occur in a part: quoted-printable writes = only before two hexadecimal digits or at the end of a line."""
    return f"=_{mailing.fingerprint[:40]}"


def quoted_printable(content: str) -> str:
    """Encode as RFC 2045 §6.7 says, from any line endings to CRLF; a soft line break may stand before and after."""
    content_bytes = content.encode("utf-8").decode("latin-1")
    encoded = quoprimime.body_encode(content_bytes, maxlinelen=QUOTED_PRINTABLE_LINE, eol=CRLF)
    return LINE_STARTING_WITH_DOT.sub("=2E", encoded)
