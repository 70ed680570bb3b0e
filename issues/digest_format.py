"""The files of a digest: Markdown with YAML front matter, read and written. Pure: nothing here knows the database.

docs/digest-format.md describes the format.
"""

import datetime
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from issues.errors import BadFile
from issues.models.image import FIGURES_FOLDER

MAX_BYTES = 2 * 1024 * 1024
OUTRO_MARK = "<!-- outro -->"
FIGURE = re.compile(r"(!\[[^\]]*\]\(<?)(figures/[^\s)>]+)")
STORY_KEYS = {
    "title", "slug", "issue", "date", "position", "section", "topics", "summary", "state", "papers", "resources",
}  # fmt: skip
ISSUE_KEYS = {"number", "date", "title", "subject", "preheader", "summary", "state"}


@dataclass
class ResourceEntry:
    title: str
    url: str
    kind: str


@dataclass
class StoryFile:
    """One story as its file says it."""

    name: str
    title: str
    slug: str
    section: str
    body: str
    issue: int | None = None
    date: datetime.date | None = None
    position: int | None = None
    topics: list[str] = field(default_factory=list)
    papers: list[str] = field(default_factory=list)
    resources: list[ResourceEntry] = field(default_factory=list)
    summary: str = ""
    state: str = "approved"
    unknown_keys: list[str] = field(default_factory=list)


@dataclass
class IssueFile:
    """One issue as its file says it."""

    name: str
    number: int
    date: datetime.date
    title: str = ""
    subject: str = ""
    preheader: str = ""
    summary: str = ""
    state: str = ""
    intro: str = ""
    outro: str = ""
    unknown_keys: list[str] = field(default_factory=list)


