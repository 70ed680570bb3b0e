"""What transports hand over, and what they promise whoever has them do it."""

from collections import deque
from collections.abc import Generator, Iterator
from typing import NamedTuple, Protocol

from deliveries.errors import TransportError


class Mail(NamedTuple):
    """One reader's mail, ready for the wire."""

    delivery_id: int  # 0 for a mail that belongs to no delivery, such as a test
    sender: str  # the envelope's, in ASCII
    recipient: str  # the envelope's, in ASCII
    content: bytes  # with CRLF; no line starts with a dot, so dot-stuffing would change nothing


class Log(Protocol):
    """Who must know at once what happens to each mail. Called in the middle of the talk: no queries here."""

    def begin(self, mail: Mail) -> None:
        """Called before the last octet of the mail leaves: from here on it may be delivered."""

    def end(self, mail: Mail, error: TransportError | None) -> None:
        """Called once for each mail. None: it was accepted; else Refused, Deferred, Lost or InDoubt."""


class Transport(Protocol):
    """A way out that stays open while batches are sent. For one thread."""

    def send(self, mails: Iterator[Mail], log: Log) -> Generator[None, None, None]:
        """Hand over the mails, taking the next one whenever there is room for it.

        Yields every so often, so that the caller can write to the database what its log has heard. To stop early, let
        `mails` end: what is under way is brought to its end. Raises Unavailable when the server can't be used. What was
        taken from `mails` and not told to `log.end` has not left, and stays with the caller.
        """

    def close(self) -> None: ...


class Feed:
    """The mails that several connections share; one that was taken and not begun can be put back."""

    def __init__(self, mails: Iterator[Mail]) -> None:
        self._mails = mails
        self.returned: deque[Mail] = deque()
        self.is_stopped = False

    def take(self) -> Mail | None:
        if self.is_stopped:
            return None
        return self.returned.popleft() if self.returned else next(self._mails, None)

    def is_over(self) -> bool:
        if not self.is_stopped and not self.returned:
            self.returned.extend(mail for mail in [next(self._mails, None)] if mail)
        return self.is_stopped or not self.returned

    def put_back(self, mail: Mail) -> None:
        self.returned.append(mail)
