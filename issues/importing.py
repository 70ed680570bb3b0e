"""Bringing a digest's folder into the database. Each file is taken in whole or not at all."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from django.db import transaction

from issues import images
from issues.digest_format import IssueFile, StoryFile, read_issue, read_story
from issues.errors import BadFile, IssuesError
from issues.importing_records import (
    Outcome,
    import_issue,
    import_papers,
    import_publication,
    import_sections,
    import_topics,
)
from issues.importing_stories import import_story, order_stories, publish_imported
from issues.models import Image
from papers.errors import PapersError


@dataclass
class Report:
    """What became of a digest: how many of each kind were created, updated and unchanged, and what was refused and why."""

    counts: Counter[tuple[str, Outcome]] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def add(self, kind: str, outcome: Outcome) -> None:
        self.counts[kind, outcome] += 1

    @contextmanager
    def each(self, name: str) -> Iterator[None]:
        """Take in one thing in a transaction of its own; if it is refused, say so and go on."""
        try:
            with transaction.atomic():
                yield
        except BadFile as error:
            self.refused.append(str(error))
        except (IssuesError, PapersError) as error:
            self.refused.append(f"{name}: {error}")


def import_digest(
    folder: Path, *, dry_run: bool = False, progress: Callable[[str], object] = lambda name: None
) -> Report:
    """Take in a folder in the format of docs/digest-format.md; a dry run changes nothing and reports the same.

    `progress` is called with the name of each file before it is read. Doing it twice changes nothing the second time.
    Raises BadFile if the folder isn't there or holds no digest.
    """
    files = digest_files(folder)
    report = Report()
    known_images = set(Image.objects.values_list("pk", flat=True))
    with transaction.atomic():
        take_in(folder, files, report, progress)
        if dry_run:
            for image in Image.objects.exclude(pk__in=known_images):
                images.delete_files(image)
            transaction.set_rollback(True)
    return report


def digest_files(folder: Path) -> list[str]:
    """The Markdown files of a digest: issues first, then stories, by name. Raises BadFile."""
    if not folder.is_dir():
        raise BadFile(str(folder), "There is no such folder. Name the folder that holds the digest's files.")
    issues = sorted(f"issues/{path.name}" for path in (folder / "issues").glob("*.md"))
    stories = sorted(path.name for path in folder.glob("*.md") if path.name.lower() != "readme.md")
    if not issues and not stories:
        raise BadFile(str(folder), "The folder holds no Markdown files of stories or issues.")
    return issues + stories


def take_in(folder: Path, files: list[str], report: Report, progress: Callable[[str], object]) -> None:
    """Records first, then issues, then stories, which refer to them; publishing last, when all texts are there."""
    for import_records in (import_publication, import_sections, import_topics, import_papers):
        import_records(folder, report)
    issue_files: dict[int, IssueFile] = {}
    story_files: list[StoryFile] = []
    for name in files:
        progress(name)
        with report.each(name):
            if name.startswith("issues/"):
                issue_file = read_issue(folder, name)
                import_issue(folder, issue_file, report)
                issue_files[issue_file.number] = issue_file
            else:
                story_file = read_story(folder, name)
                import_story(folder, story_file, report)
                story_files.append(story_file)
    order_stories(story_files)
    publish_imported(issue_files, story_files, report)
