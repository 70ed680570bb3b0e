"""A small SMTP client for many mails: the talk on one connection, in which it is known at each moment what has left.

One mail at a time is under way on a connection. With PIPELINING (RFC 2920) the next mail's envelope follows at the heels
of the one under way, so that a mail takes one round trip; with CHUNKING (RFC 3030) it needs no permission to begin and no
final dot; a server that offers neither gets one command at a time. STARTTLS is RFC 3207, AUTH is RFC 4954.
"""

import asyncio
import base64
import os
import re
import ssl
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple

from django.core.mail.utils import DNS_NAME

from deliveries.errors import Deferred, InDoubt, Lost, Misconfigured, Refused, TransportError, Unavailable
from deliveries.mails import Feed, Log, Mail
from deliveries.smtp_backend import unverified_context

# After the final dot the server may think for long (RFC 5321 §4.5.3.2.6); giving up early would leave a doubt.
FINAL_REPLY_PATIENCE = 6  # times the server's timeout
LONGEST_REPLY = 65_536  # bytes
REPLY_LINE = re.compile(rb"[2-5][0-9]{2}(?![^ \r-])")


@dataclass(frozen=True)
class Server:
    host: str
    port: int
    username: str = ""
    password: str = field(default="", repr=False)
    requires_starttls: bool = False  # with a valid certificate; else STARTTLS is used if it is offered, with any
    use_tls: bool = False  # from the first octet on
    timeout: float = 10.0  # seconds, for each step
    tls_context: Callable[[], ssl.SSLContext] = ssl.create_default_context  # where a valid certificate is required


class Reply(NamedTuple):
    code: int
    lines: tuple[bytes, ...]

    def __str__(self) -> str:
        words = b"\n".join(line[4:].rstrip() for line in self.lines)
        return f"{self.code} {words.decode('utf-8', 'replace')}".replace("\x00", "")


