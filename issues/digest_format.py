"""The files of a digest: Markdown with YAML front matter, read and written. Pure: nothing here knows the database.

docs/digest-format.md describes the format.
"""

import datetime
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from issues.errors import BadFile
from issues.models.image import FIGURES_FOLDER
from issues.yaml_files import Entry, dump_yaml, load_yaml

MAX_BYTES = 2 * 1024 * 1024
OUTRO_MARK = "<!-- outro -->"
FIGURE = re.compile(r"(\]\(<?)(figures/[^\s)>]+)")
STORY_KEYS = {
    "title", "slug", "issue", "date", "position", "section", "topics", "summary", "state", "papers", "resources",
}  # fmt: skip
ISSUE_KEYS = {"number", "date", "title", "subject", "preheader", "summary", "state", "published_at"}


@dataclass
class ResourceEntry:
    title: str
    url: str
    kind: str
    line: int | None = field(default=None, compare=False)


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
    lines: dict[str, int] = field(default_factory=dict, compare=False, repr=False)


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
    published_at: datetime.datetime | None = None
    intro: str = ""
    outro: str = ""
    unknown_keys: list[str] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict, compare=False, repr=False)


class FrontMatter:
    """The keys at the head of a file; every complaint names the file and the line."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        match = re.match(r"---[ \t]*\n(.*?\n)?---[ \t]*(?:\n|\Z)", text, re.S)
        if match is None:
            raise BadFile(name, "The file has to begin with front matter between two lines of three hyphens (---).", 1)
        values = load_yaml(name, match[1] or "", first_line=2)
        if not isinstance(values, Entry):
            raise BadFile(name, "The front matter has to be keys with values, like `title: …`.", 2)
        self.values = values
        self.body, self.body_line = strip_lines(text[match.end() :], text.count("\n", 0, match.end()) + 1)

    def error(self, key: str, reason: str) -> BadFile:
        return BadFile(self.name, reason, self.values.lines.get(key, 1))

    def text(self, key: str, *, required: bool = False) -> str:
        value = self.values.get(key)
        if required and not value:
            raise self.error(key, f"The key `{key}` is missing. Add a line `{key}: …`.")
        if isinstance(value, Entry | list):
            raise self.error(key, f"`{key}` has to be one text.")
        return value.strip() if value else ""

    def number(self, key: str) -> int | None:
        text = self.text(key)
        if text and not re.fullmatch(r"0*[1-9][0-9]{0,8}", text):
            raise self.error(key, f"`{key}` has to be a whole number from 1, and is “{text}”.")
        return int(text) if text else None

    def date(self, key: str) -> datetime.date | None:
        """The day of a date, or of a date with a time, as other programs write it."""
        text = self.text(key)
        try:
            return datetime.date.fromisoformat(re.split("[ T]", text)[0]) if text else None
        except ValueError as error:
            raise self.error(key, f"`{key}` has to be a date like 2020-06-07, and is “{text}”.") from error

    def moment(self, key: str) -> datetime.datetime | None:
        text = self.text(key)
        try:
            moment = datetime.datetime.fromisoformat(text) if text else None
        except ValueError:
            moment = datetime.datetime.min
        if moment and not moment.tzinfo:
            reason = f"`{key}` has to be a time with its zone, like 2020-06-07T12:00:00+02:00, and is “{text}”."
            raise self.error(key, reason)
        return moment

    def texts(self, key: str) -> list[str]:
        value = self.values.get(key) or []
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.error(key, f'`{key}` has to be a list of texts, like ["one", "two"].')
        return [item.strip() for item in value]

    def resources(self) -> list[ResourceEntry]:
        value = self.values.get("resources") or []
        if not isinstance(value, list):
            raise self.error("resources", "`resources` has to be a list of entries, each with title, url and kind.")
        return [self.resource(entry) for entry in value]

    def resource(self, entry: Any) -> ResourceEntry:
        keys = {"title", "url", "kind"}
        if not isinstance(entry, Entry) or not entry.get("url") or entry.keys() - keys:
            line = entry.line if isinstance(entry, Entry) else self.values.lines["resources"]
            raise BadFile(self.name, "Each entry of `resources` has to have the keys title, url and kind.", line)
        if not all(isinstance(value, str | None) for value in entry.values()):
            raise BadFile(self.name, "Title, url and kind of a resource each have to be one text.", entry.line)
        title = entry.get("title") or entry["url"]
        return ResourceEntry(title.strip(), entry["url"].strip(), entry.get("kind") or "other", entry.line)


def strip_lines(text: str, line: int) -> tuple[str, int]:
    """A text without empty lines around it, and the line on which it begins then."""
    start = text.lstrip("\n")
    return start.rstrip("\n"), line + len(text) - len(start)


def find_file(folder: Path, name: str, most_bytes: int) -> Path:
    """The path of a file of the digest. Raises BadFile if it isn't one, lies elsewhere, or is too large."""
    if not name.isprintable():
        raise BadFile(ascii(name), "The name holds characters that can't be shown. Rename the file.")
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise BadFile(name, "The file lies outside of the digest's folder. Put it inside.")
    try:
        if not path.is_file():
            path.stat(follow_symlinks=False)  # says what is wrong, if there is nothing at all
            raise BadFile(name, "This is not a file. Move it elsewhere.")
        if path.stat().st_size > most_bytes:
            raise BadFile(name, f"The file has more than {most_bytes // 1024**2} MB. Split it, or save it smaller.")
    except (OSError, ValueError) as error:
        raise BadFile(name, f"The file can't be read: {getattr(error, 'strerror', error)}.") from error
    return path


