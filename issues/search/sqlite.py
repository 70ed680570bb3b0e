"""Searching by SQLite's FTS5 (https://www.sqlite.org/fts5.html).

Its tokeniser gets stems between spaces and has nothing left to do. Row ids sort by date, and FTS5 keeps its lists of
rows in that order, so the newest matches come first without sorting.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import product
from typing import Any

from django.db import connection
from django.utils import timezone

from issues.models import SearchWord
from issues.search.expressions import MOST_CANDIDATES, Expression, Found, IndexRow, Newest, Phrase

# Of labels, title, summary, extra and text.
BM25 = "-bm25(issues_searchindex, 0.0, 10.0, 5.0, 2.0, 1.0)"
# Instead of it in large archives, where it would look for a phrase in every entry, to tell how rare it is.
IN_COLUMN = """
    {weight} * (found.rowid IN (
        SELECT rowid FROM issues_searchindex WHERE issues_searchindex MATCH '{column} : ' || %(ranked_by)s AND rowid >= %(oldest)s
    ))
"""
COLUMN_WEIGHTS = {"title": 10.0, "summary": 5.0, "extra": 2.0, "text": 1.0}
IN_COLUMNS = " + ".join(IN_COLUMN.format(column=column, weight=weight) for column, weight in COLUMN_WEIGHTS.items())
NEWEST = """
    SELECT found.rowid, entry.labels, {rank}
    FROM issues_searchindex AS found CROSS JOIN issues_searchentry AS entry ON entry.id = found.rowid
    WHERE found.issues_searchindex MATCH %(match)s AND found.rowid >= %(oldest)s AND entry.public_from <= %(now)s
    ORDER BY found.rowid DESC LIMIT %(limit)s
"""
OLDEST = """
    SELECT rowid FROM issues_searchindex WHERE issues_searchindex MATCH %s ORDER BY rowid DESC LIMIT 1 OFFSET %s
"""
MORE = """
    INSERT INTO issues_searchword (word, stem, count)
    SELECT %s, %s, %s WHERE COALESCE((SELECT count FROM issues_searchword WHERE word = %s), 0) < %s
    ON CONFLICT (word) DO UPDATE SET count = issues_searchword.count + excluded.count
"""
WRITE_TEXT = """
    INSERT INTO issues_searchtext (entry_id, text) VALUES (%s, %s)
    ON CONFLICT (entry_id) DO UPDATE SET text = excluded.text
"""
GONE = "DELETE FROM issues_searchword WHERE word = %s AND count <= %s"
FEWER = "UPDATE issues_searchword SET count = count - %s WHERE word = %s AND count < %s"
SIMILAR = """
    SELECT known.word, known.count
    FROM issues_searchwordtrigrams AS found CROSS JOIN issues_searchword AS known ON known.id = found.rowid
    WHERE found.issues_searchwordtrigrams MATCH %s ORDER BY found.rank LIMIT %s
"""


def newest(expression: Expression, ranked_by: Sequence[Phrase], limit: int) -> Newest:
    oldest = oldest_candidate(expression) if expression.has_rows else None
    rank = "0.0" if not ranked_by else BM25 if oldest is None else IN_COLUMNS
    parameters: dict[str, Any] = {
        "match": as_match(expression, either),
        "oldest": oldest or 0,
        "ranked_by": f"({either(ranked_by)})",
        "now": timezone.now(),
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(NEWEST.format(rank=rank), parameters)
        return Newest([Found(*row) for row in cursor.fetchall()], oldest is None)


def oldest_candidate(expression: Expression) -> int | None:
    """The id down to which phrases are looked for: that of the last candidate, if there are so many."""
    with connection.cursor() as cursor:
        cursor.execute(OLDEST, [as_match(expression, all_words), MOST_CANDIDATES - 1])
        row = cursor.fetchone()
    return int(row[0]) if row else None


def as_match(expression: Expression, either: Callable[[Sequence[Phrase]], str]) -> str:
    """In FTS5's language, every word quoted. With `all_words`, what may match, whatever the order of the words."""
    required = " AND ".join(f"({either(phrases)})" for phrases in expression.required)
    excluded = [phrase for phrase in expression.excluded if either is not all_words or not phrase.in_a_row]
    return f"({required}) NOT ({either(excluded)})" if excluded else required


def either(phrases: Sequence[Phrase]) -> str:
    return " OR ".join(f'"{" ".join(words)}"' for phrase in phrases for words in product(*phrase.steps))


def all_words(phrases: Sequence[Phrase]) -> str:
    """As `either`, in whatever order the words of a phrase stand."""
    return " OR ".join(
        " AND ".join("({})".format(" OR ".join(f'"{word}"' for word in step)) for step in phrase.steps)
        for phrase in phrases
    )


def completions(prefix: str, limit: int) -> list[str]:
    """By a range, as SQLite uses no index for LIKE."""
    words = SearchWord.objects.filter(word__gte=prefix, word__lt=prefix + "\U0010ffff")
    return list(words.order_by("-count").values_list("stem", flat=True)[:limit])


def write(rows: Sequence[IndexRow]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(WRITE_TEXT, [(row.id, row.text) for row in rows])
        cursor.executemany(
            "INSERT OR REPLACE INTO issues_searchindex (rowid, labels, title, summary, extra, text)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            [(row.id, " ".join(row.labels), *(" ".join(part) for part in row.parts)) for row in rows],
        )


def count_words(counts: Sequence[tuple[str, str, int]]) -> None:
    more = [(word, stem, count, word, SearchWord.COMMON) for word, stem, count in counts if count > 0]
    fewer = [(word, -count) for word, _, count in counts if count < 0]
    with connection.cursor() as cursor:
        cursor.executemany(MORE, more)
        cursor.executemany(GONE, fewer)
        cursor.executemany(FEWER, [(count, word, SearchWord.COMMON) for word, count in fewer])


def delete(ids: Iterable[int]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany("DELETE FROM issues_searchindex WHERE rowid = %s", [(each,) for each in ids])


def clear() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM issues_searchindex")


def tidy() -> None:
    """Nothing: FTS5 merges its segments as it writes."""


def similar_words(word: str, limit: int) -> list[tuple[str, int]]:
    """Trigrams of a short word, and four letters in a row of a longer one, which many fewer words share."""
    padded, letters = f"  {word} ", 3 if len(word) < 6 else 4  # padded as they are stored, so that both ends count
    parts = sorted({padded[start : start + letters] for start in range(len(padded) - letters + 1)})
    with connection.cursor() as cursor:
        cursor.execute(SIMILAR, [" OR ".join(f'"{part}"' for part in parts), limit])
        return list(cursor.fetchall())
