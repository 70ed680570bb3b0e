"""What the checks look at: an issue with its texts rendered once, as they are stored."""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from issues.emailing import IssueEmail, render_issue_email
from issues.html_tree import Element, parse
from issues.models import Image, Issue, Publication, Story
from issues.rendering import Rendered, Surroundings, find_surroundings, render_for_web
from papers.admin_addresses import change_page

RECENT = 8  # issues that say what is usual


@dataclass(frozen=True)
class Text:
    """A Markdown text of the issue; `name` goes into sentences, `address` is where it is edited."""

    name: str
    address: str
    source: str
    rendered: Rendered
    story: Story | None = None

    @cached_property
    def tree(self) -> Element:
        return parse(self.rendered.html)


@dataclass(frozen=True)
class Material:
    """`stories` are in reading order, each with what an email shows of it; `recent` are published issues, newest first."""

    issue: Issue
    publication: Publication
    stories: list[Story]
    texts: list[Text]
    surroundings: Surroundings
    recent: list[Issue]
    today: datetime.date

    @cached_property
    def email(self) -> IssueEmail:
        return render_issue_email(self.issue, self.stories)

    @property
    def page(self) -> str:
        """Where the issue is put together."""
        return address_of(self.issue)

    def field(self, name: str) -> str:
        return address_of(self.issue, name)

    def words(self) -> Iterator[tuple[str, str, str]]:
        """All that readers are given to read: name, text and address of each piece."""
        for name in ("title", "summary", "subject", "preheader"):
            yield f"The issue’s {name}", getattr(self.issue, name), self.field(name)
        for story in self.stories:
            for name in ("title", "summary"):
                yield f"The {name} of “{story.title}”", getattr(story, name), address_of(story, name)
        for text in self.texts:
            yield capitalised(text.name), text.source, text.address

    def pictures(self) -> list[tuple[Image, Text]]:
        """The stored pictures that the texts show, each with the first text that shows it."""
        found: dict[str, tuple[Image, Text]] = {}
        for text in self.texts:
            for source, image in self.surroundings.images.items():
                if f"({source}" in text.source:
                    found.setdefault(source, (image, text))
        return list(found.values())


def gather(issue: Issue) -> Material:
    """Read and render an issue: a number of queries that doesn't grow with its stories. Raises BadMarkdown."""
    stories = list(issue.stories.in_reading_order().for_page())
    around = find_surroundings([issue.intro, issue.outro, *(story.body for story in stories)], issue)

    def text(name: str, thing: Issue | Story, field: str, scope: str) -> Text:
        source = getattr(thing, field)
        rendered = render_for_web(source, scope=scope, surroundings=around)
        return Text(name, address_of(thing, field), source, rendered, thing if isinstance(thing, Story) else None)

    texts = [
        text("the intro", issue, "intro", "intro"),
        *(text(f"the story “{story.title}”", story, "body", story.slug) for story in stories),
        text("the outro", issue, "outro", "outro"),
    ]
    publication = Publication.objects.current()
    recent = list(Issue.objects.published().exclude(pk=issue.pk).order_by("-number")[:RECENT])
    return Material(issue, publication, stories, texts, around, recent, publication.today())


def address_of(thing: Any, field: str = "") -> str:
    """The page of the admin where it is changed, at the field."""
    address = change_page(thing)
    return f"{address}#id_{field}" if field else address


def capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]
