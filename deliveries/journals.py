"""A file beside each batch that is being sent: which mails were begun, and what became of them.

Outcomes reach the database a few times a second. Between two times the journal knows them: one unbuffered write for each
beginning and each end. It is held by a lock that ends with its process. So a journal that nobody holds tells exactly
what a killed process left behind, and whoever sees the file may settle it: the folder may be shared by several workers.

A power cut may take the last lines with it. Therefore each journal names the boot of the machine that wrote it, and
after another boot it is not believed where it says nothing.
"""

import fcntl
import json
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from django.conf import settings

from deliveries.models import DeliveryState

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")  # where it is missing, no journal of a dead process is complete


@dataclass(frozen=True)
class Outcome:
    """What became of a delivery, as it goes into its row."""

    state: DeliveryState
    reason: str = ""
    due_at: datetime | None = None


class Journal:
    """The journal of a batch, in the process that sends it."""

    def __init__(self, mailing_id: int) -> None:
        """Raises OSError if the folder can't be written."""
        self.name = f"{socket.gethostname()[:40]}.{os.getpid()}.{secrets.token_hex(8)}"
        folder().mkdir(parents=True, exist_ok=True)
        hidden = folder() / f".{self.name}"  # until it is locked, so that nobody takes it for an orphan
        self._file = os.open(hidden, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        os.write(self._file, json.dumps({"mailing": mailing_id, "boot": boot_id()}).encode() + b"\n")
        hidden.rename(folder() / self.name)

    def begin(self, delivery_id: int) -> None:
        os.write(self._file, b"begun %d\n" % delivery_id)

    def end(self, delivery_id: int, outcome: Outcome) -> None:
        if outcome.state == DeliveryState.SENT:
            os.write(self._file, b"sent %d\n" % delivery_id)
            return
        fields = {"delivery": delivery_id, "state": outcome.state, "reason": outcome.reason}
        due_at = outcome.due_at.isoformat() if outcome.due_at else None
        os.write(self._file, json.dumps(fields | {"due_at": due_at}).encode() + b"\n")

    def discard(self) -> None:
        """The database knows everything that it says."""
        (folder() / self.name).unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        """Let go of it. If it was not discarded, the next to look settles it."""
        os.close(self._file)


@dataclass
class Orphan:
    """What the journal of a dead process says."""

    name: str
    mailing_id: int
    is_complete: bool  # what it doesn't mention was not begun
    begun: set[int] = field(default_factory=set)  # and not ended
    ended: dict[int, Outcome] = field(default_factory=dict)


@contextmanager
def hold_orphans() -> Iterator[list[Orphan]]:
    """The journals that nobody holds, held by us meanwhile; they are deleted if the block ends without an error."""
    found: dict[Path, int] = {}
    try:
        for path in paths():
            file = _lock(path)
            if file is not None:
                found[path] = file
        yield [orphan for path in found for orphan in _read(path)]
        for path in found:
            path.unlink(missing_ok=True)
    finally:
        for file in found.values():
            os.close(file)


def held() -> set[str]:
    """The names of the batches whose processes live, as far as can be seen from here."""
    return {path.name for path in paths()}


def paths() -> list[Path]:
    if not folder().is_dir():
        return []
    return [path for path in folder().iterdir() if not path.name.startswith(".")]


def folder() -> Path:
    return Path(settings.SENDING_JOURNALS)


def boot_id() -> str:
    return BOOT_ID.read_text().strip() if BOOT_ID.exists() else ""


def _lock(path: Path) -> int | None:
    """None if somebody holds it, or has deleted it."""
    try:
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file


def _read(path: Path) -> list[Orphan]:
    """Nothing if it does not even have its first line: the lease of its batch tells the rest."""
    # What follows the last line break is nothing, or a line that was cut off.
    head, *lines = path.read_text(errors="replace").split("\n")[:-1] or [""] if path.exists() else [""]
    head_fields = _fields(head)
    if not head_fields:
        return []
    is_complete = bool(boot_id()) and head_fields["boot"] == boot_id()
    orphan = Orphan(path.name, head_fields["mailing"], is_complete)
    for line in lines:
        word, _, number = line.partition(" ")
        if word == "begun" and number.isdigit():
            orphan.begun.add(int(number))
        elif word == "sent" and number.isdigit():
            orphan.ended[int(number)] = Outcome(DeliveryState.SENT)
        elif fields := _fields(line):
            due_at = datetime.fromisoformat(fields["due_at"]) if fields["due_at"] else None
            orphan.ended[fields["delivery"]] = Outcome(DeliveryState(fields["state"]), fields["reason"], due_at)
    orphan.begun -= orphan.ended.keys()
    return [orphan]


def _fields(line: str) -> dict[str, Any]:
    """Of a line that a power cut has spoilt: nothing."""
    try:
        return dict(json.loads(line)) if line.startswith("{") else {}
    except ValueError:
        return {}
