"""The email of an issue: one rendering for all readers, with a mark where they differ."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import mark_safe
from django.utils.text import get_text_list

from issues.addresses import absolute
from issues.errors import BadMarkdown
from issues.models import Issue, Publication, Section, Story, TopicAlias
from issues.plain_text import as_plain_text
from issues.rendering import Surroundings, find_surroundings, render_for_email
from issues.variants import (
    CHOSEN_NAMES,
    CHOSEN_SUBJECT,
    CHOSEN_TITLES,
    END,
    IF_CHOSEN,
    IF_MANY,
    IF_WHOLE,
    STORIES_WITHOUT_CONTENTS,
    shown_if,
    shown_unless,
    story_facts,
)
from papers.models import Author, Paper, ResourceKind

# They stand for each reader's own addresses, in characters that no text uses.
UNSUBSCRIBE_URL = "\ue000unsubscribe_url\ue001"
PREFERENCES_URL = "\ue000preferences_url\ue001"
MERGE_FIELDS = (UNSUBSCRIBE_URL, PREFERENCES_URL)

MARK_CHARACTERS = re.compile("[\ue000\ue001]")

LONGEST_SUBJECT = 200  # characters
NAMED_AUTHORS = 3
MARKS = {
    "whole": IF_WHOLE,
    "chosen": IF_CHOSEN,
    "many": IF_MANY,
    "end": END,
    "subject": CHOSEN_SUBJECT,
    "names": CHOSEN_NAMES,
    "titles": CHOSEN_TITLES,
}
CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
# Fills the inbox's preview line, so that the masthead doesn't follow the preheader there. Invisible: a figure space
# and a combining grapheme joiner, which mail programs neither collapse nor break.
PREHEADER_PADDING = "\u2007\u034f" * 100


@dataclass(frozen=True)
class IssueEmail:
    """What goes to all readers; `html` and `text` hold the merge fields and the marks of `variants`.

    `parts` is what `text` is made of, `stories` the `story_facts` of each, in reading order.
    """

    subject: str
    html: str
    text: str
    parts: list["Part"]
    stories: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Part:
    """A part of the email in its two forms; the text is made from the HTML."""

    name: str
    story_id: int | None  # of one that is a story
    html: str
    text: str
    mark: str = ""  # what it needs to be shown


@dataclass(frozen=True)
class PaperLine:
    """A paper in a story's list."""

    title: str
    address: str
    details: str


def render_issue_email(issue: Issue, stories: Sequence[Story] | None = None) -> IssueEmail:
    """Render an issue as it stands in the database; the same issue gives the same email.

    `stories`, from `for_page()`, are for a preview with others than the issue has. A number of queries that doesn't
    grow with the stories. Raises BadMarkdown.
    """
    publication = Publication.objects.current()
    if stories is None:
        stories = list(issue.stories.in_reading_order().for_page())
    require_no_marks([publication, issue, *stories])
    subject = subject_of(issue, publication, stories)
    preheader = one_line(issue.preheader or issue.summary or " · ".join(story.title for story in stories))
    email = put_together(issue, publication, subject, preheader, parts_of(issue, stories))
    return replace(email, stories=facts_of(issue, publication, stories))


def require_no_marks(things: Iterable[Any]) -> None:
    """Raise BadMarkdown if a title or name, of theirs or of what they show, holds the characters of our marks.

    It could pass for a mark, and so hide the link to unsubscribe, or put a reader's own link where it doesn't belong.
    """
    for thing in things:
        texts = [text for text in vars(thing).values() if isinstance(text, str)]
        if isinstance(thing, Story):
            texts += [topic["name"] for topic in topics_of(thing)]
            links, papers = thing.story_resources.all(), thing.papers.all()
            authors = [author for paper in papers for author in paper.authors_in_order()]
            require_no_marks([thing.section, *papers, *authors, *links, *(link.resource for link in links)])
        if any(MARK_CHARACTERS.search(text) for text in texts):
            raise BadMarkdown(f"“{thing}” holds an invisible character (U+E000 or U+E001). Type that text anew.")


def put_together(issue: Issue, publication: Publication, subject: str, preheader: str, parts: list[Part]) -> IssueEmail:
    """The parts between masthead and footer, with the styles in their places. No query."""
    context = {
        "issue": issue,
        "publication": publication,
        "subject": subject,
        "preheader": preheader,
        "padding": PREHEADER_PADDING,
        "parts": parts,
        "marks": MARKS,
        "issue_url": absolute(issue.get_absolute_url()),
        "home_url": absolute(reverse("issues:home")),
        "archive_url": absolute(reverse("issues:issues")),
        "unsubscribe_url": UNSUBSCRIBE_URL,
        "preferences_url": PREFERENCES_URL,
    }
    html = with_inlined_css(render_to_string("emails/issue/body.html", context))
    text = render_to_string("emails/issue/body.txt", context)
    return IssueEmail(subject, html, text, parts)


def with_inlined_css(html: str) -> str:
    """The page with its styles at their elements, where mail programs look for them."""
    import css_inline  # Here, because it takes 2 MB of each process, and few of them render mails.

    return css_inline.inline(
        html, keep_at_rules=True, remove_inlined_selectors=True, load_remote_stylesheets=False, minify_css=True
    )


def subject_of(issue: Issue, publication: Publication, stories: Sequence[Story]) -> str:
    """The issue's own subject, else one from its number and title; on one line, since it becomes a header."""
    title = issue.title or (stories[0].title if stories else "")
    subject = one_line(issue.subject) or one_line(f"{publication.short_name} #{issue.number}: {title}").rstrip(": ")
    return subject if len(subject) <= LONGEST_SUBJECT else subject[: LONGEST_SUBJECT - 1].rstrip() + "…"


