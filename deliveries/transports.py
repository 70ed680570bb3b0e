"""The ways out: connections to mail servers, or any other of Django's email backends."""

import asyncio
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from email.message import Message
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.smtp import EmailBackend as SmtpBackend

from deliveries.errors import InDoubt, Misconfigured, Refused, TransportError, Unavailable
from deliveries.mails import Feed, Log, Mail, Transport
from deliveries.servers import ServersTransport, configured_servers
from deliveries.smtp_client import Connection, Server

SECONDS_BETWEEN_RECORDS = 0.4  # after which the sender gets a chance to write down what happened


@contextmanager
def open_transport() -> Iterator[Transport]:
    """The one that EMAIL_BACKEND asks for. It connects when it is first used."""
    backend = get_connection()
    transport: Transport
    if isinstance(backend, SmtpBackend) and (servers := configured_servers()):
        transport = ServersTransport(servers)
    elif isinstance(backend, SmtpBackend):
        transport = SmtpTransport([server_of(backend)] * settings.SENDING_CONNECTIONS)
    elif type(backend).__module__.startswith("anymail."):
        from deliveries.providers import ProviderTransport  # Anymail is an extra.

        transport = ProviderTransport(backend)
    else:
        transport = BackendTransport(backend)
    try:
        yield transport
    finally:
        transport.close()


def server_of(backend: SmtpBackend) -> Server:
    """The server that Django's EMAIL_… settings name."""
    return Server(
        host=backend.host,
        port=backend.port,
        username=backend.username or "",
        password=backend.password or "",
        requires_starttls=bool(backend.use_tls),
        use_tls=bool(backend.use_ssl),
        timeout=float(backend.timeout or settings.EMAIL_TIMEOUT),
        tls_context=lambda: backend.ssl_context,
    )


def send_one(transport: Transport, mail: Mail) -> None:
    """Send a single mail. Raises a TransportError."""
    log = SingleLog()
    for _ in transport.send(iter([mail]), log):
        pass
    if log.error:
        raise log.error
    if not log.has_ended:
        raise Unavailable("The mail server's limit is reached. Try again later.")


class SingleLog:
    """What became of the only mail."""

    error: TransportError | None = None
    has_ended = False

    def begin(self, mail: Mail) -> None:
        pass

    def end(self, mail: Mail, error: TransportError | None) -> None:
        self.error, self.has_ended = error, True


class SmtpTransport:
    """A few connections in one event loop, which runs only while `send` is asked for its next step."""

    def __init__(self, servers: Sequence[Server]) -> None:
        """`servers` has one entry for each connection; several may be the same server."""
        self._connections = [Connection(server) for server in servers]
        self._given_up: dict[int, Unavailable] = {}  # places in the list whose server would not have us
        self._loop = asyncio.new_event_loop()

    def send(self, mails: Iterator[Mail], log: Log) -> Generator[None, None, None]:
        feed = Feed(mails)
        places = [place for place in range(len(self._connections)) if place not in self._given_up]
        talks = [self._loop.create_task(self._talk(place, feed, log)) for place in places]
        try:
            while self._run(talks):
                yield
        except BaseException:  # Also when the caller stops here: what is under way is still brought to its end.
            feed.is_stopped = True
            while self._run(talks):
                pass
            raise
        for talk in talks:
            talk.result()  # Raises what was no TransportError.
        errors = sorted(self._given_up.values(), key=lambda error: not isinstance(error, Misconfigured))
        if errors and (isinstance(errors[0], Misconfigured) or not feed.is_over()):
            raise errors[0]

    def close(self) -> None:
        async def close_all() -> None:
            await asyncio.gather(*(connection.close() for connection in self._connections))

        self._loop.run_until_complete(close_all())
        self._loop.close()

    def _run(self, talks: Sequence["asyncio.Task[None]"]) -> bool:
        """Let the talks go on for a moment. Returns whether some are not at their end."""
        going_on = [talk for talk in talks if not talk.done()]
        if going_on:
            self._loop.run_until_complete(asyncio.wait(going_on, timeout=SECONDS_BETWEEN_RECORDS))
            for connection in self._connections:
                connection.check_deadline(self._loop.time())
        return bool(going_on)

    async def _talk(self, place: int, feed: Feed, log: Log) -> None:
        """Send over one connection, which is opened anew when the server has hung up, until the feed is over."""
        connection = self._connections[place]
        try:
            while not feed.is_over():
                if connection.broken:
                    connection = self._connections[place] = Connection(connection.server)
                    await connection.open()
                await connection.send_from(feed, log)
        except Unavailable as error:
            connection.abort(str(error))
            self._given_up[place] = error
            feed.is_stopped = feed.is_stopped or isinstance(error, Misconfigured)


class BackendTransport:
    """Any other of Django's email backends, such as the local mail folder or the tests' outbox."""

    def __init__(self, backend: BaseEmailBackend) -> None:
        self._backend = backend

    def send(self, mails: Iterator[Mail], log: Log) -> Generator[None, None, None]:
        try:
            self._backend.open()
        except OSError as error:
            raise Unavailable(_words(error)) from error
        record_at = time.monotonic() + SECONDS_BETWEEN_RECORDS
        for mail in mails:
            log.begin(mail)
            log.end(mail, self._send(mail))
            if time.monotonic() >= record_at:
                yield
                record_at = time.monotonic() + SECONDS_BETWEEN_RECORDS
        yield

    def close(self) -> None:
        with suppress(OSError):
            self._backend.close()

    def _send(self, mail: Mail) -> TransportError | None:
        try:
            accepted = self._backend.send_messages([ReadyMessage(mail)])
        except TransportError as error:
            return error
        except OSError as error:  # The backend doesn't tell how far it got.
            return InDoubt(_words(error))
        return None if accepted else Refused("The email backend did not take this mail.")


class ReadyMessage(EmailMessage):
    """A message whose bytes are final, for backends that take Django's messages."""

    def __init__(self, mail: Mail) -> None:
        super().__init__(from_email=mail.sender, to=[mail.recipient])
        self.content = mail.content

    def message(self, *args: Any, **kwargs: Any) -> Any:
        return ReadyBytes(self.content)


class ReadyBytes(Message):
    """Stands where a parsed message would, and gives the bytes as they were put in."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.content = content

    def as_bytes(self, unixfrom: bool = False, policy: Any = None, linesep: str = "\r\n") -> bytes:
        return self.content if linesep == "\r\n" else self.content.replace(b"\r\n", linesep.encode("ascii"))


def _words(error: OSError) -> str:
    return str(error) or type(error).__name__
