"""One story of a digest's folder: its figures, papers, resources, topics and text; then its place, and publication."""

import datetime
import zoneinfo
from pathlib import Path
from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.text import slugify

from issues.digest_format import IssueFile, ResourceEntry, StoryFile, line_of
from issues.errors import BadFile, BadMarkdown
from issues.importing_figures import import_figures
from issues.importing_records import Outcome, assign, check, find_topic, warn_of_unknown_keys
from issues.models import Issue, Publication, Section, Story, StoryState, Topic
from issues.publishing import publish
from issues.revising import record_revision
from issues.writing import arrange, save_issue, save_story, save_topic, set_papers, set_resources
from papers.csl import paper_by_identifier
from papers.errors import BadIdentifier
from papers.identifiers import normalise_address
from papers.models import Paper, Resource, ResourceKind

if TYPE_CHECKING:
    from issues.importing import Report


def import_story(folder: Path, file: StoryFile, report: "Report") -> None:
    """Take in one story, or raise BadFile; the caller's transaction then undoes what was begun."""
    warn_of_unknown_keys(file.name, file.unknown_keys, report)
    known = Story.objects.filter(slug=file.slug).first()
    story = known or Story(slug=file.slug)
    fields = assign(story, story_values(folder, file, report))
    changed = bool(fields) or known is None
    if "issue_id" in fields:
        story.position = None  # last in its new issue, until the stories are put in order
    if changed:
        check(story, file.name, exclude={"position"})
        save_checked(folder, file, story, report)
    changed |= set_papers(story, find_papers(file, report))
    changed |= set_resources(story, find_resources(file, report))
    changed |= set_topics(story, file, report)
    if changed:
        record_revision(story, note=f"Imported from {file.name}")
    report.add("story", "created" if known is None else "updated" if changed else "unchanged")


def story_values(folder: Path, file: StoryFile, report: "Report") -> dict[str, object]:
    if file.state not in StoryState.values:
        states = ", ".join(StoryState.values)
        raise BadFile(
            file.name,
            f"The state “{file.state}” is not known. Use one of: {states}.",
            line_of(folder, file.name, "state:"),
        )
    issue = find_issue(file, report)
    return {
        "title": file.title,
        "summary": file.summary,
        "state": file.state,
        "section_id": find_section(file, report).pk,
        "issue_id": issue.pk if issue else None,
        "body": import_figures(folder, file.name, file.body, report),
    }


def save_checked(folder: Path, file: StoryFile, story: Story, report: "Report") -> None:
    """Save, and refuse an approved story that may not be published as it is."""
    try:
        rendered = save_story(story, note=f"Imported from {file.name}")
    except BadMarkdown as error:
        raise BadFile(file.name, str(error)) from error
    if rendered.errors and story.state == StoryState.APPROVED:
        raise BadFile(file.name, " ".join(rendered.errors))
    report.warnings += [f"{file.name}: {warning}" for warning in rendered.warnings]


def find_section(file: StoryFile, report: "Report") -> Section:
    section = Section.objects.filter(name=file.section).first()
    if section is None:
        section = Section(name=file.section, slug=slugify(file.section), position=Section.objects.count() + 1)
        check(section, file.name)
        section.save()
        report.add("section", "created")
    return section


def find_issue(file: StoryFile, report: "Report") -> Issue | None:
    """The issue that the file names, made with the story's date if it isn't there."""
    if file.issue is None:
        return None
    issue = Issue.objects.filter(number=file.issue).first()
    if issue is None:
        issue = Issue(number=file.issue, date=file.date or datetime.date.today())
        save_issue(issue, note=f"Imported from {file.name}")
        report.add("issue", "created")
    elif file.date and file.date != issue.date:
        report.warnings.append(
            f"{file.name}: the date {file.date} is not that of issue {issue.number}, {issue.date}, which stays."
        )
    return issue


def find_papers(file: StoryFile, report: "Report") -> list[Paper]:
    papers = []
    for identifier in file.papers:
        try:
            paper, outcome = paper_by_identifier(identifier)
        except BadIdentifier as error:
            raise BadFile(file.name, f"`papers`: {error}") from error
        if outcome == "created":
            report.add("paper", outcome)
        papers.append(paper)
    return list(dict.fromkeys(papers))


def find_resources(file: StoryFile, report: "Report") -> list[tuple[Resource, str]]:
    """The resources with the label that the story gives each: its title where that isn't the resource's own."""
    found: dict[Resource, str] = {}
    for entry in file.resources:
        resource, outcome = find_resource(file, entry)
        report.add("resource", outcome)
        found.setdefault(resource, "" if resource.title == entry.title else entry.title)
    return list(found.items())


def find_resource(file: StoryFile, entry: ResourceEntry) -> tuple[Resource, Outcome]:
    """By its normalised address. What is stored already keeps its title and kind."""
    if entry.kind not in ResourceKind.values:
        kinds = ", ".join(ResourceKind.values)
        raise BadFile(file.name, f"`resources`: the kind “{entry.kind}” is not known. Use one of: {kinds}.")
    try:
        url = normalise_address(entry.url)
    except BadIdentifier as error:
        raise BadFile(file.name, f"`resources`: {error}") from error
    resource = Resource.objects.filter(url=url).first()
    if resource:
        return resource, "unchanged"
    resource = Resource(url=url, title=entry.title, kind=entry.kind)
    check(resource, file.name)
    resource.save()
    return resource, "created"


def set_topics(story: Story, file: StoryFile, report: "Report") -> bool:
    """Make the file's topics the story's; return whether anything changed."""
    topics = []
    for name in file.topics:
        topic = find_topic(name)
        if topic is None:
            topic = Topic(name=name)
            check(topic, file.name, exclude={"slug"})
            save_topic(topic)
            report.add("topic", "created")
        topics.append(topic)
    if set(story.topics.all()) == set(topics):
        return False
    story.topics.set(topics)
    return True


def order_stories(files: list[StoryFile]) -> None:
    """Give the stories of each issue the order that their files ask for; a file without position keeps its place."""
    asked = {file.slug: file.position for file in files if file.position}
    for issue in Issue.objects.filter(number__in={file.issue for file in files if file.issue}):
        stories = list(issue.stories.order_by("position"))
        wanted = sorted(stories, key=lambda story: (asked.get(story.slug) or story.position or 0, story.position or 0))
        if wanted != stories:
            arrange(issue, wanted)


def publish_imported(issue_files: dict[int, IssueFile], story_files: list[StoryFile], report: "Report") -> None:
    """Publish the issues whose date has come, at noon of their day, unless their file says otherwise."""
    numbers = set(issue_files) | {file.issue for file in story_files if file.issue}
    zone = zoneinfo.ZoneInfo(Publication.objects.current().time_zone)
    for issue in Issue.objects.filter(number__in=numbers).order_by("number"):
        file = issue_files.get(issue.number)
        noon = datetime.datetime.combine(issue.date, datetime.time(12), zone)
        if issue.is_public or (file and file.state not in {"", "published"}) or noon > timezone.now():
            continue
        with report.each(file.name if file else f"issue {issue.number}"):
            publish(issue, noon)
