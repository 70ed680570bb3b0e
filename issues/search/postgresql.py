"""Searching by PostgreSQL's full text (https://www.postgresql.org/docs/current/textsearch.html) and pg_trgm.

Vectors and queries are written out from our own stems, so that no text search configuration has a part in it. What
takes time is reading vectors, some 10 µs each: the index finds the candidates; vectors are read only of those whose phrases
have to be looked at, newest first until there are enough, and of those that are ranked. A word that very many entries
hold is looked up in an index of the newest alone, as these are all that would be shown.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from issues.models import SearchWord
from issues.search.expressions import MOST_CANDIDATES, Expression, Found, IndexRow, Newest, Phrase

RECENT = 20_000  # entries in the index of the newest; it is cut to this when issues are published
MOST_RANKED = 8  # words of those that a prefix stands for that count for the rank, the commonest
GAP = 100  # positions between the parts of an entry, so that no phrase spans two
AND, FOLLOWED_BY = " & ", " <-> "
PART_WEIGHTS = "ABCD"
WEIGHTS = "'{0.1, 0.2, 0.5, 1.0}'"  # of D, C, B and A
# Sequential scans read every vector; compiling a query or starting more processes takes longer than running it.
SETTINGS = "SET LOCAL enable_seqscan = off; SET LOCAL jit = off; SET LOCAL max_parallel_workers_per_gather = 0"
NEWEST = """
    WITH candidate AS MATERIALIZED (
        SELECT id, vector FROM issues_searchindex
        WHERE {tier} AND vector @@ %(candidates)s::tsquery
        AND id NOT IN (SELECT id FROM issues_searchentry WHERE public_from > %(now)s)
        ORDER BY id DESC LIMIT %(candidate_limit)s
    ), found AS MATERIALIZED (
        SELECT id, {rank} AS rank FROM candidate WHERE {phrases} LIMIT %(limit)s
    )
    SELECT looked_at.count, found.id, entry.labels, found.rank
    FROM (SELECT count(*) FROM candidate) AS looked_at
    LEFT JOIN (found JOIN issues_searchentry AS entry ON entry.id = found.id) ON true
    ORDER BY found.id DESC
"""
# Common words are left out first, one by one: a join, of which the planner thinks the same, reads the whole table.
COUNT = """
    WITH change AS MATERIALIZED (
        SELECT * FROM unnest(string_to_array(%s, ' '), string_to_array(%s, ' '), string_to_array(%s, ' ')::int[])
            AS change (word, stem, count)
        WHERE COALESCE((SELECT known.count FROM issues_searchword AS known WHERE known.word = change.word), 0) < %s
    ), gone AS (
        DELETE FROM issues_searchword AS known USING change
        WHERE known.word = change.word AND change.count < 0 AND known.count <= -change.count
    ), fewer AS (
        UPDATE issues_searchword AS known SET count = known.count + change.count FROM change
        WHERE known.word = change.word AND change.count < 0 AND known.count > -change.count
    )
    INSERT INTO issues_searchword (word, stem, count) SELECT * FROM change WHERE count > 0
    ON CONFLICT (word) DO UPDATE SET count = issues_searchword.count + excluded.count
"""
SIMILAR = """
    SELECT word, count FROM issues_searchword WHERE lower(word) %% %(word)s ORDER BY similarity(word, %(word)s) DESC LIMIT %(limit)s
"""
WRITE = """
    WITH written AS (
        INSERT INTO issues_searchtext (entry_id, text) VALUES (%s, %s)
        ON CONFLICT (entry_id) DO UPDATE SET text = excluded.text
    )
    INSERT INTO issues_searchindex (id, recent, vector)
    VALUES (%s, %s > COALESCE((SELECT max(id) FROM issues_searchindex WHERE NOT recent), 0), %s::tsvector)
    ON CONFLICT (id) DO UPDATE SET vector = excluded.vector
"""
CUT_RECENT = """
    UPDATE issues_searchindex SET recent = false
    WHERE recent AND id < (SELECT id FROM issues_searchindex ORDER BY id DESC OFFSET %s LIMIT 1)