def read_text(folder: Path, name: str, most_bytes: int = MAX_BYTES) -> str:
    """The text of a file of the digest, with newlines as `\\n`. Raises BadFile."""
    try:
        return find_file(folder, name, most_bytes).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise BadFile(name, "There is a character that is not UTF-8. Save the file as UTF-8.", line) from error
    except OSError as error:
        raise BadFile(name, f"The file can't be read: {error.strerror}.") from error


def read_story(folder: Path, name: str) -> StoryFile:
    """Read one story. Raises BadFile."""
    matter = FrontMatter(name, read_text(folder, name))
    if not matter.body.strip():
        raise BadFile(name, "The story has no text after its front matter.", matter.body_line)
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
        unknown_keys=sorted(matter.values.keys() - STORY_KEYS),
        lines=matter.values.lines | {"body": matter.body_line},
    )


def read_issue(folder: Path, name: str) -> IssueFile:
    """Read one issue: its intro, then its outro after a line `<!-- outro -->`. Raises BadFile."""
    matter = FrontMatter(name, read_text(folder, name))
    number, date = matter.number("number"), matter.date("date")
    if number is None:
        raise matter.error("number", "The key `number` is missing. Add a line `number: 41`.")
    if date is None:
        raise matter.error("date", "The key `date` is missing. Add a line `date: 2020-06-07`.")
    before, *after = re.split(rf"^{OUTRO_MARK}[ \t]*$", matter.body, maxsplit=1, flags=re.M)
    intro, intro_line = strip_lines(before, matter.body_line)
    outro, outro_line = strip_lines("".join(after), matter.body_line + before.count("\n"))
    return IssueFile(
        name=name,
        number=number,
        date=date,
        title=matter.text("title"),
        subject=matter.text("subject"),
        preheader=matter.text("preheader"),
        summary=matter.text("summary"),
        state=matter.text("state"),
        published_at=matter.moment("published_at"),
        intro=intro,
        outro=outro,
        unknown_keys=sorted(matter.values.keys() - ISSUE_KEYS),
        lines=matter.values.lines | {"intro": intro_line, "outro": outro_line},
    )


def line_of(folder: Path, name: str, words: str) -> int | None:
    """The first line of a file that holds `words`."""
    lines = read_text(folder, name).split("\n")
    return next((number for number, line in enumerate(lines, start=1) if words in line), None)


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
        "resources": [{"title": each.title, "url": each.url, "kind": each.kind} for each in story.resources],
    }
    return with_front_matter(values, [story.body])


def write_issue(issue: IssueFile) -> str:
    keys = ("number", "date", "title", "subject", "preheader", "summary", "state")
    moment = issue.published_at.isoformat() if issue.published_at else None
    outro = [OUTRO_MARK, issue.outro] if issue.outro else []
    return with_front_matter(
        {key: getattr(issue, key) for key in keys} | {"published_at": moment}, [issue.intro, *outro]
    )


def figures_in(body: str) -> list[str]:
    """The paths of the figures that a text shows, relative to the digest's folder."""
    return sorted({match[2] for match in FIGURE.finditer(body)})


def rename_figures(body: str, names: dict[str, str]) -> str:
    """Put other figures' paths in place of those that a text shows."""
    return FIGURE.sub(lambda match: match[1] + names.get(match[2], match[2]), body)


def figure_name(path: str) -> str:
    return path.removeprefix(FIGURES_FOLDER)