class FrontMatter:
    """The keys at the head of a file; every complaint names the file and the line."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        match = re.match(r"---[ \t]*\n(.*?\n)?---[ \t]*(?:\n|\Z)", text, re.S)
        if match is None:
            raise BadFile(name, "The file has to begin with front matter between two lines of three hyphens (---).", 1)
        self.source = match[1] or ""
        self.body = text[match.end() :].strip("\n")
        self.values = load_yaml(name, self.source, first_line=2)
        if not isinstance(self.values, dict):
            raise BadFile(name, "The front matter has to be keys with values, like `title: …`.", 2)

    def error(self, key: str, reason: str) -> BadFile:
        lines = self.source.split("\n")
        line = next(
            (number for number, text in enumerate(lines, start=2) if re.match(rf"{re.escape(key)}\s*:", text)), 1
        )
        return BadFile(self.name, reason, line)

    def text(self, key: str, *, required: bool = False) -> str:
        value = self.values.get(key)
        if value is None and required:
            raise self.error(key, f"The key `{key}` is missing. Add a line `{key}: …`.")
        if isinstance(value, dict | list):
            raise self.error(key, f"`{key}` has to be one text.")
        return "" if value is None else str(value).strip()

    def number(self, key: str, *, required: bool = False) -> int | None:
        value = self.values.get(key)
        if value is None and not required:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise self.error(key, f"`{key}` has to be a whole number from 1, and is “{value}”.")
        return value

    def date(self, key: str) -> datetime.date | None:
        value = self.values.get(key)
        if isinstance(value, datetime.datetime):
            return value.date()
        if value is not None and not isinstance(value, datetime.date):
            raise self.error(key, f"`{key}` has to be a date like 2020-06-07, and is “{value}”.")
        return value

    def texts(self, key: str) -> list[str]:
        value = self.values.get(key) or []
        if not isinstance(value, list) or any(isinstance(item, dict | list) or item is None for item in value):
            raise self.error(key, f'`{key}` has to be a list of texts, like ["one", "two"].')
        return [str(item).strip() for item in value]

    def resources(self) -> list[ResourceEntry]:
        value = self.values.get("resources") or []
        if not isinstance(value, list) or any(not isinstance(item, dict) or not item.get("url") for item in value):
            raise self.error("resources", "`resources` has to be a list of entries, each with title, url and kind.")
        return [
            ResourceEntry(
                str(item.get("title") or item["url"]).strip(), str(item["url"]), str(item.get("kind") or "other")
            )
            for item in value
        ]


def load_yaml(name: str, text: str, first_line: int = 1) -> Any:
    """Parse YAML. Raises BadFile with the line of the mistake."""
    try:
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + first_line if mark else first_line
        raise BadFile(name, f"This is not YAML: {error.problem}.", line) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadFile(name, f"This is not YAML: {error}.", first_line) from error


def read_text(folder: Path, name: str) -> str:
    """The text of a file of the digest, with newlines as `\\n`. Raises BadFile."""
    path = folder / name
    try:
        if path.stat().st_size > MAX_BYTES:
            raise BadFile(name, f"The file has more than {MAX_BYTES // 1024**2} MB. Split it.")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadFile(name, f"The file is not UTF-8 (byte {error.start}). Save it as UTF-8.") from error
    except OSError as error:
        raise BadFile(name, f"The file can't be read: {error.strerror}.") from error


def read_story(folder: Path, name: str) -> StoryFile:
    """Read one story. Raises BadFile."""
    matter = FrontMatter(name, read_text(folder, name))
    if not matter.body:
        raise BadFile(name, "The story has no text after its front matter.")
    return StoryFile(
        name=name,
        title=matter.text("title", required=True),
        slug=matter.text("slug", required=True),
        section=matter.text("section", required=True),
        body=matter.body,
        issue=matter.number("issue"),
        date=matter.date("date"),
        position=matter.number("position"),
        topics=matter.texts("topics"),
        papers=matter.texts("papers"),
        resources=matter.resources(),
        summary=matter.text("summary"),
        state=matter.text("state") or "approved",
        unknown_keys=sorted(map(str, matter.values.keys() - STORY_KEYS)),
    )


def read_issue(folder: Path, name: str) -> IssueFile:
    """Read one issue: its intro, then its outro after a line `<!-- outro -->`. Raises BadFile."""
    matter = FrontMatter(name, read_text(folder, name))
    number, date = matter.number("number", required=True), matter.date("date")
    if number is None or date is None:
        raise matter.error("date", "The key `date` is missing. Add a line `date: 2020-06-07`.")
    intro, _, outro = matter.body.partition(OUTRO_MARK)
    return IssueFile(
        name=name,
        number=number,
        date=date,
        title=matter.text("title"),
        subject=matter.text("subject"),
        preheader=matter.text("preheader"),
        summary=matter.text("summary"),
        state=matter.text("state"),
        intro=intro.strip(),
        outro=outro.strip(),
        unknown_keys=sorted(map(str, matter.values.keys() - ISSUE_KEYS)),
    )


def line_of(folder: Path, name: str, words: str) -> int | None:
    """The first line of a file that holds `words`."""
    lines = read_text(folder, name).split("\n")
    return next((number for number, line in enumerate(lines, start=1) if words in line), None)


def dump_yaml(values: Any) -> str:
    return yaml.safe_dump(values, allow_unicode=True, sort_keys=False, width=110, default_flow_style=False)


def with_front_matter(values: dict[str, Any], parts: Iterable[str]) -> str:
    """A file of front matter, without empty values, and parts of text."""
    kept = {key: value for key, value in values.items() if value not in (None, "", [])}
    return f"---\n{dump_yaml(kept)}---\n\n" + "\n\n".join(part for part in parts if part) + "\n"


def write_story(story: StoryFile) -> str:
    values = {
        "title": story.title,
        "slug": story.slug,
        "issue": story.issue,
        "date": story.date,
        "position": story.position,
        "section": story.section,
        "topics": story.topics,
        "summary": story.summary,
        "state": "" if story.state == "approved" else story.state,
        "papers": story.papers,
        "resources": [vars(resource) for resource in story.resources],
    }
    return with_front_matter(values, [story.body])


def write_issue(issue: IssueFile) -> str:
    keys = ("number", "date", "title", "subject", "preheader", "summary", "state")
    outro = [OUTRO_MARK, issue.outro] if issue.outro else []
    return with_front_matter({key: getattr(issue, key) for key in keys}, [issue.intro, *outro])


def figures_in(body: str) -> list[str]:
    """The paths of the figures that a text shows, relative to the digest's folder."""
    return sorted({match[2] for match in FIGURE.finditer(body)})


def rename_figures(body: str, names: dict[str, str]) -> str:
    """Put other figures' paths in place of those that a text shows."""
    return FIGURE.sub(lambda match: match[1] + names.get(match[2], match[2]), body)


def figure_name(path: str) -> str:
    return path.removeprefix(FIGURES_FOLDER)
