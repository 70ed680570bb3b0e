"""Arranging an issue: which stories stand in it, in which section and order, as somebody has put them on a board.

A board is a list of tokens, as a form sends them in the order of the page: `section:3` and `queue` open a list, and
`story:17` stands in the list before it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q

from issues.errors import BadBoard
from issues.models import Issue, Section, Story
from issues.writing import arrange, hold, save_story

QUEUE = "queue"
SHOWN_QUEUE = 100  # stories, the approved first, then what was changed last


@dataclass(frozen=True)
class Board:
    """The lists in their order, each with the numbers of its stories; None is the queue."""

    lists: dict[int | None, list[int]]

    def place_of(self, story_id: int) -> int | None:
        """The section that a story stands in; None if in the queue, or not on the board."""
        return next((section for section, ids in self.lists.items() if story_id in ids), None)

    @property
    def story_ids(self) -> list[int]:
        """Those in the issue, in reading order."""
        return [story_id for section, ids in self.lists.items() if section is not None for story_id in ids]

    @property
    def tokens(self) -> list[str]:
        tokens = []
        for section, ids in self.lists.items():
            tokens += [QUEUE if section is None else f"section:{section}", *(f"story:{story_id}" for story_id in ids)]
        return tokens


def board_of(issue: Issue) -> tuple[Board, dict[int, Story]]:
    """The issue as it is stored, with the queue beside it, and all stories by their numbers. Three queries."""
    sections = list(Section.objects.all())
    queue = list(Story.objects.queued().for_board().approved_first()[:SHOWN_QUEUE])
    stories = list(Story.objects.filter(issue=issue).for_board().in_reading_order()) if issue.pk else []
    lists: dict[int | None, list[int]] = {
        section.pk: [story.pk for story in stories if story.section_id == section.pk] for section in sections
    }
    lists[None] = [story.pk for story in queue]
    return Board(lists), {story.pk: story for story in [*stories, *queue]}


def read_board(tokens: Iterable[str]) -> Board:
    """Raises BadBoard for what no page of ours sends."""
    lists: dict[int | None, list[int]] = {}
    current: list[int] | None = None
    for token in tokens:
        kind, _, number = token.partition(":")
        if token == QUEUE or (kind == "section" and number.isdecimal()):
            current = lists.setdefault(None if token == QUEUE else int(number), [])
        elif kind == "story" and number.isdecimal() and current is not None:
            current.append(int(number))
        else:
            raise BadBoard(f"“{token[:40]}” is no place of an issue. Load the page again.")
    return Board(lists)


def move(board: Board, step: str) -> Board:
    """The board after one step: `up:17`, `down:17`, `queue:17` or, with a section's number, `3:17`. Raises BadBoard."""
    where, _, number = step.partition(":")
    story_id = int(number) if number.isdecimal() else 0
    lists = {section: list(ids) for section, ids in board.lists.items()}
    here = next((ids for ids in lists.values() if story_id in ids), None)
    if here is None:
        raise BadBoard("This story is not on the page any more. Load it again.")
    index = here.index(story_id)
    here.remove(story_id)
    if where in {"up", "down"}:
        here.insert(max(index - 1, 0) if where == "up" else index + 1, story_id)
        return Board(lists)
    there = None if where == QUEUE else int(where) if where.isdecimal() else -1
    if there not in lists:
        raise BadBoard("This section is not there any more. Load the page again.")
    lists[there].append(story_id)
    return Board(lists)


@transaction.atomic
def rearrange(issue: Issue, before: Board, after: Board, *, editor: User | None = None) -> list[Story]:
    """Make the issue what the board shows; return the stories that came or went.

    `before` is what the board showed at first: only what was changed on it is changed, so that what somebody else has
    done meanwhile stays. Stories that another issue has by now are left alone. The caller holds the issue's row, if it
    has one.
    """
    if before == after:
        return []
    on_board = {story_id for board in (before, after) for ids in board.lists.values() for story_id in ids}
    changed = [each for each in on_board if before.place_of(each) != after.place_of(each)]
    here_or_free = Q(issue=None) | Q(issue=issue)
    sections = set(Section.objects.values_list("pk", flat=True))
    moved = []
    hold(Story.objects.filter(pk__in=changed))  # Saving writes their texts, too: what somebody saves now has to wait.
    for story in Story.objects.filter(here_or_free, pk__in=changed):
        section = after.place_of(story.pk)
        was_here = story.issue_id == issue.pk
        if section is not None and section in sections:
            story.section_id, story.issue = section, issue
        else:
            story.issue = None
        if not was_here or story.issue is None:
            story.position = None
            moved.append(story)
        save_story(story, editor=editor)
    put_in_order(issue, after.story_ids)
    return moved


def put_in_order(issue: Issue, story_ids: Sequence[int]) -> None:
    """By section, then as in the list; what isn't in the list comes last in its section."""
    order = {story_id: index for index, story_id in enumerate(story_ids)}
    stories = list(Story.objects.filter(issue=issue).select_related("section").in_reading_order())
    wanted = sorted(
        stories,
        key=lambda story: (story.section.position, story.section_id, order.get(story.pk, len(order)), story.position),
    )
    if [story.position for story in wanted] != list(range(1, len(wanted) + 1)):
        arrange(issue, wanted)


def stories_on(board: Board, issue: Issue) -> list[Story]:
    """The stories as the issue would have them, unsaved, with what an email shows of them."""
    here_or_free = Q(issue=None) | Q(issue=issue)
    found = {story.pk: story for story in Story.objects.for_page().filter(here_or_free, pk__in=board.story_ids)}
    sections = Section.objects.in_bulk()
    stories = [found[story_id] for story_id in board.story_ids if story_id in found]
    for story in stories:
        story.section = sections.get(board.place_of(story.pk) or 0, story.section)
    return sorted(stories, key=lambda story: (story.section.position, story.section_id))
