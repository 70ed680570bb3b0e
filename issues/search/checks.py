from typing import Any

from django.core.checks import CheckMessage, Error
from django.db import connection


def full_text_is_there(**kwargs: Any) -> list[CheckMessage]:
    """Whether Python's SQLite can search, if that is the database."""
    if connection.vendor != "sqlite":
        return []
    import sqlite3  # Here, because where PostgreSQL is the database nothing else loads it.

    try:
        with sqlite3.connect(":memory:") as memory:
            memory.execute("CREATE VIRTUAL TABLE found USING fts5(word, tokenize='trigram')")
    except sqlite3.OperationalError as error:
        return [
            Error(
                f"This Python's SQLite {sqlite3.sqlite_version} can't search texts: {error}.",
                hint="Use a Python whose SQLite is 3.34 or newer and built with FTS5, as Debian's is, or PostgreSQL.",
                id="issues.E001",
            )
        ]
    return []
