"""What a mail in the bounce mailbox tells: read by the parts that standards name, not by words, and never rendered.

Delivery status notifications (RFC 3464, RFC 6533), bounces of qmail (QSBMF), complaints (ARF: RFC 5965, and Microsoft's
JMRP), which may hide the reader's address. Automatic replies (RFC 3834) tell nothing.
Everything here comes from strangers: see `parse` for the bounds.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from email import message_from_bytes
from email.message import Message
from itertools import islice

from deliveries.bounce_addresses import MOST_PARTS, delivery_from_bounce, delivery_from_text, returned_fields
from deliveries.errors import BadReport
from deliveries.feedback.statuses import judge
from deliveries.feedback.taking import Report, digest
from deliveries.models import EventType, Verdict
from subscribers.errors import BadToken
from subscribers.models import Subscriber
from subscribers.tokens import read_unsubscribe_token

SOURCE = "bounce mailbox"
# Servers put what they have to say first and what they return last, so the rest can be left out.
LARGEST = 256 * 1024  # octets that are read of a mail
MOST_BOUNDARIES = 40
MOST_RECIPIENTS = 20
COMPLAINTS = {"abuse", "fraud", "opt-out", "opt-out-list"}
FAILED, DELAYED = "failed", "delayed"
MICROSOFTS_COMPLAINT = "X-HmXmrOriginalRecipient"
# "Hi. This is the qmail-send program …", then a paragraph for each address: https://cr.yp.to/proto/qsbmf.txt
QMAIL = re.compile(
    r"\AHi\. This is the [^\n]{0,200}\n.*?^<[^>\n]{1,320}>:\n(?P<words>.{1,2000}?)(?:\n\n|\Z)", re.DOTALL | re.MULTILINE
)
UNSUBSCRIBE_TOKEN = re.compile(r"/([\w.-]{20,200})/?>")


def report_in(content: bytes) -> Report | None:
    """What a mail tells; None if it tells nothing that matters, such as a vacation note or that a mail was relayed.

    Raises BadReport, with a sentence, for what is none of these, is about no mail of ours, or can't be read.
    """
    content = content[:LARGEST]
    mail = parse(content)
    parts: dict[str, Message] = {}
    for part in islice(mail.walk(), MOST_PARTS):
        parts.setdefault(part.get_content_type(), part)
    if feedback := parts.get("message/feedback-report"):
        return _complaint(mail, content, _only_block(feedback))
    if any(True for _ in returned_fields(mail, MICROSOFTS_COMPLAINT)):
        return _complaint(mail, content, None)
    if notification := parts.get("message/delivery-status"):
        return _bounce(mail, content, notification)
    if words := _words_of_qmail(mail):
        return _failure(mail, content, words, status="")
    if _is_automatic(mail):
        return None
    raise BadReport("This is neither a bounce nor a complaint.")


def parse(content: bytes) -> Message:
    """Parse a mail from a stranger. Raises BadReport if it has too many parts, or is nested too deeply.

    The old policy is used on purpose: the new one parses headers when they are looked at, and some never to an end.
    """
    if content.lower().count(b"boundary") > MOST_BOUNDARIES:
        raise BadReport("This mail has too many parts inside each other.")
    # Notifications in UTF-8 (RFC 6533) have the same fields; the parser knows only the older name.
    content = content.replace(b"message/global-delivery-status", b"message/delivery-status")
    try:
        return message_from_bytes(content)
    except RecursionError as error:
        raise BadReport("This mail is nested too deeply.") from error


def _bounce(mail: Message, content: bytes, notification: Message) -> Report | None:
    """By the first recipient that failed, else the first that waits: each of our mails has one."""
    recipients = list(_recipients(notification))
    for action in (FAILED, DELAYED):
        for fields in recipients:
            if _action(fields) == action:
                words = _field(fields, "Diagnostic-Code") or _field(fields, "Status")
                return _failure(mail, content, words, status=_status(fields), is_final=action == FAILED)
    if not recipients:
        raise BadReport("This notification says nothing of any recipient.")
    return None  # Delivered, relayed or expanded.


def _failure(mail: Message, content: bytes, words: str, *, status: str, is_final: bool = True) -> Report:
    answer = judge(words, status)
    subscriber, mailing_id = _about(mail, content)
    timed_out = answer.status.endswith(".4.7")
    return Report(
        subscriber=subscriber,
        mailing_id=mailing_id,
        source=SOURCE,
        event_id=digest(content),
        event_type=EventType.BOUNCED if is_final else EventType.DEFERRED,
        verdict=answer.verdict if is_final else Verdict.SOFT,
        status=answer.status,
        words=words,
        reject_reason="timed_out" if timed_out else "bounced" if is_final else "",
    )


def _complaint(mail: Message, content: bytes, fields: Message | None) -> Report | None:
    """`fields` are those of the report; None for Microsoft's, which has none."""
    kind = _field(fields, "Feedback-Type").lower() if fields is not None else "abuse"
    if kind not in COMPLAINTS:
        return None  # Such as not-spam, or a report on DKIM.
    subscriber, mailing_id = _about(mail, content)
    return Report(
        subscriber=subscriber,
        mailing_id=mailing_id,
        source=SOURCE,
        event_id=digest(content),
        event_type=EventType.COMPLAINED,
        verdict=Verdict.COMPLAINT,
        words=f"Feedback-Type: {kind}",
        reject_reason="spam",
    )


