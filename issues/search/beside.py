"""What stands beside the texts of stories, all in one query.

In SQL, as Django takes longer to put as much together than a database to answer it.
"""

from collections import defaultdict
from collections.abc import Collection
from typing import NamedTuple

from django.db import connection

# By kind and in order.
BESIDE = """
    WITH story AS (SELECT id FROM issues_story WHERE id IN ({pks}))
    SELECT story.id, 'topic', topic.id, topic.name, '', '', 0 AS place, 0 AS next_place
    FROM story JOIN issues_storytopic AS item ON item.content_object_id = story.id
    JOIN issues_topic AS topic ON topic.id = item.tag_id
    UNION ALL
    SELECT story.id, 'paper', paper.id, paper.title, paper.arxiv_id, paper.doi, item.position, 0
    FROM story JOIN issues_storypaper AS item ON item.story_id = story.id
    JOIN papers_paper AS paper ON paper.id = item.paper_id
    UNION ALL
    SELECT story.id, 'author', author.id, author.given, author.family, '', item.position, authorship.position
    FROM story JOIN issues_storypaper AS item ON item.story_id = story.id
    JOIN papers_authorship AS authorship ON authorship.paper_id = item.paper_id
    JOIN papers_author AS author ON author.id = authorship.author_id
    UNION ALL
    SELECT story.id, 'resource', resource.id, item.label, resource.title, '', item.position, 0
    FROM story JOIN issues_storyresource AS item ON item.story_id = story.id
    JOIN papers_resource AS resource ON resource.id = item.resource_id
    UNION ALL
    SELECT story.id, 'correction', correction.id, correction.text, '', '', 0, 0
    FROM story JOIN issues_correction AS correction ON correction.story_id = story.id
    ORDER BY 7, 8, 3
"""


class Row(NamedTuple):
    """Of `BESIDE`: a topic with its name, a paper with its title and identifiers and so on; empty where it has no more."""

    pk: int
    first: str
    second: str | None
    third: str | None


def rows_beside(pks: Collection[int]) -> dict[int, defaultdict[str, list[Row]]]:
    """Of each of these stories, by kind. One query."""
    rows: dict[int, defaultdict[str, list[Row]]] = {pk: defaultdict(list) for pk in pks}
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(BESIDE.format(pks=", ".join(["%s"] * len(rows))), list(rows))
            for story, kind, pk, first, second, third, *_ in cursor.fetchall():
                rows[story][kind].append(Row(pk, first, second, third))
    return rows
