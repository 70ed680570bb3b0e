"""Where bounces lie: a Maildir, or a folder of an IMAP server. What was read is moved, so that nothing is read twice."""

import imaplib
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from django.conf import settings

from deliveries.errors import MailboxUnavailable


class Place(Protocol):
    """What BOUNCE_MAILBOX_URL says."""

    @property
    def scheme(self) -> str: ...
    @property
    def folder(self) -> str: ...
    @property
    def done(self) -> str: ...
    @property
    def aside(self) -> str: ...
    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def user(self) -> str: ...
    @property
    def password(self) -> str: ...


class Mailbox(Protocol):
    def mails(self, most: int, octets: int) -> Iterator[tuple[str, bytes]]:
        """Up to `most` mails, each with its name and its first octets. Raises MailboxUnavailable."""

    def move(self, name: str, *, is_done: bool) -> None:
        """To those that are done, or to those put aside. Raises MailboxUnavailable."""


@contextmanager
def open_mailbox(place: Place) -> Iterator[Mailbox]:
    """Raises MailboxUnavailable, with a sentence for the operator."""
    try:
        if place.scheme == "maildir":
            yield Maildir(place)
            return
        with _connect(place) as connection:
            yield ImapFolder(connection, place)
    except (OSError, imaplib.IMAP4.error) as error:
        where = f"{place.host}:{place.port}" if place.host else place.folder
        raise MailboxUnavailable(f"The bounce mailbox ({where}) can't be read: {error}") from error


class Maildir:
    """Mails are moved to the subfolders .Done and .Aside, as Maildir++ names them."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._folder = Path(place.folder)

    def mails(self, most: int, octets: int) -> Iterator[tuple[str, bytes]]:
        if not (self._folder / "new").is_dir():
            raise MailboxUnavailable(f"There is no Maildir at {self._folder}: it has no folder new.")
        paths = [path for name in ("new", "cur") for path in sorted((self._folder / name).glob("*"))]
        for path in paths[:most]:
            with suppress(FileNotFoundError), path.open("rb") as file:  # Another process was faster.
                yield f"{path.parent.name}/{path.name}", file.read(octets)

    def move(self, name: str, *, is_done: bool) -> None:
        to = self._folder / f".{self._place.done if is_done else self._place.aside}"
        for each in ("tmp", "new", "cur"):
            (to / each).mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            (self._folder / name).rename(to / "cur" / f"{Path(name).name.partition(':')[0]}:2,S")


class ImapFolder:
    """Mails are moved to other folders of the server, which are made where they are missing. Mails go by their UIDs."""

    def __init__(self, connection: imaplib.IMAP4, place: Place) -> None:
        self._connection = connection
        self._place = place
        self._asked("SELECT", connection.select(f'"{place.folder}"'))
        for folder in (place.done, place.aside):
            connection.create(f'"{folder}"')  # It says no where there is one; moving then tells the rest.

    def mails(self, most: int, octets: int) -> Iterator[tuple[str, bytes]]:
        found = self._asked("SEARCH", self._connection.uid("SEARCH", "UNDELETED"))
        for uid in (found[0] or b"").split()[:most]:
            name = uid.decode("ascii")
            parts = self._asked("FETCH", self._connection.uid("FETCH", name, f"(BODY.PEEK[]<0.{octets}>)"))
            for part in parts:
                if isinstance(part, tuple):
                    yield name, part[1]

    def move(self, name: str, *, is_done: bool) -> None:
        to = f'"{self._place.done if is_done else self._place.aside}"'
        if "MOVE" in self._connection.capabilities:  # RFC 6851
            self._asked("MOVE", self._connection.uid("MOVE", name, to))
            return
        self._asked("COPY", self._connection.uid("COPY", name, to))
        self._asked("STORE", self._connection.uid("STORE", name, "+FLAGS.SILENT", r"(\Deleted)"))
        self._asked("EXPUNGE", self._connection.expunge())

    @staticmethod
    def _asked(command: str, answer: tuple[str, list[Any]]) -> list[Any]:
        result, data = answer
        if result != "OK":
            raise imaplib.IMAP4.error(f"{command}: {_words(data)}")
        return data


@contextmanager
def _connect(place: Place) -> Iterator[imaplib.IMAP4]:
    """Certificates are checked; imap:// never encrypts, which is for a server on the same machine."""
    timeout = settings.EMAIL_TIMEOUT
    if place.scheme == "imaps":
        connection: imaplib.IMAP4 = imaplib.IMAP4_SSL(
            place.host, place.port, ssl_context=ssl.create_default_context(), timeout=timeout
        )
    else:
        connection = imaplib.IMAP4(place.host, place.port, timeout=timeout)
    try:
        if place.scheme == "imap+tls":
            connection.starttls(ssl.create_default_context())
        connection.login(place.user, place.password)
        yield connection
    finally:
        with suppress(OSError, imaplib.IMAP4.error):  # What went wrong before is what counts.
            connection.logout()


def _words(data: list[Any]) -> str:
    words = b" ".join(each for each in data if isinstance(each, bytes)).decode("utf-8", "replace")
    return re.sub(r"[^\x20-\x7e]", "?", words)[:200]
