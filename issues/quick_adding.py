"""Filing what somebody came across in seconds: a title becomes a story idea, an address or identifier its record."""

from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.text import slugify

from issues.errors import NoSection
from issues.models import Issue, Section, Story
from issues.revising import record_revision
from issues.search.indexing import index_stories
from issues.sources import source_pasted
from issues.writing import set_papers, set_resources, store_story
from papers.errors import BadIdentifier
from papers.models import Paper, Resource
from papers.pasting import named_by
from papers.recognising import recognise
from papers.slugs import free_slug

LONGEST_TITLE = 200  # characters; what else was typed stands in the body
NOTHING_YET = "TK"  # the body of an idea, which preflight lets nobody send


@dataclass(frozen=True)
class Filed:
    """What was found or made; with the story, if one was to be begun."""

    thing: Story | Paper | Resource
    is_new: bool
    story: Story | None = None
    story_is_new: bool = False


def file_idea(text: str, by: User, *, title: str = "", begin: bool = False) -> Filed:
    """File a title, an address or an identifier; what is stored already is found and not filed twice.

    `title` names a new resource, and the story that is begun: of a paper or resource only if `begin` says so. Raises
    PapersError if the user may not add it, NoSection if a story can't stand anywhere.
    """
    text, title = " ".join(text.split()), " ".join(title.split())
    stored = is_stored(text)
    if stored is None:
        note = text if title or len(text) > LONGEST_TITLE else ""
        story, is_new = begin_story(title or text, by, note=note)
        return Filed(story, is_new, story, is_new)
    source = source_pasted(text, by)
    if isinstance(source, Resource) and not stored and title:
        source.title = title[:300]
        source.save(update_fields=["title"])
    if not begin:
        return Filed(source, not stored)
    story, story_is_new = begin_story(title or str(source), by, about=source)
    return Filed(source, not stored, story, story_is_new)


def is_stored(text: str) -> bool | None:
    """Whether the paper or resource that a text names is there already; None if it names none. Two queries at most."""
    try:
        found = recognise(text)
    except BadIdentifier:
        return None
    return named_by(found).exists() or (found.kind == "address" and Resource.objects.at(found.value).exists())


@transaction.atomic
def begin_story(title: str, by: User, *, about: Paper | Resource | None = None, note: str = "") -> tuple[Story, bool]:
    """A draft in the queue, in the first section; or the story to come that has this title, or is about this already."""
    to_come = Story.objects.exclude(issue__in=Issue.objects.published())
    same = to_come.filter(title__iexact=title[:LONGEST_TITLE])
    if about is not None:
        same |= to_come.filter(**{"papers" if isinstance(about, Paper) else "resources": about})
    if known := same.distinct().order_by("pk").first():
        return known, False
    section = Section.objects.first()
    if section is None:
        raise NoSection("A story stands in a section, and there is none yet. Add one under Sections first.")
    slug = free_slug(Story.objects.all(), slugify(title)[:80].strip("-") or "story")
    body = "\n\n".join(filter(None, [note, NOTHING_YET]))
    story = Story(title=title[:LONGEST_TITLE], slug=slug, section=section, body=body)
    store_story(story)
    if isinstance(about, Paper):
        set_papers(story, [about])
    elif about is not None:
        set_resources(story, [(about, "")])
    record_revision(story, editor=by, note="Filed by quick add.")
    index_stories([story.pk])
    return story, True
