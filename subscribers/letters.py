"""Single mails to one person, who asked for them: in the look of the issues, of no list, without List-* headers."""

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
    """Return what became of the mail, in a few words; the same mail must not be sent again.

    Raises MailServerUnavailable when nothing left: the server was not reached, or said "not now" (4xx).
    """
    connection = get_connection()
    try:
        connection.open()
    except OSError as error:  # Every SMTPException is one.
        raise MailServerUnavailable from error
    try:
        connection.send_messages([message])
    except OSError as error:
        codes = _reply_codes(error)
        if any(400 <= code < 500 for code in codes):
            raise MailServerUnavailable from error
        return f"mail, refused with {codes[0]}" if codes else "mail, lost its connection on the way"
    finally:
        connection.close()
    return "mail"


def _reply_codes(error: OSError) -> list[int]:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return [code for code, _ in error.recipients.values()]
    return [error.smtp_code] if isinstance(error, smtplib.SMTPResponseException) else []
