"""Mail that stays on this machine: a Maildir, written by Django's email backend below and read by the mail pages.

Source of the format: https://cr.yp.to/proto/maildir.html
"""

import itertools
import os
import re
import secrets
import time
from collections.abc import Sequence
from email import message_from_bytes
from email.message import EmailMessage as ParsedMessage
from email.policy import default as default_policy
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

KEY = re.compile(r"[0-9]{10}\.M[0-9]{6}P[0-9]+Q[0-9]+\.[0-9a-f]{8}")
counter = itertools.count()


class MaildirBackend(BaseEmailBackend):
    """Write each message into `MAILDIR_PATH/new/`, as it would go over the wire. Several processes may at once."""

    def open(self) -> bool:
        for name in ("tmp", "new", "cur"):
            (Path(settings.MAILDIR_PATH) / name).mkdir(parents=True, exist_ok=True)
        return True

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Raises OSError if the disk is full or the folder may not be written."""
        self.open()
        for message in email_messages:
            mime: Any = message.message()  # Django's classes take a line separator, which the types don't know.
            write(mime.as_bytes(linesep="\r\n"))
        return len(email_messages)


def is_in_use() -> bool:
    """Whether mail stays on this machine, as it does until a mail server is set."""
    return f"{MaildirBackend.__module__}.{MaildirBackend.__qualname__}" == settings.EMAIL_BACKEND


def write(content: bytes) -> str:
    """Write a message under a name of its own, then move it: who reads the folder sees all of it or nothing."""
    now = time.time_ns() // 1000  # microseconds
    seconds, microseconds = divmod(now, 1_000_000)
    key = f"{seconds}.M{microseconds:06}P{os.getpid()}Q{next(counter)}.{secrets.token_hex(4)}"
    folder = Path(settings.MAILDIR_PATH)
    (folder / "tmp" / key).write_bytes(content)
    (folder / "tmp" / key).rename(folder / "new" / key)
    return key


def keys() -> list[str]:
    """The names of all messages, newest first. Only names are read."""
    try:
        names = [path.name for path in (Path(settings.MAILDIR_PATH) / "new").iterdir()]
    except FileNotFoundError:
        return []
    return sorted(filter(KEY.fullmatch, names), reverse=True)


def read_bytes(key: str) -> bytes:
    """Raises KeyError if there is no such message."""
    try:
        return path_of(key).read_bytes()
    except FileNotFoundError:
        raise KeyError(key) from None


def read(key: str) -> ParsedMessage:
    """Raises KeyError."""
    return message_from_bytes(read_bytes(key), policy=default_policy)


def read_headers(key: str) -> ParsedMessage:
    """Read a message as far as its first empty line. Raises KeyError."""
    try:
        with path_of(key).open("rb") as file:
            lines = b"".join(itertools.takewhile(lambda line: line != b"\r\n", file))
    except FileNotFoundError:
        raise KeyError(key) from None
    return message_from_bytes(lines, policy=default_policy)


def path_of(key: str) -> Path:
    """Raises KeyError for what is no name of ours, such as a path that leads elsewhere."""
    if not KEY.fullmatch(key):
        raise KeyError(key)
    return Path(settings.MAILDIR_PATH) / "new" / key
