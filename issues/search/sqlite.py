"""Searching by SQLite's FTS5 (https://www.sqlite.org/fts5.html).

Its tokeniser gets stems between spaces and has nothing left to do. Row ids sort by date, and FTS5 keeps its lists of
rows in that order, so the newest matches come first without sorting.
"""

from collections.abc import Iterable, Sequence
from itertools import product

from django.db import connection
from django.utils import timezone

from issues.models import SearchWord
from issues.search.expressions import Expression, Found, IndexRow, Newest, Phrase

# Of labels, title, summary, extra and text.
WEIGHTS = "0.0, 10.0, 5.0, 2.0, 1.0"
NEWEST = """
    SELECT found.rowid, entry.labels, {rank}
    FROM issues_searchindex AS found CROSS JOIN issues_searchentry AS entry ON entry.id = found.rowid
    WHERE found.issues_searchindex MATCH %s AND entry.public_from <= %s
    ORDER BY found.rowid DESC LIMIT %s
"""
MORE = """
    INSERT INTO issues_searchword (word, stem, count)
    SELECT %s, %s, %s WHERE COALESCE((SELECT count FROM issues_searchword WHERE word = %s), 0) < %s
    ON CONFLICT (word) DO UPDATE SET count = issues_searchword.count + excluded.count
"""
GONE = "DELETE FROM issues_searchword WHERE word = %s AND count <= %s"
FEWER = "UPDATE issues_searchword SET count = count - %s WHERE word = %s AND count < %s"
SIMILAR = """
    SELECT known.word, known.count
    FROM issues_searchwordtrigrams AS found CROSS JOIN issues_searchword AS known ON known.id = found.rowid
    WHERE found.issues_searchwordtrigrams MATCH %s ORDER BY found.rank LIMIT %s
"""


def newest(expression: Expression, ranked_by: Sequence[Phrase], limit: int) -> Newest:
    rank = f"-bm25(issues_searchindex, {WEIGHTS})" if ranked_by else "0.0"
    with connection.cursor() as cursor:
        cursor.execute(NEWEST.format(rank=rank), [as_match(expression), timezone.now(), limit])
        return Newest([Found(*row) for row in cursor.fetchall()])


def as_match(expression: Expression) -> str:
    """In FTS5's language, every word quoted."""
    required = " AND ".join(f"({either(phrases)})" for phrases in expression.required)
    return f"({required}) NOT ({either(expression.excluded)})" if expression.excluded else required


def either(phrases: Sequence[Phrase]) -> str:
    return " OR ".join(f'"{" ".join(words)}"' for phrase in phrases for words in product(*phrase.steps))


def completions(prefix: str, limit: int) -> list[str]:
    """By a range, as SQLite uses no index for LIKE."""
    words = SearchWord.objects.filter(word__gte=prefix, word__lt=prefix + "\U0010ffff")
    return list(words.order_by("-count").values_list("stem", flat=True)[:limit])


def write(rows: Sequence[IndexRow]) -> None:
    with connection.cursor() as cursor:
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
