"""Threads: a story with what it refers to, what follows up on it, and so on, as far as one page can show it."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db.models import Q

from issues.models import Issue, Reference, Story
from issues.references import without_repeats

DEEPEST = 5  # steps from the story
MOST = 60  # stories and issues, and references in a step

Text = Story | Issue


@dataclass(frozen=True)
class Knot:
    """A story or an issue of a thread, with the references that it makes to others of the thread."""

    text: Text
    references: list[Reference]

    @property
    def issue(self) -> Issue | None:
        return issue_of(self.text)


@dataclass(frozen=True)
class Thread:
    knots: list[Knot]  # the oldest first
    may_go_on: bool  # beyond what is shown


def thread_of(story: Story) -> Thread:
    """Follow the references that a published story makes, and those to it or its issue. A query for each step.

    What refers to one of its references is no part of the thread, nor is what is referred to by a follow-up alone. A
    reference to an issue ends there: nobody can tell which of its stories is meant.
    """
    texts: dict[Text, None] = {story: None}
    found: list[Reference] = []
    back, forth = [story], [story]
    for _ in range(DEEPEST):
        references = references_around(back, forth)
        found += references
        targets: dict[Text, None] = {each.target: None for each in references if each.source in back and each.target}
        sources = {each.source: None for each in references if each.source not in back}
        back = [target for target in targets if isinstance(target, Story) and target not in texts]
        forth = [source for source in sources if source not in texts]
        texts |= targets
        texts |= dict.fromkeys(sources)
        if len(texts) > MOST or not back + forth:
            break
    return Thread(knots_of(texts, found), may_go_on=bool(back or forth))


def references_around(back: Collection[Story], forth: Collection[Story]) -> list[Reference]:
    """References from the stories of `back`, and to those of `forth` or their issues, with both ends. One query."""
    ends = Q(source__in=back), Q(target_story__in=forth), Q(target_issue__in=[story.issue_id for story in forth])
    found = Reference.objects.from_published().with_an_end(*ends)
    return [each for each in found[:MOST] if each.target is not None and each.target.is_public]


def knots_of(texts: Collection[Text], references: Iterable[Reference]) -> list[Knot]:
    """By date; without the issues that a story of theirs stands for, and each sentence once."""
    told = {text.issue_id for text in texts if isinstance(text, Story)}
    shown = [text for text in texts if isinstance(text, Story) or text.pk not in told]
    sentences: dict[Text, list[Reference]] = {}
    for each in without_repeats(references):
        if each.target in shown or each.target_issue_id in told:
            sentences.setdefault(each.source, []).append(each)
    knots = [Knot(text, sentences.get(text, [])) for text in shown]
    return sorted(
        knots, key=lambda knot: (knot.issue.number if knot.issue else 0, getattr(knot.text, "position", 0) or 0)
    )


def issue_of(text: Text) -> Issue | None:
    return text.issue if isinstance(text, Story) else text
