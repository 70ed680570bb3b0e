"""Django's SMTP backend for single mails, such as confirmations: secured if the server offers it, signed if there is a key."""

import smtplib
import ssl
from typing import Any

from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend as DjangoBackend

from deliveries.signing import sign


class SmtpBackend(DjangoBackend):
    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        return smtplib.SMTP_SSL if self.use_ssl else smtplib.SMTP if self.use_tls else OpportunisticSMTP

    def _send(self, email_message: EmailMessage) -> Any:
        from deliveries.transports import ReadyBytes  # That module asks for this one by way of the composer.

        mime: Any = email_message.message()  # Django's classes take a line separator, which the types don't know.
        ready = ReadyBytes(sign(mime.as_bytes(linesep="\r\n")))
        email_message.message = lambda: ready  # type: ignore[method-assign,assignment,misc]
        return super()._send(email_message)  # type: ignore[misc]


class OpportunisticSMTP(smtplib.SMTP):
    """A connection that is secured whenever the server offers STARTTLS, whoever vouches for its certificate."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Raises SMTPException or OSError."""
        super().__init__(*args, **kwargs)
        self.ehlo_or_helo_if_needed()
        if self.has_extn("starttls"):
            self.starttls(context=unverified_context())


def unverified_context() -> ssl.SSLContext:
    """For TLS that keeps out who listens, not who pretends to be the server; without it there would be none at all."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
