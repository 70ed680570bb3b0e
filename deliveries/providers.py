"""Providers of mail by their HTTP API, through Anymail: batches of readers in one call, and an outcome for each.

A provider makes the message anew from its parts. What differs between readers of the same stories are their own links:
they become fields that the provider fills in, where it has such for texts that come with the call, else there is a call for
each reader.
Bounces come back by the provider's own events, with the delivery's number.
"""

import html
import re
from collections import defaultdict
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage as ParsedMessage
from email.policy import default as default_policy
from itertools import islice
from typing import Any

from anymail.exceptions import AnymailAPIError, AnymailError, AnymailRecipientsRefused
from anymail.message import AnymailMessage

from deliveries.errors import InDoubt, Misconfigured, Refused, TransportError, Unavailable
from deliveries.mails import Log, Mail
from subscribers.tokens import absolute_url
from transactional.sending import was_not_reached

# So many mails are in doubt, at most, when a worker is killed or the provider does not answer.
MAILS_PER_CALL = 100
UNSUBSCRIBE, PREFERENCES = "unsubscribe_url", "preferences_url"
# How a text that comes with the call names a field, by Anymail's names of the providers.
FIELD_AS_WRITTEN = {
    "Mailgun": "%recipient.{}%",
    "Mandrill": "*|{}|*",
    "Mailjet": "[[var:{}]]",
    "SendGrid": "-{}-",
    "Test": "-{}-",
}
KEPT_HEADERS = (
    *("Date", "List-Id", "List-Archive", "List-Owner", "List-Post", "List-Unsubscribe-Post"),
    *("Feedback-ID", "Auto-Submitted", "Precedence"),
)
ACCEPTED = {"sent", "queued", "unknown"}  # unknown: the call went well, and the provider says no more


@dataclass(frozen=True)
class Letter:
    """A mail taken to pieces; `text` and `html` have fields in place of the reader's links, if the provider fills them in."""

    mail: Mail
    parsed: ParsedMessage
    links: dict[str, str]  # field: the reader's link
    text: str
    html: str


class ProviderTransport:
    def __init__(self, backend: Any) -> None:
        """`backend` is one of Anymail's."""
        self._backend = backend
        self._field = FIELD_AS_WRITTEN.get(self._backend.esp_name, "")

    def send(self, mails: Iterator[Mail], log: Log) -> Generator[None, None, None]:
        self._backend.open()  # Else each call would have a connection of its own.
        while batch := list(islice(mails, MAILS_PER_CALL if self._field else 1)):
            for letters in alike(letter_of(mail, self._field) for mail in batch):
                self._send(letters, log)
            yield

    def close(self) -> None:
        self._backend.close()

    def _send(self, letters: Sequence[Letter], log: Log) -> None:
        """Raises Unavailable."""
        for letter in letters:
            log.begin(letter.mail)
        message = self._message(letters)
        try:
            self._backend.send_messages([message])
        except AnymailRecipientsRefused:
            pass  # It refused all, and says why of each.
        except AnymailError as error:
            failure = what_failed(error)
            if isinstance(failure, Unavailable):
                raise failure from error
            if isinstance(failure, Refused) and len(letters) > 1:  # One of them may be the reason.
                for letter in letters:
                    self._send([letter], log)
                return
            for letter in letters:
                log.end(letter.mail, failure)
            return
        for letter in letters:
            log.end(letter.mail, outcome(message.anymail_status.recipients, letter.mail))

    def _message(self, letters: Sequence[Letter]) -> AnymailMessage:
        """One message for letters that are alike."""
        first = letters[0]
        message = AnymailMessage(
            subject=str(first.parsed["Subject"]),
            body=first.text,
            from_email=str(first.parsed["From"]),
            to=[letter.mail.recipient for letter in letters],
            reply_to=[str(first.parsed["Reply-To"])] if first.parsed["Reply-To"] else None,
            headers={name: str(first.parsed[name]) for name in KEPT_HEADERS if first.parsed[name]},
        )
        message.attach_alternative(first.html, "text/html")
        if not self._field:
            message.extra_headers["List-Unsubscribe"] = f"<{first.links[UNSUBSCRIBE]}>"
            message.metadata = {"delivery": str(first.mail.delivery_id)}
            return message
        by_reader = {letter.mail.recipient: letter for letter in letters}
        message.merge_data = {reader: letter.links for reader, letter in by_reader.items()}
        message.merge_headers = {
            reader: {"List-Unsubscribe": f"<{letter.links[UNSUBSCRIBE]}>"} for reader, letter in by_reader.items()
        }
        message.merge_metadata = {
            reader: {"delivery": str(letter.mail.delivery_id)} for reader, letter in by_reader.items()
        }
        if self._backend.esp_name == "SendGrid":
            message.esp_extra = {"merge_field_format": "-{}-"}
        return message


def letter_of(mail: Mail, field: str) -> Letter:
    """`field` is how the provider names one, with {} for its name; empty: the links stay."""
    parsed = message_from_bytes(mail.content, policy=default_policy)
    text, as_html = (content_of(parsed, subtype) for subtype in ("plain", "html"))
    links = {UNSUBSCRIBE: unsubscribe_url(mail)}
    pattern = re.escape(absolute_url("preferences:page", "TOKEN")).replace("TOKEN", r"[\w.-]+")
    if match := re.search(pattern, text):
        links[PREFERENCES] = match[0]
    if field:
        for name, link in links.items():
            text, as_html = (
                text.replace(link, field.format(name)),
                as_html.replace(html.escape(link), field.format(name)),
            )
    return Letter(mail, parsed, links, text, as_html)


def alike(letters: Iterator[Letter]) -> list[list[Letter]]:
    """Put together those that say the same: readers who chose other stories get another message."""
    groups: dict[tuple[str, str, str], list[Letter]] = defaultdict(list)
    for letter in letters:
        groups[str(letter.parsed["Subject"]), letter.text, letter.html].append(letter)
    return list(groups.values())


def unsubscribe_url(mail: Mail) -> str:
    """As the composer wrote it: in one line, the only address."""
    after = mail.content.partition(b"\r\nList-Unsubscribe: <")[2]
    return after.partition(b">")[0].decode("ascii")


def content_of(message: ParsedMessage, subtype: str) -> str:
    body = message.get_body((subtype,))
    return str(body.get_content()) if body else ""


def outcome(statuses: Any, mail: Mail) -> TransportError | None:
    status = statuses.get(mail.recipient)
    if status is None or status.status is None:
        return InDoubt("The provider said nothing about this reader.")
    return None if status.status in ACCEPTED else Refused(f"The provider says: {status.status}.")


def what_failed(error: AnymailError) -> TransportError:
    """What is known after a call that went wrong, by the answer's status."""
    words = " ".join(str(error).split())[:500]
    if not isinstance(error, AnymailAPIError):
        return Misconfigured(words)  # It was not called: the message asks for what it can't do.
    status = error.status_code
    if status is None:
        return Unavailable(words) if was_not_reached(error) else InDoubt(words)
    if status in (401, 403, 404):
        return Misconfigured(words)
    if status in (429, 503):
        return Unavailable(words)
    return InDoubt(words) if status >= 500 or status < 400 else Refused(words)
