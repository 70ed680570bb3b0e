"""The topics of a digest's folder, with their other names and what they build on."""

from pathlib import Path

from django.utils.text import slugify

from issues.errors import BadFile
from issues.importing.records import assign, check, list_of, read_entries, texts_of
from issues.importing.reports import Outcome, Report
from issues.models import Topic, TopicAlias
from issues.writing import save_topic
from issues.yaml_files import Entry
from papers.slugs import free_slug

FILE = "topics.yaml"


def import_topics(folder: Path, report: Report) -> None:
    """All topics before what they build on, since a topic may build on one that stands below it."""
    taken_in: dict[Topic, tuple[Entry, Outcome]] = {}
    for entry in read_entries(folder, FILE, "topics", report):
        with report.each(FILE):
            topic, outcome = import_topic(entry)
            if topic in taken_in:
                first = taken_in[topic][0]
                raise BadFile(FILE, f"“{topic}” stands on line {first.line} already. Keep one of them.", entry.line)
            taken_in[topic] = entry, outcome
    for topic, (entry, outcome) in taken_in.items():
        changed = False
        with report.each(FILE):
            changed = set_builds_on(topic, entry)
        report.add("topic", "updated" if changed and outcome == "unchanged" else outcome)


def import_topic(entry: Entry) -> tuple[Topic, Outcome]:
    """Find the topic by its name, else by its slug, so that it can be renamed."""
    values = texts_of(entry, FILE, {"name", "slug", "description"}, lists={"aliases", "builds_on"})
    known = Topic.objects.filter(name__iexact=values["name"]).first()
    if known is None and "slug" in values:
        known = Topic.objects.filter(slug=values["slug"]).first()
    topic = known or Topic()
    changed = bool(assign(topic, values)) or known is None
    if changed:
        save_checked(topic, FILE, entry.line)
    changed |= set_aliases(topic, entry)
    if known is None:
        return topic, "created"
    return topic, "updated" if changed else "unchanged"


def save_checked(topic: Topic, name: str, line: int | None) -> None:
    """Save a topic, whose name must be nobody's other name. Raises BadFile."""
    other = Topic.objects.filter(aliases__name__iexact=topic.name).exclude(pk=topic.pk).first()
    if other:
        raise BadFile(name, f"“{topic.name}” is another name of the topic “{other}”. Use that, or change it.", line)
    if topic.name and not topic.slug and not slugify(topic.name, allow_unicode=True):
        raise BadFile(
            name, f"“{topic.name}” has no letters for an address. Give the topic a `slug` in topics.yaml.", line
        )
    check(topic, name, dict.fromkeys(["name", "slug", "description"], line), exclude=set() if topic.slug else {"slug"})
    save_topic(topic)


def set_aliases(topic: Topic, entry: Entry) -> bool:
    """Make these the topic's other names, each once however it is cased. Return whether anything changed."""
    asked = {name.lower(): name for name in list_of(entry, FILE, "aliases") if name.lower() != topic.name.lower()}
    names, current = set(asked.values()), set(topic.aliases.values_list("name", flat=True))
    topic.aliases.exclude(name__in=names).delete()
    for name in sorted(names - current):
        line = entry.lines["aliases"]
        if other := find_topic(name):
            raise BadFile(FILE, f"“{topic}” can't have the other name “{name}”, which the topic “{other}” has.", line)
        slug = free_slug(TopicAlias.objects.all(), slugify(name, allow_unicode=True) or topic.slug)
        alias = TopicAlias(topic=topic, name=name, slug=slug)
        check(alias, FILE, {"name": line})
        alias.save()
    return names != current


def set_builds_on(topic: Topic, entry: Entry) -> bool:
    foundations = set()
    for name in list_of(entry, FILE, "builds_on"):
        foundation = find_topic(name)
        line = entry.lines["builds_on"]
        if foundation is None:
            raise BadFile(FILE, f"“{topic}” builds on “{name}”, which is not a topic. Add it to the file.", line)
        if foundation == topic:
            raise BadFile(FILE, f"“{topic}” builds on itself. Leave that out.", line)
        foundations.add(foundation)
    if set(topic.builds_on.all()) == foundations:
        return False
    topic.builds_on.set(foundations)
    return True


def find_topic(name: str) -> Topic | None:
    """The topic of this name or alias, however its letters are cased. One query or two."""
    topic = Topic.objects.filter(name__iexact=name).first()
    return topic or Topic.objects.filter(aliases__name__iexact=name).first()
