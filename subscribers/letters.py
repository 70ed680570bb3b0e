"""Single mails to one person who asked for them, such as the one to confirm a sign-up.

They look like the issues, but belong to no mailing list: so they have no List-* headers.
"""

from email.utils import format_datetime, formataddr, make_msgid
from typing import Any, Protocol

from django.core.mail import EmailMultiAlternatives
from django.core.mail.message import utf8_charset_qp
from django.http import HttpRequest
from django.template import Engine
from django.template.loader import render_to_string
from django.utils import timezone


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