def _about(mail: Message, content: bytes) -> tuple[Subscriber, int | None]:
    """Whose mail it is about, and of which mailing: by what carries a MAC of ours, never by an address. Raises BadReport."""
    if delivery := delivery_from_bounce(mail) or delivery_from_text(content.decode("latin-1")):
        return delivery.subscriber, delivery.mailing_id
    for value in returned_fields(mail, "List-Unsubscribe"):
        if token := UNSUBSCRIBE_TOKEN.search("".join(value.split())):
            with suppress(BadToken):
                return read_unsubscribe_token(token[1]), None
    raise BadReport("This is about no mail of ours, or what names it was cut off or forged.")


def _recipients(notification: Message) -> Iterator[Message]:
    """The groups of fields for each recipient: all but the first, which is about the whole message."""
    blocks = notification.get_payload()
    if isinstance(blocks, list):
        yield from (block for block in blocks[:MOST_RECIPIENTS] if isinstance(block, Message) and block["Action"])


def _only_block(part: Message) -> Message:
    """The fields in a part of the type message/…, which the parser takes for a message with these headers."""
    inner = part.get_payload()
    return inner[0] if isinstance(inner, list) and inner and isinstance(inner[0], Message) else part


def _field(fields: Message, name: str) -> str:
    return " ".join(str(fields.get(name, "")).split())


def _action(fields: Message) -> str:
    return _field(fields, "Action").partition(" ")[0].lower()


def _status(fields: Message) -> str:
    found = re.match(r"[245]\.\d{1,3}\.\d{1,3}", _field(fields, "Status"))
    return found[0] if found else ""


def _words_of_qmail(mail: Message) -> str:
    if mail.is_multipart():
        return ""
    payload = mail.get_payload(decode=True)
    text = payload.decode("latin-1").replace("\r\n", "\n") if isinstance(payload, bytes) else ""
    found = QMAIL.search(text)
    return found["words"] if found else ""


def _is_automatic(mail: Message) -> bool:
    """A vacation note or the like (RFC 3834 §5; the others are older customs)."""
    automatic = _field(mail, "Auto-Submitted").lower() not in ("", "no")
    bulk = _field(mail, "Precedence").lower() in ("bulk", "junk", "list", "auto_reply")
    return (
        automatic or bulk or any(name in mail for name in ("X-Autoreply", "X-Autorespond", "X-Auto-Response-Suppress"))
    )
