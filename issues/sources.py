"""What a story is about and links to: papers and resources, from what an editor pastes to the rows of a form."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AnonymousUser, User

from issues.models import Story, StoryPaper
from papers.errors import NothingToLookUp, PapersError
from papers.guessing import guess_kind, guess_title
from papers.models import Lookup, LookupState, Paper, Resource, ResourceKind
from papers.pasting import paper_pasted
from papers.queueing import request_lookup

LONGEST_PASTE = 2000  # characters of one line
NAMED_AUTHORS = 3


class MayNotAdd(PapersError):
    """This user may not store what was pasted."""


@dataclass(frozen=True)
class PaperRow:
    """A paper in a story's form: who wrote it, where it was told of before, and what became of looking it up."""

    paper: Paper
    authors: str
    covered_in: list[Story]
    lookup: Lookup | None

    @property
    def key(self) -> int:
        return self.paper.pk

    @property
    def is_waiting(self) -> bool:
        return self.lookup is not None and self.lookup.state == LookupState.WAITING


@dataclass(frozen=True)
class ResourceRow:
    """A resource in a story's form, under the title and kind that stand there."""

    resource: Resource
    title: str
    kind: str

    kinds = ResourceKind.choices

    @property
    def key(self) -> int:
        return self.resource.pk


def source_pasted(text: str, by: User | AnonymousUser) -> Paper | Resource:
    """The paper or resource that a line names, stored if it is new; a new paper is looked up by the next worker.

    An address without an identifier in it is a resource. Raises PapersError.
    """
    text = text.strip()[:LONGEST_PASTE]
    try:
        paper, is_new = paper_pasted(text, save=False)
    except NothingToLookUp as error:
        return resource_at(error.address, by)
    if not is_new:
        return paper
    if not by.has_perm("papers.add_paper"):
        raise MayNotAdd("This paper is not stored yet, and you may not add papers. Ask an editor to add it.")
    paper, is_new = paper_pasted(text)
    if is_new:
        request_lookup(paper, by=by if isinstance(by, User) else None)
    return paper


def resource_at(url: str, by: User | AnonymousUser) -> Resource:
    """The resource at a normalised address, made with a guessed title and kind if there is none. Raises MayNotAdd."""
    known = Resource.objects.at(url).first()
    if known is not None:
        return known
    if not by.has_perm("papers.add_resource"):
        raise MayNotAdd("This address is not stored yet, and you may not add resources. Ask an editor to add it.")
    return Resource.objects.get_or_create(url=url, defaults={"title": guess_title(url), "kind": guess_kind(url)})[0]


def paper_rows(keys: Sequence[Any], *, story: Story | None = None) -> list[PaperRow]:
    """The rows of these papers, in this order; `story` is the one that doesn't count as covering them. Five queries."""
    papers = Paper.objects.with_authors().in_bulk([int(key) for key in keys])
    covering = StoryPaper.objects.filter(paper__in=papers, story__issue__isnull=False)
    covered: dict[int, list[Story]] = {}
    for row in (
        covering.exclude(story=story and story.pk).select_related("story__issue").order_by("story__issue__number")
    ):
        covered.setdefault(row.paper_id, []).append(row.story)
    lookups = {lookup.paper_id: lookup for lookup in Lookup.objects.filter(paper__in=papers).order_by("requested_at")}
    return [
        PaperRow(papers[key], names_of(papers[key]), covered.get(key, []), lookups.get(key))
        for key in map(int, keys)
        if key in papers
    ]


def names_of(paper: Paper) -> str:
    names = [str(author) for author in paper.authors_in_order()]
    return ", ".join(names[:NAMED_AUTHORS]) + (
        f" and {len(names) - NAMED_AUTHORS} more" if names[NAMED_AUTHORS:] else ""
    )


def resource_rows(values: Sequence[Sequence[Any]]) -> list[ResourceRow]:
    """The rows of these resources: each value is its id, the title in this story and its kind. One query."""
    resources = Resource.objects.in_bulk([int(key) for key, *_ in values])
    return [
        ResourceRow(resources[key], label or resources[key].title, kind or resources[key].kind)
        for key, label, kind in ((int(key), label, kind) for key, label, kind in values)
        if key in resources
    ]


def name_resource(resource: Resource, title: str, kind: str, *, may_change: bool = True) -> str:
    """Give a resource the kind, and its first title, from a story's form; return what the story calls it: "" for the same.

    One that still goes by its address takes the first title that it is given. Another title is the story's own, as is
    every title where `may_change` says that the resource itself may not be changed.
    """
    changed = []
    if may_change and kind != resource.kind:
        resource.kind = kind
        changed.append("kind")
    if may_change and title and title != resource.title and resource.title == guess_title(resource.url):
        resource.title = title
        changed.append("title")
    if changed:
        resource.save(update_fields=changed)
    return "" if title in {"", resource.title} else title
