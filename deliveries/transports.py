"""Handing one mail over, and saying exactly what is known when that fails."""

import re
import smtplib
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import Message
from typing import Any, Protocol

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.smtp import EmailBackend as SmtpBackend

from deliveries.errors import Deferred, InDoubt, Lost, Misconfigured, Refused, Unavailable

LINE_STARTING_WITH_DOT = re.compile(rb"^\.", re.MULTILINE)
# After the final dot the server may think for long (RFC 5321 §4.5.3.2.6); giving up early would leave a doubt.
FINAL_REPLY_PATIENCE = 6  # times EMAIL_TIMEOUT


class Transport(Protocol):
    """A way out that stays open while a batch is sent."""

    def open(self) -> None:
        """Raises Unavailable."""

    def close(self) -> None: ...

    def send(self, sender: str, recipient: str, content: bytes) -> None:
        """Return when the mail was accepted. Raises a TransportError."""


@contextmanager
def open_transport() -> Iterator[Transport]:
    """The one that EMAIL_BACKEND asks for, connected. Raises Unavailable."""
    backend = get_connection()
    transport = SmtpTransport(backend) if isinstance(backend, SmtpBackend) else BackendTransport(backend)
    transport.open()
    try:
        yield transport
    finally:
        transport.close()


class SmtpTransport:
    """Django's SMTP backend connects, secures and logs in; the talk is ours, so that we know how far it got."""

    def __init__(self, backend: SmtpBackend) -> None:
        self.backend = backend

    def open(self) -> None:
        try:
            self.backend.open()
            self._smtp.ehlo_or_helo_if_needed()
        except smtplib.SMTPAuthenticationError as error:
            self.close()
            raise (Misconfigured if error.smtp_code >= 500 else Unavailable)(_words(error)) from error
        except OSError as error:  # Every SMTPException is one.
            self.close()
            raise Unavailable(_words(error)) from error
        # Else the final dot would wait until the server has acknowledged the message before it.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self) -> None:
        """What was accepted stays accepted, whatever the server answers to QUIT."""
        with suppress(OSError):
            self.backend.close()
        self.backend.connection = None

    def send(self, sender: str, recipient: str, content: bytes) -> None:
        self._begin(sender)
        reply = self._ask(f"RCPT TO:<{recipient}>")
        if reply[0] not in (250, 251):
            self._reject(reply)
        reply = self._ask("DATA")
        if reply[0] != 354:
            self._reject(reply)
        self._transmit(content)

    def _begin(self, sender: str) -> None:
        """MAIL, on a new connection if the server closed the old one after the mail before."""
        is_fresh = not self.backend.connection
        if is_fresh:
            self.open()
        try:
            code, words = self._ask(f"MAIL FROM:<{sender}>")
        except Lost:
            if is_fresh:
                raise
            self.open()
            code, words = self._ask(f"MAIL FROM:<{sender}>")
        if code != 250:
            # It is the sender that is turned away, not this reader: the next would fare no better.
            self.close()
            raise (Misconfigured if code >= 500 else Unavailable)(f"{code} {words}")

    def _transmit(self, content: bytes) -> None:
        """The message and, once it is out, the final dot: before that dot a server must not deliver (RFC 5321 §4.1.1.4)."""
        ending = b".\r\n" if content.endswith(b"\r\n") else b"\r\n.\r\n"
        smtp = self._smtp
        try:
            smtp.send(LINE_STARTING_WITH_DOT.sub(b"..", content))
        except OSError as error:
            self.close()
            raise Lost(_words(error)) from error
        try:
            self._socket.settimeout(settings.EMAIL_TIMEOUT * FINAL_REPLY_PATIENCE)
            smtp.send(ending)
            code, words = smtp.getreply()
        except OSError as error:
            self.close()
            raise InDoubt(_words(error)) from error
        self._socket.settimeout(settings.EMAIL_TIMEOUT)
        if not 200 <= code < 600:
            self.close()
            raise InDoubt(f"The server's answer was no SMTP reply: {_decode(words)}")
        if code >= 300:
            self._reject((code, _decode(words)))

    def _ask(self, command: str) -> tuple[int, str]:
        """Raises Lost, also when the server says that it hangs up (421)."""
        try:
            code, words = self._smtp.docmd(command)
        except OSError as error:
            self.close()
            raise Lost(_words(error)) from error
        if code == 421:
            self.close()
            raise Lost(f"421 {_decode(words)}")
        return code, _decode(words)

    def _reject(self, reply: tuple[int, str]) -> None:
        """Make the connection ready for the next mail and raise what this reply means."""
        code, words = reply
        try:
            is_ready = self._smtp.rset()[0] == 250
        except OSError:
            is_ready = False
        if not is_ready:
            self.close()
        raise (Refused if 500 <= code < 600 else Deferred)(f"{code} {words}")

    @property
    def _smtp(self) -> smtplib.SMTP:
        if self.backend.connection is None:
            raise smtplib.SMTPServerDisconnected("The connection is closed.")
        return self.backend.connection

    @property
    def _socket(self) -> socket.socket:
        connected = self._smtp.sock
        if connected is None:
            raise smtplib.SMTPServerDisconnected("The connection is closed.")
        return connected


class BackendTransport:
    """Any other of Django's email backends, such as the local mail folder or the tests' outbox."""

    def __init__(self, backend: BaseEmailBackend) -> None:
        self.backend = backend

    def open(self) -> None:
        try:
            self.backend.open()
        except OSError as error:
            raise Unavailable(_words(error)) from error

    def close(self) -> None:
        with suppress(OSError):
            self.backend.close()

    def send(self, sender: str, recipient: str, content: bytes) -> None:
        try:
            accepted = self.backend.send_messages([ReadyMessage(sender, recipient, content)])
        except OSError as error:  # The backend doesn't tell how far it got.
            raise InDoubt(_words(error)) from error
        if not accepted:
            raise Refused("The email backend did not take this mail.")


class ReadyMessage(EmailMessage):
    """A message whose bytes are final, for backends that take Django's messages."""

    def __init__(self, sender: str, recipient: str, content: bytes) -> None:
        super().__init__(from_email=sender, to=[recipient])
        self.content = content

    def message(self, *args: Any, **kwargs: Any) -> Any:
        return ReadyBytes(self.content)


class ReadyBytes(Message):
    """Stands where a parsed message would, and gives the bytes as they were put in."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.content = content

    def as_bytes(self, unixfrom: bool = False, policy: Any = None, linesep: str = "\r\n") -> bytes:
        return self.content if linesep == "\r\n" else self.content.replace(b"\r\n", linesep.encode("ascii"))


def _decode(words: bytes) -> str:
    return words.decode("utf-8", errors="replace").replace("\x00", "")


def _words(error: OSError) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        text = error.smtp_error
        return f"{error.smtp_code} {_decode(text) if isinstance(text, bytes) else text}"
    return str(error) or type(error).__name__
