"""What stands beside the stories of a digest's folder: publication, sections, papers and issues."""

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model
from django.utils.text import slugify

from issues.digest_format import IssueFile, read_text
from issues.errors import BadFile, BadMarkdown
from issues.importing.figures import import_figures
from issues.importing.reports import Outcome, Report
from issues.models import Issue, IssueState, Publication, Section
from issues.rendering import check_limits
from issues.search.indexing import index_papers
from issues.writing import save_issue, save_publication
from issues.yaml_files import Entry, load_yaml
from papers.csl import record_paper
from papers.slugs import free_slug

MAX_RECORD_BYTES = 64 * 1024 * 1024  # of files that can't be split: some 20,000 papers with abstracts
PUBLICATION_KEYS = (
    "name", "tagline", "short_name", "description", "language", "time_zone", "from_name", "from_email", "reply_to",
    "postal_address", "list_id", "license_name", "license_url", "accent_light", "accent_dark",
)  # fmt: skip


def import_masthead(folder: Path, report: Report) -> None:
    """The publication and its sections."""
    name = "digest.yaml"
    masthead = read_mapping(folder, name, report)
    if masthead.get("publication") is not None:
        with report.each(name):
            report.add("publication", import_publication(name, masthead))
    with report.each(name):
        refuse_unknown(masthead, name, {"publication", "sections"})
    for position, entry in enumerate(entries_of(masthead, name, "sections", report), start=1):
        with report.each(name):
            report.add("section", import_section(name, entry, position))


def import_publication(name: str, masthead: Entry) -> Outcome:
    values = masthead["publication"]
    if not isinstance(values, Entry):
        raise BadFile(name, "`publication` has to hold keys with values.", masthead.lines["publication"])
    refuse_unknown(values, name, PUBLICATION_KEYS)
    publication = Publication.objects.current()
    if not assign(publication, {key: text_of(values, name, key) for key in values if values[key] is not None}):
        return "unchanged"
    check(publication, name, values.lines)
    save_publication(publication)
    return "updated"


def import_section(name: str, entry: Entry, position: int) -> Outcome:
    """Find the section by its name, else by its slug, so that it can be renamed."""
    values = texts_of(entry, name, {"name", "slug", "description"}) | {"position": position}
    known = find_section(values["name"]) or Section.objects.filter(slug=values.get("slug", "")).first()
    section = known or Section(slug=values.get("slug") or free_section_slug(values["name"]))
    if not assign(section, values) and known:
        return "unchanged"
    check(section, name, entry.lines)
    section.save()
    return "updated" if known else "created"


def find_section(name: str) -> Section | None:
    """The section of this name, however its letters are cased. One query."""
    return Section.objects.filter(name__iexact=name).first()


def free_section_slug(name: str) -> str:
    return free_slug(Section.objects.all(), slugify(name) or "section")


def import_papers(folder: Path, report: Report) -> None:
    for entry in read_entries(folder, "papers.yaml", "references", report):
        with report.each(f"papers.yaml, line {entry.line}, {entry.get('id') or 'a record without id'}"):
            paper, outcome = record_paper(entry)
            if outcome != "unchanged":
                index_papers([paper.pk])
            report.add("paper", outcome)


def import_issue(folder: Path, file: IssueFile, report: Report) -> None:
    """Take in an issue with its texts, as a draft: it is published after its stories are there. Raises BadFile."""
    warn_of_unknown_keys(file.name, file.unknown_keys, report)
    if file.state and file.state not in IssueState.values:
        states = ", ".join(IssueState.values)
        raise BadFile(
            file.name, f"The state “{file.state}” is not known. Use one of: {states}.", file.lines.get("state")
        )
    keys = ("number", "date", "title", "subject", "preheader", "summary")
    texts = {key: import_figures(folder, file.name, getattr(file, key), report) for key in ("intro", "outro")}
    known = Issue.objects.filter(number=file.number).first()
    issue = known or Issue()
    changed = assign(issue, {key: getattr(file, key) for key in keys} | texts)
    if changed or known is None:
        check(issue, file.name, file.lines)
        save_checked_issue(file, issue, report)
    report.add("issue", "created" if known is None else "updated" if changed else "unchanged")


