"""Markdown to sanitised HTML: one renderer for the page, the preview, the feed and the email."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from issues.errors import BadMarkdown
from issues.models import Image, Issue, Publication, Story
from issues.models.image import FIGURES_FOLDER
from issues.render_context import (
    STORY_PATTERN,
    Medium,
    Problem,
    RenderContext,
    Target,
    issue_pattern,
    reference_key,
)
from issues.text_blocks import count_words, sentence_around, text_blocks

# The parser's time grows with the square of what it holds at once (Python-Markdown #798). These limits keep it to about
# two seconds for the worst text, and are far above what a story needs.
MAX_LENGTH = 120_000  # characters: some 20,000 words
MAX_LINES = 3_000
MAX_BRACKETS = 1_000  # that open
MAX_DOLLARS = 4_000  # around formulas
# Of the lengths of all blocks between blank lines: one of 14,000 characters, or two hundred of 1,000.
MAX_SQUARES = 200_000_000
MAX_REFERENCES = 500
# In XML, hence in feeds; and the two that emails mark what differs by reader with, such as their own links.
UNREADABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ue000\ue001\ufffe\uffff]")
FIGURE_NAME = re.compile(rf"{FIGURES_FOLDER}([\w.-]+)")
RAW_HTML = re.compile(
    r"^(?! {4}|\t).*?(</?(?:div|iframe|script|style|img|table|form|object|embed|figure|video|br|a)\b[^<>]*>)",
    re.I | re.M,
)
CODE = re.compile(r"(?ms)^ {0,3}(`{3,}+|~{3,}+).*?^ {0,3}\1|`(?:[^`\n]|\n(?!\n))*`")


@dataclass(frozen=True)
class FoundReference:
    """A reference that a text makes: `#41` or a slug, and the sentence around it as plain text."""

    key: str
    context: str


@dataclass(frozen=True)
class Rendered:
    """A text as HTML, with what was learnt on the way.

    `errors` and `warnings` are sentences for the editor. Errors keep a text from being published; warnings don't.
    """

    html: str
    references: list[FoundReference]
    problems: list[Problem]
    warnings: list[str]
    word_count: int

    @property
    def errors(self) -> list[str]:
        return [problem.sentence for problem in self.problems]


@dataclass(frozen=True)
class Surroundings:
    """What texts refer to and show, as far as it is there. `targets` has the keys of references."""

    short_name: str
    targets: dict[str, Target]
    images: dict[str, Image]


def render_for_web(
    source: str, *, scope: str = "", issue: Issue | None = None, surroundings: Surroundings | None = None
) -> Rendered:
    """Render Markdown for pages and feeds.

    `scope` makes footnote ids unique on a page of several texts: the story's slug. `issue` is the one that the text
    belongs to: references within it are links even before it is public. At most four queries, or none with the
    `surroundings` that were found for several texts. Raises BadMarkdown for a text that is too long or can't be parsed
    in reasonable time.
    """
    check_limits(source)
    return render(source, "web", scope, surroundings or find_surroundings([source], issue))


def render_for_email(
    source: str, *, scope: str = "", issue: Issue | None = None, surroundings: Surroundings | None = None
) -> str:
    """Render the same Markdown for mail programs: whole addresses, one picture size, formulas as text. As above."""
    check_limits(source)
    return render(source, "email", scope, surroundings or find_surroundings([source], issue)).html


def find_surroundings(sources: Iterable[str], issue: Issue | None) -> Surroundings:
    """Find what these texts refer to and show, for texts of that issue. At most four queries. Raises BadMarkdown."""
    sources, short_name = list(sources), Publication.objects.current().short_name
    keys = {key for source in sources for key in possible_keys(source, short_name)}
    return Surroundings(short_name, find_targets(keys, issue), find_images(sources))


def render(source: str, medium: Medium, scope: str, surroundings: Surroundings) -> Rendered:
    # Here, because the libraries take 5 MB of each process, and few of them render texts.
    from issues.converting import convert

    context = RenderContext(medium, surroundings.short_name, surroundings.targets, surroundings.images)
    html = convert(source, context, scope)
    warnings = context.warnings + warnings_of_html(source)
    blocks = text_blocks(html)
    found = [FoundReference(key, sentence_around(text, blocks)) for key, text in context.references.items()]
    return Rendered(html, found, context.problems, warnings, count_words(blocks))


def check_limits(source: str) -> None:
    """Refuse what would keep the parser busy for minutes, and what no page or feed can show."""
    if len(source) > MAX_LENGTH:
        raise BadMarkdown(
            f"The text has {len(source):,} characters; {MAX_LENGTH:,} are the most. Split it into two stories."
        )
    if source.count("[") > MAX_BRACKETS:
        raise BadMarkdown(
            f"The text opens over {MAX_BRACKETS:,} square brackets. Remove some, or split it into two stories."
        )
    if source.count("$") > MAX_DOLLARS:
        raise BadMarkdown(f"The text has over {MAX_DOLLARS:,} dollar signs. Split it into two stories.")
    text = source.replace("\r\n", "\n").replace("\r", "\n")
    if text.count("\n") >= MAX_LINES:
        raise BadMarkdown(f"The text has over {MAX_LINES:,} lines. Split it into two stories.")
    if sum(len(block) ** 2 for block in re.split(r"\n[ \t]*(?=\n)", text)) > MAX_SQUARES:
        raise BadMarkdown(
            "The text has too much without a blank line. Put blank lines between its paragraphs, or shorten its longest "
            "table, list or code."
        )
    if found := UNREADABLE.search(source):
        line = source.count("\n", 0, found.start()) + 1
        raise BadMarkdown(
            f"Line {line} holds a control character (U+{ord(found[0]):04X}), probably copied from another program. Remove it."
        )


def possible_keys(source: str, short_name: str) -> set[str]:
    """The keys of all in the text that looks like a reference, be it in code. Raises BadMarkdown for too many."""
    patterns = STORY_PATTERN, issue_pattern(short_name)
    keys = {reference_key(match) for pattern in patterns for match in re.finditer(pattern, source)}
    if len(keys) > MAX_REFERENCES:
        raise BadMarkdown(f"The text refers to over {MAX_REFERENCES} stories and issues. Split it into two stories.")
    return keys


def find_targets(keys: set[str], issue: Issue | None) -> dict[str, Target]:
    """The public targets among `keys`, and those in the issue that the text belongs to. Two queries at most."""
    numbers = [int(key[1:]) for key in keys if key.startswith("#")]
    slugs = [key for key in keys if not key.startswith("#")]
    visible = Issue.objects.published()
    if issue is not None:
        visible |= Issue.objects.filter(pk=issue.pk)
    targets = {}
    if numbers:
        for target in visible.filter(number__in=numbers):
            targets[f"#{target.number}"] = Target(target.get_absolute_url(), target.title or str(target))
    if slugs:
        for story in Story.objects.filter(slug__in=slugs, issue__in=visible):
            targets[story.slug] = Target(story.get_absolute_url(), story.title)
    return targets


def find_images(sources: Iterable[str]) -> dict[str, Image]:
    """The pictures that the texts show, by what stands in the Markdown. One query, or none."""
    names = {name for source in sources for name in FIGURE_NAME.findall(source)}
    return {image.source: image for image in Image.objects.filter(name__in=names)} if names else {}


def warnings_of_html(source: str) -> list[str]:
    """Say where HTML stands in a text, since it is shown as it is written."""
    without_code = CODE.sub(lambda match: "\n" * match.group(0).count("\n"), source.replace("\r\n", "\n"))
    return [
        f"Line {without_code.count(chr(10), 0, match.start(1)) + 1}: “{match.group(1)[:40]}” is shown as text. Write it in Markdown."
        for match in RAW_HTML.finditer(without_code)
    ]