def facts_of(issue: Issue, publication: Publication, stories: Sequence[Story]) -> list[dict[str, Any]]:
    """What each story is about, under all names that its topics have or had, for readers who choose. One query."""
    slugs = {topic["slug"] for story in stories for topic in topics_of(story)}
    aliases = TopicAlias.objects.filter(topic__slug__in=slugs).values_list("topic__slug", "slug")
    return [
        story_facts(
            story.title,
            subject_of(issue, publication, [story]),
            {section_key(story.section.slug): story.section.name}
            | {
                topic_key(slug): topic["name"]
                for topic in topics_of(story)
                for slug in [topic["slug"], *(alias for slug, alias in aliases if slug == topic["slug"])]
            },
        )
        for story in stories
    ]


def topics_of(story: Story) -> list[dict[str, str]]:
    return story.topic_rows  # type: ignore[attr-defined,no-any-return]  # for_page()


def section_key(slug: str) -> str:
    return f"section/{slug}"


def topic_key(slug: str) -> str:
    return f"topic/{slug}"


def parts_of(issue: Issue, stories: Sequence[Story]) -> list[Part]:
    """Title, intro and contents; each story; the outro."""
    around = find_surroundings([issue.intro, issue.outro, *(story.body for story in stories)], issue)
    parts = [opening_part(issue, stories, around)]
    earlier: list[int] = []  # numbers of the stories before it in the same section
    for number, story in enumerate(stories, 1):
        if number > 1 and story.section_id != stories[number - 2].section_id:
            earlier = []
        parts.append(story_part(story, number, earlier, around))
        earlier = [*earlier, number]
    if issue.outro:
        outro = render_for_email(issue.outro, scope="outro", surroundings=around)
        parts.append(part("Closing", "_closing.html", body=mark_safe(outro)))
    return parts


def opening_part(issue: Issue, stories: Sequence[Story], surroundings: Surroundings) -> Part:
    intro = render_for_email(issue.intro, scope="intro", surroundings=surroundings)
    opening = part("Opening", "_opening.html", issue=issue, body=mark_safe(intro))
    if len(stories) <= STORIES_WITHOUT_CONTENTS:
        return opening
    numbered = groupby(enumerate(stories, 1), key=lambda line: line[1].section)
    sections = [contents_of(section, list(lines)) for section, lines in numbered]
    contents = {
        form: render_to_string(f"emails/issue/_contents.{form}", {"sections": sections, "marks": MARKS})
        for form in ("html", "txt")
    }
    return replace(opening, html=mark_safe(opening.html + contents["html"]), text=opening.text + contents["txt"])


def contents_of(section: Section, lines: list[tuple[int, Story]]) -> dict[str, Any]:
    return {
        "name": section.name,
        "mark": shown_if(number for number, _ in lines),
        "lines": [
            {
                "mark": shown_if([number]),
                "title": story.title,
                "text": as_plain_text(format_html("<ul><li>{}</li></ul>", story.title)),
            }
            for number, story in lines
        ],
    }


def story_part(story: Story, number: int, earlier: list[int], surroundings: Surroundings) -> Part:
    """A story after the name of its section, where none of the earlier ones in it is there to bring that."""
    opens, follows = story_title(story, story.section), story_title(story, None)
    kinds = list(ResourceKind)
    links = sorted(story.story_resources.all(), key=lambda link: kinds.index(ResourceKind(link.resource.kind)))
    body = render_to_string(
        "emails/issue/_story_body.html",
        {
            "body": mark_safe(render_for_email(story.body, scope=story.slug, surroundings=surroundings)),
            "papers": [paper_line(paper) for paper in story.papers.all()],
            "links": links,
        },
    )
    title, text = opens, as_plain_text(opens + body)
    if earlier:
        unless, here = shown_unless(earlier), shown_if(earlier)
        title = f"<!--{unless}-->{opens}<!--{END}--><!--{here}-->{follows}<!--{END}-->"
        text = f"{unless}{text}{END}{here}{as_plain_text(follows + body)}{END}"
    return Part(story.title, story.pk, mark_safe(title + body), text, mark=shown_if([number]))


def story_title(story: Story, section: Section | None) -> str:
    context = {"story": story, "section": section, "address": absolute(story.get_absolute_url())}
    return str(render_to_string("emails/issue/_story_title.html", context))


def part(name: str, template: str, **context: object) -> Part:
    html = render_to_string(f"emails/issue/{template}", context)
    return Part(name, None, mark_safe(html), as_plain_text(html))


def paper_line(paper: Paper) -> PaperLine:
    details = [shorten_authors(paper.authors_in_order()), paper.container_title, paper.year]
    return PaperLine(str(paper), paper.link or absolute(paper.get_absolute_url()), ", ".join(filter(None, details)))


def shorten_authors(authors: list[Author]) -> str:
    """Family names: all up to four, else the first three “and 28 others”."""
    names = [author.family for author in authors]
    if len(names) > NAMED_AUTHORS + 1:
        names = [*names[:NAMED_AUTHORS], f"{len(names) - NAMED_AUTHORS} others"]
    return get_text_list(names, "and")


def one_line(text: str) -> str:
    """Without control characters and newlines, which must never reach a header (RFC 5322)."""
    return " ".join(CONTROL_CHARACTERS.sub(" ", text).split())
