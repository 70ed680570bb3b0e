"""Bringing a digest's folder into the database. Each file is taken in whole or not at all."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

from django.db import transaction

from issues.digest_format import IssueFile, StoryFile, read_issue, read_story
from issues.errors import BadFile
from issues.importing.records import import_issue, import_masthead, import_papers
from issues.importing.reports import Report
from issues.importing.stories import import_story, order_stories, publish_imported, render_referring
from issues.importing.topics import import_topics
from issues.models import Image


def import_digest(
    folder: Path, *, dry_run: bool = False, progress: Callable[[str], object] = lambda name: None
) -> Report:
    """Take in a folder in the format of docs/digest-format.md; a dry run changes nothing and reports the same.

    Each file is a transaction of its own, so that the database can be written to meanwhile, and what was taken in
    before an interruption stays; a dry run is one transaction. `progress` is called with the name of each file before
    it is read. Doing it twice changes nothing the second time. Raises BadFile if the folder isn't there or holds no
    digest.
    """
    files = digest_files(folder)
    report = Report(known_images=set(Image.objects.values_list("pk", flat=True)))
    try:
        with transaction.atomic() if dry_run else nullcontext():
            take_in(folder, files, report, progress)
            if dry_run:
                transaction.set_rollback(True)
    finally:
        if dry_run:
            report.discard_images()
    return report


def digest_files(folder: Path) -> list[str]:
    """The Markdown files of a digest: issues first, then stories, by name. Raises BadFile."""
    if not folder.is_dir():
        raise BadFile(str(folder), "There is no such folder. Name the folder that holds the digest's files.")
    issues = [f"issues/{name}" for name in markdown_files(folder / "issues")]
    stories = markdown_files(folder)
    if not issues and not stories:
        raise BadFile(str(folder), "The folder holds no Markdown files of stories or issues.")
    return issues + stories


def markdown_files(folder: Path) -> list[str]:
    """Names ending in .md, sorted; without the readme, and without hidden files, which other programs leave behind."""
    if not folder.is_dir():
        return []
    names = [path.name for path in folder.iterdir() if path.suffix.lower() == ".md"]
    return sorted(name for name in names if name.lower() != "readme.md" and not name.startswith("."))


def take_in(folder: Path, files: list[str], report: Report, progress: Callable[[str], object]) -> None:
    """Records first, then issues, then stories, which refer to them; publishing last, when all texts are there."""
    for import_records in (import_masthead, import_topics, import_papers):
        import_records(folder, report)
    issue_files: dict[int, IssueFile] = {}
    story_files: dict[str, StoryFile] = {}
    moved: list[str] = []
    for name in files:
        progress(name)
        with report.each(name):
            if name.startswith("issues/"):
                take_in_issue(folder, name, issue_files, report)
            elif take_in_story(folder, name, story_files, report):
                moved.append(name)
    order_stories(story_files.values(), report)
    all_issues_read = len(issue_files) == sum(name.startswith("issues/") for name in files)
    published = publish_imported(issue_files, story_files.values(), report, all_issues_read=all_issues_read)
    render_referring([file for file in story_files.values() if file.name in moved and file.issue not in published])


def take_in_issue(folder: Path, name: str, issue_files: dict[int, IssueFile], report: Report) -> None:
    file = read_issue(folder, name)
    if file.number in issue_files:
        first = issue_files[file.number].name
        raise BadFile(name, f"Issue {file.number} stands in {first} already. Keep one of them.", file.lines["number"])
    import_issue(folder, file, report)
    issue_files[file.number] = file


def take_in_story(folder: Path, name: str, story_files: dict[str, StoryFile], report: Report) -> bool:
    """Return whether the story is new to readers, or has another place or title."""
    file = read_story(folder, name)
    if file.slug in story_files:
        first = story_files[file.slug].name
        raise BadFile(name, f"The slug “{file.slug}” is that of {first} already. Choose another.", file.lines["slug"])
    moved = import_story(folder, file, report)
    story_files[file.slug] = file
    return moved
