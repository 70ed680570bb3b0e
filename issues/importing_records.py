"""What stands beside the stories of a digest's folder: publication, sections, topics, papers and issues."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from django.core.exceptions import ValidationError
from django.db.models import Model
from django.utils.text import slugify

from issues.digest_format import IssueFile, load_yaml, read_text
from issues.errors import BadFile
from issues.importing_figures import import_figures
from issues.models import Issue, Publication, Section, Topic, TopicAlias
from issues.writing import save_issue, save_publication, save_topic
from papers.csl import record_paper

if TYPE_CHECKING:
    from issues.importing import Report

Outcome = Literal["created", "updated", "unchanged"]
PUBLICATION_KEYS = (
    "name", "tagline", "short_name", "description", "language", "time_zone", "from_name", "from_email", "reply_to",
    "postal_address", "list_id", "license_name", "license_url", "accent_light", "accent_dark",
)  # fmt: skip


def import_publication(folder: Path, report: "Report") -> None:
    values = read_mapping(folder, "digest.yaml").get("publication")
    if values is None:
        return
    with report.each("digest.yaml"):
        if not isinstance(values, dict) or values.keys() - set(PUBLICATION_KEYS):
            raise BadFile("digest.yaml", f"`publication` may have these keys: {', '.join(PUBLICATION_KEYS)}.")
        publication = Publication.objects.current()
        changed = assign(publication, {key: str(value).strip() for key, value in values.items()})
        if changed:
            check(publication, "digest.yaml")
            save_publication(publication)
        report.add("publication", "updated" if changed else "unchanged")


def import_sections(folder: Path, report: "Report") -> None:
    for position, entry in enumerate(read_entries(folder, "digest.yaml", "sections"), start=1):
        with report.each("digest.yaml"):
            values = texts_of(entry, "digest.yaml", {"name", "slug", "description"}) | {"position": position}
            section = Section.objects.filter(name=values["name"]).first()
            values.setdefault("slug", section.slug if section else slugify(str(values["name"])))
            report.add("section", save_changes(section or Section(), values, "digest.yaml"))


def import_topics(folder: Path, report: "Report") -> None:
    """All topics before what they build on, since a topic may build on one that stands below it."""
    entries = read_entries(folder, "topics.yaml", "topics")
    outcomes: dict[str, Outcome] = {}
    for entry in entries:
        with report.each("topics.yaml"):
            values = texts_of(entry, "topics.yaml", {"name", "slug", "description"}, lists={"aliases", "builds_on"})
            outcomes[values["name"]] = import_topic(values, [str(name) for name in entry.get("aliases") or []])
    for entry in entries:
        with report.each("topics.yaml"):
            if entry.get("name") in outcomes and set_builds_on(entry) and outcomes[entry["name"]] == "unchanged":
                outcomes[entry["name"]] = "updated"
    for outcome in outcomes.values():
        report.add("topic", outcome)


def import_topic(values: dict[str, Any], aliases: list[str]) -> Outcome:
    known = Topic.objects.filter(name__iexact=values["name"]).first()
    topic = known or Topic()
    changed = bool(assign(topic, values)) or known is None
    if changed:
        check(topic, "topics.yaml", exclude={"slug"})
        save_topic(topic)
    current = set(topic.aliases.values_list("name", flat=True))
    if current != set(aliases):
        topic.aliases.exclude(name__in=aliases).delete()
        for name in set(aliases) - current:
            TopicAlias.objects.create(topic=topic, name=name, slug=slugify(name))
        changed = True
    if known is None:
        return "created"
    return "updated" if changed else "unchanged"


def set_builds_on(entry: dict[str, Any]) -> bool:
    names = [str(name) for name in entry.get("builds_on") or []]
    foundations = {find_topic(name) for name in names}
    if None in foundations:
        missing = next(name for name in names if find_topic(name) is None)
        raise BadFile(
            "topics.yaml", f"“{entry['name']}” builds on “{missing}”, which is not a topic. Add it to the file."
        )
    topic = Topic.objects.get(name__iexact=entry["name"])
    if set(topic.builds_on.all()) == foundations:
        return False
    topic.builds_on.set([foundation for foundation in foundations if foundation])
    return True


def find_topic(name: str) -> Topic | None:
    """The topic of this name or alias, however its letters are cased. One query or two."""
    topic = Topic.objects.filter(name__iexact=name).first()
    return topic or Topic.objects.filter(aliases__name__iexact=name).first()


def import_papers(folder: Path, report: "Report") -> None:
    for entry in read_entries(folder, "papers.yaml", "references"):
        with report.each(f"papers.yaml, {entry.get('id', 'a record without id')}"):
            _, outcome = record_paper(entry)
            report.add("paper", outcome)


def import_issue(folder: Path, file: IssueFile, report: "Report") -> None:
    """Take in an issue with its texts, as a draft: it is published after its stories are there. Raises BadFile."""
    warn_of_unknown_keys(file.name, file.unknown_keys, report)
    keys = ("number", "date", "title", "subject", "preheader", "summary")
    texts = {key: import_figures(folder, file.name, getattr(file, key), report) for key in ("intro", "outro")}
    known = Issue.objects.filter(number=file.number).first()
    issue = known or Issue()
    changed = assign(issue, {key: getattr(file, key) for key in keys} | texts)
    if changed or known is None:
        check(issue, file.name)
        save_issue(issue, note=f"Imported from {file.name}")
    report.add("issue", "created" if known is None else "updated" if changed else "unchanged")


def warn_of_unknown_keys(name: str, keys: list[str], report: "Report") -> None:
    if keys:
        report.warnings.append(f"{name}: these keys are not known and were left out: {', '.join(keys)}.")


def read_mapping(folder: Path, name: str) -> dict[str, Any]:
    """A YAML file that holds keys; empty if there is no such file. Raises BadFile."""
    if not (folder / name).exists():
        return {}
    values = load_yaml(name, read_text(folder, name))
    if not isinstance(values, dict):
        raise BadFile(name, "The file has to hold keys with values.", 1)
    return values


def read_entries(folder: Path, name: str, key: str) -> list[dict[str, Any]]:
    entries = read_mapping(folder, name).get(key) or []
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise BadFile(name, f"`{key}` has to be a list of entries, each with keys and values.")
    return entries


def texts_of(
    entry: dict[str, Any], name: str, keys: set[str], lists: frozenset[str] | set[str] = frozenset()
) -> dict[str, Any]:
    """The texts of an entry. Raises BadFile for keys that aren't known, and without a name."""
    if not entry.get("name"):
        raise BadFile(name, "An entry has no `name`.")
    if unknown := entry.keys() - keys - lists:
        raise BadFile(name, f"“{entry['name']}” has keys that are not known: {', '.join(sorted(map(str, unknown)))}.")
    return {key: str(entry[key]).strip() for key in keys if entry.get(key)}


def assign(thing: Model, values: dict[str, Any]) -> list[str]:
    """Set fields, and return the names of those that this changed."""
    changed = [name for name, value in values.items() if getattr(thing, name) != value]
    for name in changed:
        setattr(thing, name, values[name])
    return changed


def save_changes(thing: Model, values: dict[str, Any], name: str) -> Outcome:
    outcome: Outcome = "updated" if thing.pk else "created"
    if not assign(thing, values) and outcome == "updated":
        return "unchanged"
    check(thing, name)
    thing.save()
    return outcome


def check(thing: Model, name: str, exclude: set[str] = frozenset()) -> None:  # type: ignore[assignment]
    """Hold the fields to what the models allow. Raises BadFile."""
    try:
        thing.full_clean(exclude=exclude)
    except ValidationError as error:
        sentences = [f"`{key}`: {' '.join(texts)}" for key, texts in error.message_dict.items()]
        raise BadFile(name, " ".join(sentences)) from error
