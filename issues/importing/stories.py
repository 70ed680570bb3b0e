"""One story of a digest's folder: its figures, papers, resources, topics and text; then its place, and publication."""

import datetime
import zoneinfo
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from pathlib import Path

from django.utils import timezone

from issues.digest_format import IssueFile, ResourceEntry, StoryFile
from issues.errors import BadFile, BadMarkdown
from issues.importing.figures import import_figures
from issues.importing.records import (
    assign,
    check,
    find_section,
    free_section_slug,
    note,
    refusal,
    warn_of_unknown_keys,
)
from issues.importing.reports import Outcome, Report
from issues.importing.topics import find_topic, save_checked
from issues.models import Issue, IssueState, Publication, Section, Story, StoryState, Topic
from issues.publishing import publish
from issues.references import stories_referring_to
from issues.revising import record_revision
from issues.search.indexing import index_stories
from issues.writing import arrange, render_stories_again, save_issue, set_papers, set_resources, store_story
from papers.csl import paper_by_identifier
from papers.errors import BadIdentifier
from papers.identifiers import normalise_address
from papers.models import Paper, Resource, ResourceKind


def import_story(folder: Path, file: StoryFile, report: Report) -> bool:
    """Take in one story, or raise BadFile; the caller's transaction then undoes what was begun.

    Return whether it is new or has another place or title, so that texts which refer to it have to be rendered again.
    """
    warn_of_unknown_keys(file.name, file.unknown_keys, report)
    known = Story.objects.filter(slug=file.slug).first()
    story = known or Story(slug=file.slug)
    fields = assign(story, story_values(folder, file, report))
    changed = bool(fields) or known is None
    if "issue_id" in fields:
        story.position = None  # last in its new issue, until the stories are put in order
    if changed:
        save_checked_story(file, story, report)
    changed |= set_papers(story, find_papers(file, report))
    changed |= set_resources(story, find_resources(file, report))
    changed |= set_topics(story, file, report)
    if changed:
        record_revision(story, note=note(file.name))
        index_stories([story.pk])
    report.add("story", "created" if known is None else "updated" if changed else "unchanged")
    return known is None or not {"issue_id", "title"}.isdisjoint(fields)


def story_values(folder: Path, file: StoryFile, report: Report) -> dict[str, object]:
    if file.state not in StoryState.values:
        states = ", ".join(StoryState.values)
        raise BadFile(
            file.name, f"The state “{file.state}” is not known. Use one of: {states}.", file.lines.get("state")
        )
    issue = find_issue(file, report)
    return {
        "title": file.title,
        "summary": file.summary,
        "state": file.state,
        "section_id": section_of(file, report).pk,
        "issue_id": issue.pk if issue else None,
        "body": import_figures(folder, file.name, file.body, report),
    }


def save_checked_story(file: StoryFile, story: Story, report: Report) -> None:
    """Save, and refuse an approved story that may not be published as it is."""
    check(story, file.name, file.lines, exclude={"position"})
    line = file.lines.get("body", 1)
    try:
        rendered = store_story(story)
    except BadMarkdown as error:
        raise refusal(file.name, line, [str(error)]) from error
    if rendered.errors and story.state == StoryState.APPROVED:
        raise refusal(file.name, line, rendered.errors)
    report.warnings += [str(refusal(file.name, line, [text])) for text in rendered.errors + rendered.warnings]


def section_of(file: StoryFile, report: Report) -> Section:
    section = find_section(file.section)
    if section is None:
        position = Section.objects.count() + 1
        section = Section(name=file.section, slug=free_section_slug(file.section), position=position)
        check(section, file.name, {"name": file.lines.get("section")})
        section.save()
        report.add("section", "created")
    return section


def find_issue(file: StoryFile, report: Report) -> Issue | None:
    """The issue that the file names, made with the story's date if it isn't there. Raises BadFile."""
    if file.issue is None:
        return None
    issue = Issue.objects.filter(number=file.issue).first()
    if issue is None:
        return make_issue(file, file.issue, report)
    if issue.state == IssueState.PUBLISHED and file.state != StoryState.APPROVED:
        raise BadFile(
            file.name,
            f"Issue {issue.number} is published, and this story, which is “{file.state}”, would be public with it. "
            "Approve the story, or leave out `issue`.",
            file.lines.get("state"),
        )
    if file.date and file.date != issue.date:
        report.warnings.append(
            f"{file.name}: the date {file.date} is not that of issue {issue.number}, {issue.date}, which stays."
        )
    return issue


def make_issue(file: StoryFile, number: int, report: Report) -> Issue:
    if file.date is None:
        raise BadFile(
            file.name,
            f"There is no issue {number} yet, and no date to make it with. Add `date: …`, or issues/{number:03}.md.",
            file.lines.get("issue"),
        )
    issue = Issue(number=number, date=file.date)
    save_issue(issue, note=note(file.name))
    report.add("issue", "created")
    return issue


def find_papers(file: StoryFile, report: Report) -> list[Paper]:
    papers = []
    for identifier in file.papers:
        try:
            paper, outcome = paper_by_identifier(identifier)
        except BadIdentifier as error:
            raise BadFile(file.name, f"`papers`: {error}", file.lines.get("papers")) from error
        if outcome == "created":
            report.add("paper", outcome)
        papers.append(paper)
    return list(dict.fromkeys(papers))