class Connection(asyncio.Protocol):
    """One connection to a mail server. Its coroutines run one at a time."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.extensions: dict[str, str] = {}
        self.mails = 0  # that it has dealt with
        self.broken: str = "It is not open."  # why it can't be used; empty while it can
        self.deadline = inf  # on the loop's clock, looked at by `check_deadline`
        self._transport: asyncio.Transport
        self._unread = b""
        self._lines: tuple[bytes, ...] = ()  # of a reply that goes on
        self._replies: deque[Reply] = deque()
        self._wanted = 0
        self._waiter: asyncio.Future[None] | None = None
        self._last_octet_left = True

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101, for the types
        self._transport, self.broken = transport, ""

    def data_received(self, data: bytes) -> None:
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            self._lines = (*self._lines, line)
            if not REPLY_LINE.match(line):
                self.abort(f"The server's answer was no SMTP reply: {line[:200]!r}")
                break
            if line[3:4] != b"-":
                self._add_reply(Reply(int(line[:3]), self._lines))
        if len(self._unread) + sum(map(len, self._lines)) > LONGEST_REPLY:
            self.abort("The server's reply has no end.")
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self.broken = self.broken or str(exc or "The server closed the connection.")
        self._wake()

    def pause_writing(self) -> None:
        self._last_octet_left = False

    def resume_writing(self) -> None:
        self._last_octet_left = True

    def check_deadline(self, now: float) -> None:
        if now > self.deadline:
            self.abort("The server did not answer in time.")

    def abort(self, reason: str) -> None:
        if not self.broken:
            self.broken = reason
            self._transport.abort()
        self._wake()

    def _add_reply(self, reply: Reply) -> None:
        self._lines = ()
        self._replies.append(reply)
        if reply.code == 421:  # It says that it hangs up.
            self.abort(str(reply))

    def _wake(self) -> None:
        if self._waiter and not self._waiter.done() and (self.broken or len(self._replies) >= self._wanted):
            self._waiter.set_result(None)

    # Asking and reading.

    async def read(self, count: int = 1, *, patience: float = 1) -> list[Reply]:
        """The next replies: fewer than asked for if the connection breaks. `patience` is in timeouts of the server."""
        if len(self._replies) < count and not self.broken:
            loop = asyncio.get_running_loop()
            self._wanted, self._waiter = count, loop.create_future()
            self.deadline = loop.time() + patience * self.server.timeout
            await self._waiter
            self.deadline = inf
        return [self._replies.popleft() for _ in range(min(count, len(self._replies)))]

    async def ask(self, command: str) -> Reply:
        """Raises Unavailable if there is no answer."""
        self._transport.write(f"{command}\r\n".encode("ascii"))
        for reply in await self.read():
            return reply
        raise Unavailable(self.broken)

    # Opening and closing.

    async def open(self) -> None:
        """Connect, secure, log in. Raises Unavailable."""
        server, loop = self.server, asyncio.get_running_loop()
        context = server.tls_context() if server.use_tls else None
        try:
            async with asyncio.timeout(server.timeout):
                await loop.create_connection(lambda: self, server.host, server.port, ssl=context)
        except OSError as error:  # A timeout is one, too.
            words = os.strerror(error.errno) if isinstance(error, ConnectionError) and error.errno else str(error)
            where = f"{server.host}:{server.port}"
            raise Unavailable(f"{where}: {words}" if words else f"{where} could not be reached in time.") from error
        for greeting in await self.read():
            if greeting.code != 220:
                raise Unavailable(str(greeting))
        await self._greet()
        if server.requires_starttls:
            await self._start_tls(server.tls_context())
        elif "STARTTLS" in self.extensions and not server.use_tls:
            await self._start_tls(unverified_context())
        if server.username:
            await self._log_in()

    async def _greet(self) -> None:
        self.extensions = {}
        reply = await self.ask(f"EHLO {DNS_NAME.get_fqdn()}")
        if reply.code != 250:
            reply = await self.ask(f"HELO {DNS_NAME.get_fqdn()}")
            if reply.code != 250:
                raise Unavailable(str(reply))
            return
        lines = [line.partition(" ") for line in str(reply)[4:].split("\n")[1:]]
        self.extensions = {name.upper(): parameters.upper() for name, _, parameters in lines}

    async def _start_tls(self, context: ssl.SSLContext) -> None:
        if "STARTTLS" not in self.extensions:
            raise Misconfigured("The server does not offer STARTTLS, which the settings ask for.")
        reply = await self.ask("STARTTLS")
        if reply.code != 220:
            raise Unavailable(str(reply))
        if self._replies or self._unread:  # Somebody in between would like to be taken for the server.
            raise Unavailable("The server said more than it should before the connection was secured.")
        try:
            secured = await asyncio.get_running_loop().start_tls(
                self._transport,
                self,
                context,
                server_hostname=self.server.host,
                ssl_handshake_timeout=self.server.timeout,
            )
        except OSError as error:
            raise Unavailable(str(error) or "The connection could not be secured.") from error
        assert secured is not None  # noqa: S101, for the types: it raises else
        self._transport = secured
        await self._greet()

    async def _log_in(self) -> None:
        offered = self.extensions.get("AUTH", "").split()
        name, password = self.server.username.encode(), self.server.password.encode()
        if "PLAIN" in offered:
            reply = await self.ask("AUTH PLAIN " + _base64(b"\0" + name + b"\0" + password))
        elif "LOGIN" in offered:
            reply = await self.ask("AUTH LOGIN")
            for secret in (name, password):
                if reply.code == 334:
                    reply = await self.ask(_base64(secret))
        else:
            raise Misconfigured("The server offers no way to log in that is known here: AUTH PLAIN or AUTH LOGIN.")
        if reply.code != 235:
            raise (Misconfigured if reply.code >= 500 else Unavailable)(str(reply))

    async def close(self) -> None:
        """What was accepted stays accepted, whatever the server answers to QUIT."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self.server.timeout):
                if not self.broken:
                    self._transport.write(b"QUIT\r\n")
                    await self.read()
        self.abort("It is closed.")

    # Sending.

    async def send_from(self, feed: Feed, log: Log) -> None:
        """Send until the feed ends or the connection breaks. Raises Unavailable if the sender is turned away."""
        mail = self._announce_next(feed)
        while mail:
            replies = await self._envelope_replies(mail)
            if self.broken and self.mails and not replies:
                feed.put_back(mail)  # The server hung up after the mail before: this one begins a new connection.
                return
            try:
                error = self._envelope_error(replies)
            except Unavailable:  # Nothing of it has left: another connection may take it.
                feed.put_back(mail)
                raise
            if error:
                await self._reset(replies)
                following = None
            else:
                following, error = await self._transmit(mail, feed, log)
            self.mails += 1
            log.end(mail, error)
            mail = following or self._announce_next(feed)

    def _announce_next(self, feed: Feed) -> Mail | None:
        mail = None if self.broken else feed.take()
        if mail and self._pipelines:
            self._transport.write(b"".join(self._envelope(mail)))
        return mail

    def _envelope(self, mail: Mail) -> list[bytes]:
        addresses = [b"MAIL FROM:<%b>\r\n" % mail.sender.encode(), b"RCPT TO:<%b>\r\n" % mail.recipient.encode()]
        return addresses if self._chunks else [*addresses, b"DATA\r\n"]

    async def _envelope_replies(self, mail: Mail) -> list[Reply]:
        """The replies to MAIL, RCPT and DATA, as far as it came; 421 is none, but the end."""
        if self._pipelines:
            replies = await self.read(2 if self._chunks else 3)
        else:
            replies = []
            for command in self._envelope(mail):
                self._transport.write(command)
                replies += await self.read()
                if self.broken or replies[-1].code not in (250, 251):
                    break
        return [reply for reply in replies if reply.code != 421]

    def _envelope_error(self, replies: list[Reply]) -> TransportError | None:
        """What stands against this mail. Raises Unavailable if that is not about its reader."""
        if replies and replies[0].code != 250:
            raise (Misconfigured if replies[0].code >= 500 else Unavailable)(str(replies[0]))
        for reply, good in zip(replies[1:], ((250, 251), (354,)), strict=False):
            if reply.code not in good:
                return _rejection(reply)
        return Lost(self.broken) if self.broken else None

    async def _reset(self, replies: list[Reply]) -> None:
        """Make the connection ready for the next mail after this one's envelope was not taken."""
        if replies and replies[-1].code == 354 and not self.broken:
            # DATA was taken though its recipient was not: the server waits for the final dot (RFC 2920 §3.1).
            self._transport.write(b".\r\n")
            await self.read(patience=FINAL_REPLY_PATIENCE)
        if not self.broken:
            self._transport.write(b"RSET\r\n")
            for reply in await self.read():
                if reply.code != 250:
                    self.abort(str(reply))

    async def _transmit(self, mail: Mail, feed: Feed, log: Log) -> tuple[Mail | None, TransportError | None]:
        """Send the message and read what became of it; the next mail, whose envelope went along, comes back, too."""
        following = feed.take() if self._pipelines else None
        tail = b"".join(self._envelope(following)) if following else b""
        if self._chunks:
            parts = [b"BDAT %d LAST\r\n" % len(mail.content), mail.content, tail]
        else:
            parts = [mail.content, b".\r\n" if mail.content.endswith(b"\r\n") else b"\r\n.\r\n", tail]
        # Writing pauses while more than the tail is waiting here: then the last octet has not left.
        self._transport.set_write_buffer_limits(len(tail), len(tail))
        self._last_octet_left = True
        log.begin(mail)
        self._transport.writelines(parts)
        replies = await self.read(patience=FINAL_REPLY_PATIENCE)
        if not replies:
            return following, (InDoubt if self._last_octet_left else Lost)(self.broken)
        return following, None if 200 <= replies[0].code < 300 else _rejection(replies[0])

    @property
    def _pipelines(self) -> bool:
        return "PIPELINING" in self.extensions

    @property
    def _chunks(self) -> bool:
        return "CHUNKING" in self.extensions


def _rejection(reply: Reply) -> TransportError:
    return (Refused if reply.code >= 500 else Deferred)(str(reply))


def _base64(secret: bytes) -> str:
    return base64.b64encode(secret).decode("ascii")
