"""Single mails to one person who asked for them, such as the one to confirm a sign-up.

They look like the issues, but belong to no mailing list: so they have no List-* headers.
"""

import smtplib
from email.utils import format_datetime, formataddr, make_msgid
from typing import Any, Protocol

from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.message import utf8_charset_qp
from django.http import HttpRequest
from django.template import Engine
from django.template.loader import render_to_string
from django.utils import timezone

from subscribers.errors import MailServerUnavailable

# A provider's answers (HTTP) after which nothing has left: the key is wrong, there were too many calls, it is down.
NOT_TAKEN = {401, 403, 404, 429, 503}
NOT_REACHED = {"ConnectTimeout", "NewConnectionError", "NameResolutionError"}  # classes of requests and urllib3


class Publication(Protocol):
    """What a mail says of who sends it."""

    @property
    def sender(self) -> str: ...
    @property
    def from_email(self) -> str: ...
    @property
    def reply_to(self) -> str: ...


def build(name: str, to: str, context: dict[str, Any]) -> EmailMultiAlternatives:
    """Render the mail of this name, from `templates/emails/`."""
    context = _shared_context() | context
    publication: Publication = context["publication"]
    message = EmailMultiAlternatives(
        subject=render_to_string(f"emails/{name}/subject.txt", context).strip(),
        body=render_to_string(f"emails/{name}/body.txt", context).strip() + "\n",
        from_email=formataddr((publication.sender, publication.from_email)),
        to=[to],
        reply_to=[publication.reply_to] if publication.reply_to else None,
        headers={
            # Django would write the zone as -0000, and this machine's name into the Message-ID.
            "Date": format_datetime(timezone.now()),
            "Message-ID": make_msgid(domain=publication.from_email.rpartition("@")[2]),
            "Auto-Submitted": "auto-generated",
        },
    )
    message.attach_alternative(render_to_string(f"emails/{name}/body.html", context), "text/html")
    message.encoding = utf8_charset_qp  # 7-bit-safe, in lines of at most 76 characters
    return message


def _shared_context() -> dict[str, Any]:
    """What every page knows, by the template engine's context processors, with the publication among it.

    A mail has no request, and this app doesn't know whose model the publication is; an empty request asks the same
    processors that the pages go through, so nothing else has to be wired.
    """
    context: dict[str, Any] = {}
    for processor in Engine.get_default().template_context_processors:
        context |= processor(HttpRequest())
    return context


def send(message: EmailMultiAlternatives) -> str:
    """Hand the mail over; return what became of it, in a few words, and then the same mail must not be sent again.

    Raises MailServerUnavailable when nothing left: the server or provider was not reached, or said "not now".
    """
    connection = get_connection()
    try:
        connection.open()
    except OSError as error:  # Every SMTPException is one.
        raise MailServerUnavailable from error
    try:
        connection.send_messages([message])
    except _errors() as error:
        if _nothing_left(error):
            raise MailServerUnavailable from error
        return f"mail, {_what_happened(error)}"
    finally:
        connection.close()
    return "mail"


def was_not_reached(error: BaseException) -> bool:
    """Whether a provider's API could not be called at all. Anymail keeps the error of requests, this that of urllib3."""
    cause = error.__cause__ or error.__context__
    reason = getattr(cause.args[0], "reason", None) if cause and cause.args else None
    return not NOT_REACHED.isdisjoint({type(cause).__name__, type(reason).__name__})


def _errors() -> tuple[type[Exception], ...]:
    """What backends raise: every SMTPException is an OSError; Anymail, an extra, has an error of its own."""
    try:
        from anymail.exceptions import AnymailError
    except ImportError:
        return (OSError,)
    return (OSError, AnymailError)


def _nothing_left(error: Exception) -> bool:
    if codes := _reply_codes(error):
        return any(400 <= code < 500 for code in codes)
    status = getattr(error, "status_code", None)  # a provider's answer to the call
    return status in NOT_TAKEN if status else was_not_reached(error)


def _what_happened(error: Exception) -> str:
    status = getattr(error, "status_code", None)
    if codes := _reply_codes(error) or [code for code in [status] if code and code < 500]:
        return f"refused with {codes[0]}"
    return "lost its connection on the way" if isinstance(error, OSError) else "not taken by the provider"


def _reply_codes(error: Exception) -> list[int]:
    """The codes of SMTP in a server's answer, one for each reader whom it refused."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return [code for code, _ in error.recipients.values()]
    return [error.smtp_code] if isinstance(error, smtplib.SMTPResponseException) else []
