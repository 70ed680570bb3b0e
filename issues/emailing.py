"""The email of an issue: one rendering for all readers, with a mark where they differ."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import css_inline
from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.safestring import mark_safe

from issues.addresses import absolute
from issues.models import Issue, Publication, Section, Story
from issues.plain_text import as_plain_text
from issues.rendering import Surroundings, find_surroundings, render_for_email
from papers.models import Author, Paper, ResourceKind

# Stands for each reader's own address to unsubscribe, in characters that no text uses.
UNSUBSCRIBE_URL = "\ue000unsubscribe_url\ue001"
MERGE_FIELDS = (UNSUBSCRIBE_URL,)

LONGEST_SUBJECT = 200  # characters
STORIES_WITHOUT_CONTENTS = 3
NAMED_AUTHORS = 3
CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
# Fills the inbox's preview line, so that the masthead doesn't follow the preheader there. Invisible: a figure space
# and a combining grapheme joiner, which mail programs neither collapse nor break.
PREHEADER_PADDING = "\u2007\u034f" * 100

inliner = css_inline.CSSInliner(
    keep_at_rules=True, remove_inlined_selectors=True, load_remote_stylesheets=False, minify_css=True
)


@dataclass(frozen=True)
class IssueEmail:
    """What goes to all readers; `html` and `text` hold the merge fields, `parts` is what `text` is made of."""

    subject: str
    html: str
    text: str
    parts: list["Part"]


@dataclass(frozen=True)
class Part:
    """A part of the email in its two forms; the text is made from the HTML."""

    name: str
    story_id: int | None  # of one that is a story
    html: str
    text: str


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
    subject = subject_of(issue, publication, stories)
    preheader = one_line(issue.preheader or issue.summary or " · ".join(story.title for story in stories))
    return put_together(issue, publication, subject, preheader, parts_of(issue, stories))


def put_together(issue: Issue, publication: Publication, subject: str, preheader: str, parts: list[Part]) -> IssueEmail:
    """The parts between masthead and footer, with the styles in their places. No query."""
    context = {
        "issue": issue,
        "publication": publication,
        "subject": subject,
        "preheader": preheader,
        "padding": PREHEADER_PADDING,
        "parts": parts,
        "issue_url": absolute(issue.get_absolute_url()),
        "home_url": absolute(reverse("issues:home")),
        "archive_url": absolute(reverse("issues:issues")),
        "unsubscribe_url": UNSUBSCRIBE_URL,
    }
    with translation.override(settings.LANGUAGE_CODE):  # whoever asks: dates have names of months
        html = inliner.inline(render_to_string("emails/issue/body.html", context))
        text = render_to_string("emails/issue/body.txt", context)
    return IssueEmail(subject, html, text, parts)


def subject_of(issue: Issue, publication: Publication, stories: Sequence[Story]) -> str:
    """The issue's own subject, else one from its number and title; on one line, since it becomes a header."""
    title = issue.title or (stories[0].title if stories else "")
    subject = one_line(issue.subject) or one_line(f"{publication.short_name} #{issue.number}: {title}").rstrip(": ")
    return subject if len(subject) <= LONGEST_SUBJECT else subject[: LONGEST_SUBJECT - 1].rstrip() + "…"


def parts_of(issue: Issue, stories: Sequence[Story]) -> list[Part]:
    """Title, intro and contents; each story; the outro."""
    contents = stories if len(stories) > STORIES_WITHOUT_CONTENTS else []
    around = find_surroundings([issue.intro, issue.outro, *(story.body for story in stories)], issue)
    intro = render_for_email(issue.intro, scope="intro", surroundings=around)
    parts = [part("Opening", "_opening.html", issue=issue, body=mark_safe(intro), contents=contents)]
    section_id = None
    for story in stories:
        section = story.section if story.section_id != section_id else None
        parts.append(story_part(story, section, around))
        section_id = story.section_id
    if issue.outro:
        outro = render_for_email(issue.outro, scope="outro", surroundings=around)
        parts.append(part("Closing", "_closing.html", body=mark_safe(outro)))
    return parts


def story_part(story: Story, section: Section | None, surroundings: Surroundings) -> Part:
    """A story after the name of the section that it opens, if it opens one."""
    kinds = list(ResourceKind)
    links = sorted(story.story_resources.all(), key=lambda link: kinds.index(ResourceKind(link.resource.kind)))
    return part(
        story.title,
        "_story.html",
        story=story,
        section=section,
        address=absolute(story.get_absolute_url()),
        body=mark_safe(render_for_email(story.body, scope=story.slug, surroundings=surroundings)),
        papers=[paper_line(link.paper) for link in story.story_papers.all()],
        links=links,
    )


def part(name: str, template: str, *, story: Story | None = None, **context: object) -> Part:
    html = render_to_string(f"emails/issue/{template}", {"story": story, **context})
    return Part(name, story.pk if story else None, mark_safe(html), as_plain_text(html))


def paper_line(paper: Paper) -> PaperLine:
    details = [shorten_authors(paper.authors_in_order()), paper.container_title, paper.year]
    return PaperLine(str(paper), paper.link or absolute(paper.get_absolute_url()), ", ".join(filter(None, details)))


def shorten_authors(authors: list[Author]) -> str:
    """Family names: all up to four, else the first three “and 28 others”."""
    names = [author.family for author in authors]
    if len(names) > NAMED_AUTHORS + 1:
        names = [*names[:NAMED_AUTHORS], f"{len(names) - NAMED_AUTHORS} others"]
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def one_line(text: str) -> str:
    """Without control characters and newlines, which must never reach a header (RFC 5322)."""
    return " ".join(CONTROL_CHARACTERS.sub(" ", text).split())