"""

SORT_IN = (
    "SELECT gin_clean_pending_list('issues_searchindex_recent'), gin_clean_pending_list('issues_searchindex_earlier')"
)


def newest(expression: Expression, ranked_by: Sequence[Phrase], limit: int) -> Newest:
    parts = {
        "phrases": "vector @@ %(phrases)s::tsquery" if expression.has_rows else "true",
        "rank": f"ts_rank({WEIGHTS}, vector, %(ranked_by)s::tsquery, 1)" if ranked_by else "0.0::float4",
    }
    parameters: dict[str, Any] = {
        "candidates": as_tsquery(expression, AND),
        "candidate_limit": MOST_CANDIDATES if expression.has_rows else limit,
        "phrases": as_tsquery(expression, FOLLOWED_BY),
        "ranked_by": either([commonest(phrase) for phrase in ranked_by], FOLLOWED_BY),
        "now": timezone.now(),
        "limit": limit,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(SETTINGS)
        cursor.execute(NEWEST.format(tier="recent", **parts), parameters)
        found, looked_at = read(cursor.fetchall())
        if len(found) < limit and looked_at < parameters["candidate_limit"]:
            parameters["limit"] -= len(found)
            parameters["candidate_limit"] -= looked_at
            cursor.execute(NEWEST.format(tier="NOT recent", **parts), parameters)
            earlier, looked_at = read(cursor.fetchall())
            found += earlier
    return Newest(found, len(found) == limit or looked_at < parameters["candidate_limit"])


def read(rows: list[tuple[Any, ...]]) -> tuple[list[Found], int]:
    """From rows of which there is at least one, empty where nothing was found."""
    return [Found(*row[1:]) for row in rows if row[1] is not None], rows[0][0]


def commonest(phrase: Phrase) -> Phrase:
    return Phrase(tuple(alternatives[:MOST_RANKED] for alternatives in phrase.steps))


def as_tsquery(expression: Expression, joint: str) -> str:
    """With AND as joint, what the index alone can answer: that all words of a phrase are there, in whatever order."""
    required = " & ".join(f"({either(phrases, joint)})" for phrases in expression.required)
    excluded = [phrase for phrase in expression.excluded if joint == FOLLOWED_BY or not phrase.in_a_row]
    return f"{required} & !({either(excluded, joint)})" if excluded else required


def either(phrases: Sequence[Phrase], joint: str) -> str:
    return " | ".join(
        joint.join(f"({' | '.join(map(quoted, alternatives))})" for alternatives in phrase.steps) for phrase in phrases
    )


def quoted(lexeme: str) -> str:
    """Neither stems nor labels hold quotes or backslashes."""
    return f"'{lexeme}'"


def completions(prefix: str, limit: int) -> list[str]:
    words = SearchWord.objects.filter(word__startswith=prefix)
    return list(words.order_by("-count").values_list("stem", flat=True)[:limit])


def write(rows: Sequence[IndexRow]) -> None:
    with connection.cursor() as cursor:
        for row in rows:
            cursor.execute(WRITE, [row.id, row.text, row.id, row.id, as_tsvector(row)])


def as_tsvector(row: IndexRow) -> str:
    positions: dict[str, list[str]] = {label: [] for label in row.labels}
    place = 0
    for weight, stems in zip(PART_WEIGHTS, row.parts, strict=True):
        for stem in stems:
            place += 1
            positions.setdefault(stem, []).append(f"{place}{weight}")
        place += GAP
    return " ".join(
        f"{quoted(lexeme)}:{','.join(places)}" if places else quoted(lexeme) for lexeme, places in positions.items()
    )


def count_words(counts: Sequence[tuple[str, str, int]]) -> None:
    with connection.cursor() as cursor:
        columns = (" ".join(map(str, column)) for column in zip(*counts, strict=True))
        cursor.execute(COUNT, [*columns, SearchWord.COMMON])


def delete(ids: Iterable[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM issues_searchindex WHERE id = ANY(%s)", [list(ids)])


def clear() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM issues_searchindex")


def tidy() -> None:
    """Cut the index of the newest to its size, and sort in what was written since."""
    with connection.cursor() as cursor:
        cursor.execute(CUT_RECENT, [RECENT])
        cursor.execute(SORT_IN)


def similar_words(word: str, limit: int) -> list[tuple[str, int]]:
    with connection.cursor() as cursor:
        cursor.execute(SIMILAR, {"word": word, "limit": limit})
        return list(cursor.fetchall())
