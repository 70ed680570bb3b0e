"""Writing the database's digest as a folder of files, in the format that the importer reads."""

import itertools
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.core.files.storage import default_storage

from issues.digest_format import IssueFile, ResourceEntry, StoryFile, figures_in, write_issue, write_story
from issues.errors import BadFile
from issues.importing.records import PUBLICATION_KEYS
from issues.importing.stories import noon_of
from issues.models import Image, Issue, IssueState, Publication, Section, Story, Topic
from issues.yaml_files import dump_yaml
from papers.csl import as_csl
from papers.models import Paper


def export_digest(folder: Path, *, progress: Callable[[str], object] = lambda name: None) -> int:
    """Write everything that the format holds into a new or empty folder; return the number of files.

    Corrections, revisions, mailings and subscribers are not part of it. Memory does not grow with the archive, but for
    the records of topics and papers. Raises BadFile if the folder holds something already.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadFile(str(folder), "The folder is not empty. Name a new one, so that nothing old is mixed in.")
    written = 0
    for name, content in digest_files():
        progress(name)
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        written += 1
    return written


def digest_files() -> Iterator[tuple[str, bytes]]:
    """Yield the name and the bytes of each file of the digest."""
    publication = Publication.objects.current()
    yield (
        "digest.yaml",
        dump_yaml({"publication": publication_values(publication), "sections": section_values()}).encode(),
    )
    if topics := topic_values():
        yield "topics.yaml", dump_yaml({"topics": topics}).encode()
    papers = [as_csl(paper) for paper in Paper.objects.with_authors().order_by("slug")]
    if papers:
        yield "papers.yaml", dump_yaml({"references": papers}).encode()
    figures: set[str] = set()
    for name, text in text_files(publication):
        figures.update(figures_in(text))
        yield name, text.encode()
    for image in Image.objects.order_by("name").iterator():
        if image.source in figures:
            with default_storage.open(image.file.name or "") as source:
                yield image.source, source.read()


def text_files(publication: Publication) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each issue and story. A story's position is its rank, without gaps."""
    for issue in Issue.objects.order_by("number").iterator(chunk_size=100):
        issue_entry = issue_file(issue, publication)
        yield issue_entry.name, write_issue(issue_entry)
    stories = (
        Story.objects.for_page().prefetch_related("topic_items__tag").order_by("issue__number", "position", "slug")
    )
    for _, group in itertools.groupby(stories.iterator(chunk_size=100), key=lambda story: story.issue_id):
        for position, story in enumerate(group, start=1):
            entry = story_file(story, position)
            yield entry.name, write_story(entry)


def publication_values(publication: Publication) -> dict[str, str]:
    return {key: getattr(publication, key) for key in PUBLICATION_KEYS if getattr(publication, key)}


def section_values() -> list[dict[str, str]]:
    keys = ("name", "slug", "description")
    return [{key: getattr(section, key) for key in keys if getattr(section, key)} for section in Section.objects.all()]


def topic_values() -> list[dict[str, Any]]:
    topics = Topic.objects.prefetch_related("aliases", "builds_on").order_by("name")
    return [
        {
            key: value
            for key, value in {
                "name": topic.name,
                "slug": topic.slug,
                "description": topic.description,
                "aliases": [alias.name for alias in topic.aliases.all()],
                "builds_on": sorted(foundation.name for foundation in topic.builds_on.all()),
            }.items()
            if value
        }
        for topic in topics
    ]


def issue_file(issue: Issue, publication: Publication) -> IssueFile:
    """An approved issue is written as a draft: approval is for one frozen mailing, not for a text."""
    moment = None if issue.published_at == noon_of(issue, publication) else issue.published_at
    return IssueFile(
        name=f"issues/{issue.number:03}.md",
        number=issue.number,
        date=issue.date,
        title=issue.title,
        subject=issue.subject,
        preheader=issue.preheader,
        summary=issue.summary,
        state="published" if issue.state == IssueState.PUBLISHED else "draft",
        published_at=moment,
        intro=with_plain_newlines(issue.intro),
        outro=with_plain_newlines(issue.outro),
    )


def story_file(story: Story, position: int) -> StoryFile:
    """No query for a story from `for_page()` with its topics."""
    issue = story.issue
    return StoryFile(
        name=f"{issue.number:03}-{story.slug}.md" if issue else f"queue-{story.slug}.md",
        title=story.title,
        slug=story.slug,
        section=story.section.name,
        body=with_plain_newlines(story.body),
        issue=issue.number if issue else None,
        date=issue.date if issue else None,
        position=position if issue else None,
        topics=sorted(item.tag.name for item in story.topic_items.all()),
        papers=[paper.identifier or paper.slug for paper in story.papers.all()],
        resources=[
            ResourceEntry(row.title, row.resource.url, row.resource.kind) for row in story.story_resources.all()
        ],
        summary=story.summary,
        state=story.state,
    )


def with_plain_newlines(text: str) -> str:
    """Forms in browsers send CR LF; the importer would read it as LF, and report a change."""
    return re.sub(r"\r\n?", "\n", text).strip("\n")