def save_checked_issue(file: IssueFile, issue: Issue, report: Report) -> None:
    """Save, and refuse an issue whose texts may not be published as they are, unless it stays a draft."""
    for key in ("intro", "outro"):
        try:
            check_limits(getattr(issue, key))
        except BadMarkdown as error:
            raise refusal(file.name, file.lines.get(key, 1), [str(error)]) from error
    for key, rendered in zip(("intro", "outro"), save_issue(issue, note=note(file.name)), strict=True):
        line = file.lines.get(key, 1)
        if rendered.errors and file.state != IssueState.DRAFT:
            raise refusal(file.name, line, rendered.errors)
        report.warnings += [str(refusal(file.name, line, [text])) for text in rendered.errors + rendered.warnings]


def note(name: str) -> str:
    """What a revision says of its origin."""
    return f"Imported from {name}"[:200]


def refusal(name: str, first_line: int, sentences: list[str]) -> BadFile:
    """What the renderer says of a text that begins on `first_line` of a file; its “Line 3: …” counts in the text."""
    matches = [re.match(r"(?:Line (\d+):? )?(.*)", sentence, re.S) for sentence in sentences]
    parts = [match.groups() for match in matches if match]
    return BadFile(name, " ".join(text for _, text in parts), first_line + int(parts[0][0] or 1) - 1)


def warn_of_unknown_keys(name: str, keys: list[str], report: Report) -> None:
    if keys:
        report.warnings.append(f"{name}: these keys are not known and were left out: {', '.join(keys)}.")


def read_mapping(folder: Path, name: str, report: Report) -> Entry:
    """A YAML file that holds keys; empty if there is no such file, or if it is refused."""
    mapping = Entry(line=1)
    with report.each(name):
        if (folder / name).exists():
            values = load_yaml(name, read_text(folder, name, MAX_RECORD_BYTES))
            if not isinstance(values, Entry):
                raise BadFile(name, "The file has to hold keys with values.", 1)
            mapping = values
    return mapping


def read_entries(folder: Path, name: str, key: str, report: Report) -> list[Entry]:
    """The entries of a YAML file that holds one list. What is refused is left out."""
    values = read_mapping(folder, name, report)
    with report.each(name):
        refuse_unknown(values, name, {key})
    return entries_of(values, name, key, report)


def entries_of(values: Entry, name: str, key: str, report: Report) -> list[Entry]:
    """The entries of a list; none if it is refused."""
    entries: list[Entry] = []
    with report.each(name):
        value = values.get(key) or []
        if not isinstance(value, list) or not all(isinstance(entry, Entry) for entry in value):
            line = values.lines[key]
            raise BadFile(name, f"`{key}` has to be a list of entries, each with keys and values.", line)
        entries += value
    return entries


def refuse_unknown(entry: Entry, name: str, keys: Collection[str]) -> None:
    """Raises BadFile for keys that aren't known."""
    for key in entry:
        if key not in keys:
            raise BadFile(name, f"The key `{key}` is not known. Use: {', '.join(sorted(keys))}.", entry.lines[key])


def texts_of(entry: Entry, name: str, keys: set[str], lists: frozenset[str] | set[str] = frozenset()) -> dict[str, Any]:
    """The texts of an entry. Raises BadFile for keys that aren't known, and without a name."""
    refuse_unknown(entry, name, keys | lists)
    values = {key: text for key in keys if (text := text_of(entry, name, key))}
    if "name" not in values:
        raise BadFile(name, "This entry has no `name`. Add it.", entry.line)
    return values


def text_of(entry: Entry, name: str, key: str) -> str:
    value = entry.get(key)
    if isinstance(value, Entry | list):
        raise BadFile(name, f"`{key}` has to be one text.", entry.lines[key])
    return value.strip() if value else ""


def list_of(entry: Entry, name: str, key: str) -> list[str]:
    value = entry.get(key) or []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise BadFile(name, f"`{key}` has to be a list of texts, like [one, two].", entry.lines[key])
    return [item.strip() for item in value]


def assign(thing: Model, values: dict[str, Any]) -> list[str]:
    """Set fields, and return the names of those that this changed."""
    changed = [name for name, value in values.items() if getattr(thing, name) != value]
    for name in changed:
        setattr(thing, name, values[name])
    return changed


def check(thing: Model, name: str, lines: Mapping[str, int | None], exclude: Collection[str] = ()) -> None:
    """Hold the fields to what the models allow; `lines` says where in the file each stands. Raises BadFile."""
    try:
        thing.full_clean(exclude=set(exclude))
    except ValidationError as error:
        problems = error.message_dict
        sentences = [f"`{key}`: {' '.join(texts)}" for key, texts in problems.items()]
        line = next((lines[key] for key in problems if key in lines), None)
        raise BadFile(name, " ".join(sentences), line) from error
