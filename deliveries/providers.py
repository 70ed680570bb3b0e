"""Providers of mail by their HTTP API, through Anymail: batches of readers in one call, and an outcome for each.

A provider makes the message anew from its parts. What differs between readers is the link to unsubscribe: it becomes a
field that the provider fills in, where it has such for texts that come with the call, else there is a call for each reader.
Bounces come back by the provider's own events, with the delivery's number.
"""

import html
from collections.abc import Generator, Iterator, Sequence
from email import message_from_bytes
from email.message import EmailMessage as ParsedMessage
from email.policy import default as default_policy
from itertools import islice
from typing import Any

from anymail.exceptions import AnymailAPIError, AnymailError, AnymailRecipientsRefused
from anymail.message import AnymailMessage
from requests import ConnectTimeout

from deliveries.errors import InDoubt, Misconfigured, Refused, TransportError, Unavailable
from deliveries.mails import Log, Mail

# So many mails are in doubt, at most, when a worker is killed or the provider does not answer.
MAILS_PER_CALL = 100
FIELD = "unsubscribe_url"
# How a text that comes with the call names a field, by Anymail's names of the providers.
FIELD_AS_WRITTEN = {
    "Mailgun": f"%recipient.{FIELD}%",
    "Mandrill": f"*|{FIELD}|*",
    "Mailjet": f"[[var:{FIELD}]]",
    "SendGrid": f"-{FIELD}-",
    "Test": f"-{FIELD}-",
}
KEPT_HEADERS = (
    *("Date", "List-Id", "List-Archive", "List-Unsubscribe-Post", "Feedback-ID", "Auto-Submitted", "Precedence"),
)
ACCEPTED = {"sent", "queued", "unknown"}  # unknown: the call went well, and the provider says no more


class ProviderTransport:
    def __init__(self, backend: Any) -> None:
        """`backend` is one of Anymail's."""
        self._backend = backend
        self._field = FIELD_AS_WRITTEN.get(self._backend.esp_name, "")

    def send(self, mails: Iterator[Mail], log: Log) -> Generator[None, None, None]:
        while batch := list(islice(mails, MAILS_PER_CALL if self._field else 1)):
            self._send(batch, log)
            yield

    def close(self) -> None:
        self._backend.close()

    def _send(self, batch: Sequence[Mail], log: Log) -> None:
        """Raises Unavailable."""
        for mail in batch:
            log.begin(mail)
        message = self._message(batch)
        try:
            self._backend.send_messages([message])
        except AnymailRecipientsRefused:
            pass  # It refused all, and says why of each.
        except AnymailError as error:
            failure = what_failed(error)
            if isinstance(failure, Unavailable):
                raise failure from error
            if isinstance(failure, Refused) and len(batch) > 1:  # One of them may be the reason.
                for mail in batch:
                    self._send([mail], log)
                return
            for mail in batch:
                log.end(mail, failure)
            return
        for mail in batch:
            log.end(mail, outcome(message.anymail_status.recipients, mail))

    def _message(self, batch: Sequence[Mail]) -> AnymailMessage:
        """Made of the first reader's mail, with the field in place of their link."""
        parsed = message_from_bytes(batch[0].content, policy=default_policy)
        link, field = unsubscribe_url(batch[0]), self._field
        text, as_html = (content_of(parsed, subtype) for subtype in ("plain", "html"))
        if field:
            text, as_html = text.replace(link, field), as_html.replace(html.escape(link), field)
        message = AnymailMessage(
            subject=str(parsed["Subject"]),
            body=text,
            from_email=str(parsed["From"]),
            to=[mail.recipient for mail in batch],
            reply_to=[str(parsed["Reply-To"])] if parsed["Reply-To"] else None,
            headers={name: str(parsed[name]) for name in KEPT_HEADERS if parsed[name]},
        )
        message.attach_alternative(as_html, "text/html")
        if not field:
            message.extra_headers["List-Unsubscribe"] = f"<{link}>"
            message.metadata = {"delivery": str(batch[0].delivery_id)}
            return message
        links = {mail.recipient: unsubscribe_url(mail) for mail in batch}
        message.merge_data = {reader: {FIELD: link} for reader, link in links.items()}
        message.merge_headers = {reader: {"List-Unsubscribe": f"<{link}>"} for reader, link in links.items()}
        message.merge_metadata = {mail.recipient: {"delivery": str(mail.delivery_id)} for mail in batch}
        if self._backend.esp_name == "SendGrid":
            message.esp_extra = {"merge_field_format": "-{}-"}
        return message


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
        return Unavailable(words) if _was_not_reached(error) else InDoubt(words)
    if status in (401, 403, 404):
        return Misconfigured(words)
    if status in (429, 503):
        return Unavailable(words)
    return InDoubt(words) if status >= 500 or status < 400 else Refused(words)


def _was_not_reached(error: BaseException) -> bool:
    """Whether no connection was made: urllib3's own errors stand below those of requests."""
    cause = error.__cause__ or error.__context__
    reason = getattr(cause.args[0], "reason", None) if cause and cause.args else None
    return isinstance(cause, ConnectTimeout) or type(reason).__name__ in ("NewConnectionError", "NameResolutionError")