def find_resources(file: StoryFile, report: Report) -> list[tuple[Resource, str]]:
    """The resources with the label that the story gives each: its title where that isn't the resource's own."""
    found: dict[Resource, str] = {}
    for entry in file.resources:
        resource, outcome = find_resource(file, entry)
        report.add("resource", outcome)
        if resource.kind != entry.kind:
            report.warnings.append(
                f"{file.name}, line {entry.line}: {resource.url} is stored as “{resource.kind}”, which stays."
            )
        found.setdefault(resource, "" if resource.title == entry.title else entry.title)
    return list(found.items())


def find_resource(file: StoryFile, entry: ResourceEntry) -> tuple[Resource, Outcome]:
    """By its normalised address. What is stored already keeps its title and kind."""
    if entry.kind not in ResourceKind.values:
        kinds = ", ".join(ResourceKind.values)
        raise BadFile(file.name, f"`resources`: the kind “{entry.kind}” is not known. Use one of: {kinds}.", entry.line)
    if len(entry.title) > 300:
        raise BadFile(file.name, "`resources`: a title has more than 300 characters. Shorten it.", entry.line)
    try:
        url = normalise_address(entry.url)
    except BadIdentifier as error:
        raise BadFile(file.name, f"`resources`: {error}", entry.line) from error
    resource = Resource.objects.at(url).first()
    if resource:
        return resource, "unchanged"
    resource = Resource(url=url, title=entry.title, kind=entry.kind)
    check(resource, file.name, {"url": entry.line, "title": entry.line})
    resource.save()
    return resource, "created"


def set_topics(story: Story, file: StoryFile, report: Report) -> bool:
    """Make the file's topics the story's; return whether anything changed."""
    topics = []
    for name in file.topics:
        topic = find_topic(name)
        if topic is None:
            topic = Topic(name=name)
            save_checked(topic, file.name, file.lines.get("topics"))
            report.add("topic", "created")
        topics.append(topic)
    if set(story.topics.all()) == set(topics):
        return False
    story.topics.set(topics)
    return True


def order_stories(files: Iterable[StoryFile], report: Report) -> None:
    """Give the stories of each issue the places that their files ask for; the others keep their order around them."""
    asking: dict[int, list[StoryFile]] = defaultdict(list)
    for file in files:
        if file.issue and file.position:
            asking[file.issue].append(file)
    for issue in Issue.objects.filter(number__in=asking).order_by("number"):
        asked = asking[issue.number]
        stories = {story.slug: story for story in issue.stories.order_by("position")}
        slugs = in_asked_places(list(stories), {file.slug: file.position or 0 for file in asked})
        if slugs != list(stories):
            arrange(issue, [stories[slug] for slug in slugs])
        for position, count in Counter(file.position for file in asked).items():
            if count > 1:
                names = " and ".join(file.name for file in asked if file.position == position)
                report.warnings.append(f"{names} both ask for position {position}. They stand in this order.")


def in_asked_places(slugs: list[str], positions: dict[str, int]) -> list[str]:
    """Put those with a position there, as far as there are so many; of two with the same, the first comes first.

    Doing it again with the result changes nothing.
    """
    order = [slug for slug in slugs if slug not in positions]
    place = -1
    for slug in sorted(positions, key=lambda slug: positions[slug]):
        place = min(max(positions[slug] - 1, place + 1), len(order))
        order.insert(place, slug)
    return order


def publish_imported(
    issue_files: dict[int, IssueFile], story_files: Iterable[StoryFile], report: Report, *, all_issues_read: bool
) -> set[int]:
    """Publish the issues whose date has come, unless their file says otherwise; return their numbers.

    If the file of some issue was refused, it may have said so: issues without a file wait for it then.
    """
    numbers = set(issue_files) | {file.issue for file in story_files if file.issue}
    published = set()
    for issue in Issue.objects.filter(number__in=numbers).exclude(state=IssueState.PUBLISHED).order_by("number"):
        file = issue_files.get(issue.number)
        if file is None and not all_issues_read:
            report.warnings.append(
                f"Issue {issue.number} stays a draft, until the issue files that are refused are mended."
            )
        elif moment := moment_of_publication(issue, file, report):
            with report.each(file.name if file else f"issue {issue.number}"):
                publish(issue, moment)
                published.add(issue.number)
    return published


def moment_of_publication(issue: Issue, file: IssueFile | None, report: Report) -> datetime.datetime | None:
    """Noon of the issue's day, or what its file says; None if it stays a draft."""
    if file and file.state not in {"", IssueState.PUBLISHED}:
        return None
    if file and file.published_at:
        return file.published_at
    noon = noon_of(issue, Publication.objects.current())
    if noon <= timezone.now():
        return noon
    if file and file.state:
        report.warnings.append(f"{file.name}: the issue stays a draft, since its date, {issue.date}, is still to come.")
    return None


def noon_of(issue: Issue, publication: Publication) -> datetime.datetime:
    """When an issue becomes public unless its file says otherwise: noon of its day, in the publication's zone."""
    return datetime.datetime.combine(issue.date, datetime.time(12), zoneinfo.ZoneInfo(publication.time_zone))


def render_referring(files: Collection[StoryFile]) -> None:
    """Render anew the texts that name these stories, which have appeared, moved or changed their title."""
    stories = Story.objects.filter(slug__in=[file.slug for file in files])
    render_stories_again(stories_referring_to([], stories))
