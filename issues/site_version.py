"""Which state of the archive readers see: a version that every write that public pages may show makes another one.

The truth is a row of the database. Its number grows in the hook that follows the commit, and so does a file in VAR_DIR, by
one byte: whoever keeps pages on this machine notices the change at the next request, by one `stat` of that file, and
reads the number. Other machines read it once a second.

Writes are noticed where all of them pass, at the statements themselves: signals would miss bulk updates. Every table of
`papers` and `issues` counts, but for those that no page shows, if rows were changed.
"""

import os
import re
import threading
import time
from collections.abc import Callable
from datetime import datetime
from functools import cache
from logging import getLogger
from pathlib import Path
from typing import Any, NamedTuple

from django.apps import AppConfig, apps
from django.conf import settings
from django.db import DatabaseError, close_old_connections, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.db.models import F
from django.db.models.signals import post_migrate, pre_migrate

from issues.models import Issue, SiteVersion

logger = getLogger(__name__)

WRITE = re.compile(
    r'\s*(?:(?P<inserts>INSERT(?:\s+OR\s+\w+)?\s+INTO)|(?P<updates>UPDATE)|DELETE\s+FROM)\s+"?(?P<table>\w+)',
    re.IGNORECASE,
)
COLUMN = re.compile(r'"(\w+)" = ')
SHOWN = ("issues_", "papers_")
NOT_SHOWN = (
    "issues.Comment",
    "issues.Draft",
    "issues.Revision",
    "issues.SiteVersion",
    "issues.Waiver",
    "papers.FieldProposal",
    "papers.Lookup",
    "papers.SourceAnswer",
    "papers.SourceTurn",
    "papers.TextLink",
)
# Columns whose UPDATE no page shows: most looks at a link find what the last one found. The key only chooses the row.
NOT_SHOWN_OF = {"papers_resource": {"id", "checked_at", "failing_since", "finding", "final_url"}}
NEWEST_ISSUES = 50  # among which those are that were scheduled
LOOK_EVERY = 1.0  # second between two looks at the database where no change was noticed on this machine
LOOK_EVERY_WHEN_DOWN = 5.0  # seconds


migrating = threading.Event()  # Set while migrations run, as the table may not be there yet.


class Version(NamedTuple):
    """Pages that were made while one of these held are as good as new while an equal one holds."""

    number: int
    published_at: datetime | None  # of the newest issues the last moment, so that it changes when a time has come


def read_version() -> Version:
    """The version in the database. Two queries, by index."""
    number = SiteVersion.objects.values_list("number", flat=True).first()
    newest = Issue.objects.published().order_by("-number").values_list("published_at", flat=True)[:NEWEST_ISSUES]
    return Version(number or 0, max(filter(None, newest), default=None))


def change_version() -> None:
    """Make another version. Only after the commit of what has changed: see `change_version_on_commit`."""
    SiteVersion.objects.update(number=F("number") + 1)
    with bell().open("ab") as file:
        file.write(b".")


def change_version_on_commit(using: str) -> None:
    """Once for a transaction, however much it writes; at once outside of one. A failure is logged: the commit stands."""
    if not any(hook[1] is change_version for hook in connections[using].run_on_commit):
        transaction.on_commit(change_version, using=using, robust=True)


def watch(app: AppConfig) -> None:
    """Notice writes of this process from now on, but for those of migrations: after these, processes start anew."""
    connection_created.connect(watch_writes, dispatch_uid="site_version")
    pre_migrate.connect(lambda **kwargs: migrating.set(), sender=app, weak=False, dispatch_uid="site_version")
    post_migrate.connect(begin, sender=app, dispatch_uid="site_version")


def begin(using: str, **kwargs: Any) -> None:
    """Make the row after migrations: in a hook it would be too late, as SQLite may still be at the statement before it."""
    migrating.clear()
    if SiteVersion._meta.db_table in connections[using].introspection.table_names():  # else they went backwards
        SiteVersion.objects.using(using).get_or_create(pk=1)


def watch_writes(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    if notice_write not in connection.execute_wrappers:
        connection.execute_wrappers.append(notice_write)


def notice_write(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
    result = execute(sql, params, many, context)
    if changes_pages(sql, context["cursor"].rowcount) and not migrating.is_set():
        change_version_on_commit(context["connection"].alias)
    return result


def changes_pages(sql: str, row_count: int) -> bool:
    """Whether a statement that wrote to so many rows may have changed what pages show."""
    write = WRITE.match(sql)
    if not write or not is_shown(table := write["table"].lower()):
        return False
    if write["inserts"]:
        return True  # whatever the count: SQLite's is right once the rows that are returned have been fetched
    columns = set(COLUMN.findall(sql)) if write["updates"] else set()
    return row_count != 0 and not (columns and columns <= NOT_SHOWN_OF.get(table, set()))


@cache
def is_shown(table: str) -> bool:
    return table.startswith(SHOWN) and table not in {apps.get_model(name)._meta.db_table for name in NOT_SHOWN}


def bell() -> Path:
    """The file that grows with each change on this machine."""
    return Path(settings.VAR_DIR) / "site-version"


class Lookout:
    """Tells the version that holds now, for the price of a `stat`. For all threads of a process.

    While the database doesn't answer, the version that was read last goes on holding: what is kept can still be read.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.path = str(bell())
        self.heard: tuple[int, ...] | None = None
        self.look_again = 0.0
        self.known: Version | None = None

    def version(self) -> Version | None:
        """None as long as the database hasn't answered once."""
        if self._listen() == self.heard and time.monotonic() < self.look_again:
            return self.known
        with self.lock:
            heard = self._listen()  # before the look, so that a change meanwhile is noticed by the next request
            if heard != self.heard or time.monotonic() >= self.look_again:
                self.look_again = time.monotonic() + LOOK_EVERY  # before it, too: nobody else waits for this look
                self._look()
                self.heard = heard
        return self.known

    def _listen(self) -> tuple[int, ...]:
        try:
            stat = os.stat(self.path)  # noqa: PTH116, a third of the time that Path takes
        except OSError:
            return ()
        return stat.st_ino, stat.st_size, stat.st_mtime_ns

    def _look(self) -> None:
        close_old_connections()  # As around a request, of which this is no part.
        try:
            self.known = read_version()
        except DatabaseError as error:
            logger.warning("Pages are answered as they were: the database does not answer (%s)", type(error).__name__)
            self.look_again = time.monotonic() + LOOK_EVERY_WHEN_DOWN
        finally:
            close_old_connections()
