"""How a story that isn't saved yet will look, as a page and as an email, and what is found in its text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.validators import slug_re
from django.template.loader import render_to_string
from django.utils.safestring import mark_safe

from issues.addresses import absolute
from issues.emailing import paper_line, part, put_together
from issues.models import Issue, Publication, Section, Story, StoryResource
from issues.proofreading import Finding, proofread
from issues.render_context import Medium
from issues.rendering import check_limits, find_surroundings, render
from issues.sources import resource_rows
from issues.variants import whole
from issues.wording import number_in
from papers.models import Paper

UNTITLED = "Untitled"


@dataclass(frozen=True)
class Preview:
    """`document` is a whole page, to be shown in a frame where no script runs."""

    document: str
    words: int
    minutes: int
    findings: list[Finding]


def preview_story(
    story: Story, medium: Medium, *, papers: Sequence[Paper] = (), links: Sequence[StoryResource] = ()
) -> Preview:
    """Render a story as it was typed, by the renderer of pages and emails. Raises BadMarkdown."""
    check_limits(story.body)
    surroundings = find_surroundings([story.body], story.issue)
    rendered = render(story.body, medium, story.slug or "preview", surroundings)
    story.word_count = rendered.word_count
    story.title = story.title or UNTITLED
    show = as_email if medium == "email" else as_page
    document = show(story, mark_safe(rendered.html), papers, links)
    findings = proofread(story.body, rendered, surroundings)
    return Preview(document, story.word_count, story.reading_minutes, findings)


def as_page(story: Story, body: str, papers: Sequence[Paper], links: Sequence[StoryResource]) -> str:
    context = {
        "story": story,
        "body": body,
        "papers": [paper_line(paper) for paper in papers],
        "links": links,
        "publication": Publication.objects.current(),
    }
    return render_to_string("admin/issues/story/preview_page.html", context)


def as_email(story: Story, body: str, papers: Sequence[Paper], links: Sequence[StoryResource]) -> str:
    """Between the masthead and the footer of its issue, or of the next one."""
    publication = Publication.objects.current()
    issue = story.issue or Issue(number=Issue.objects.next_number())
    shown = part(
        story.title,
        "_story.html",
        story=story,
        section=story.section if story.section_id else None,
        address=absolute(story.get_absolute_url()) if story.slug else "",
        body=body,
        papers=[paper_line(paper) for paper in papers],
        links=links,
    )
    return whole(put_together(issue, publication, story.title, story.summary, [shown]).html)


def story_typed(values: Mapping[str, Any], stored: Story | None = None) -> Story:
    """A story, not saved, from what stands in its form, as far as that makes sense yet. Two queries.

    One that is published has no issue in its form: it stays in that of the `stored` one.
    """
    section = Section.objects.filter(pk=number_in(values.get("section")) or 0).first()
    issue = Issue.objects.filter(pk=number_in(values.get("issue")) or 0).first()
    if stored is not None and stored.is_public:
        issue = stored.issue
    story = Story(issue=issue, **{name: values.get(name) or "" for name in ("title", "slug", "summary", "body")})
    if not slug_re.match(story.slug):
        story.slug = ""  # It is refused when the story is saved; until then there is no such address.
    if section:
        story.section = section
    return story


def sources_typed(values: Mapping[str, Any]) -> tuple[list[Paper], list[StoryResource]]:
    """Its papers and links in the order in which they stand in its form. Four queries."""
    papers = Paper.objects.with_authors().in_bulk([int(key) for key in values.get("papers", [])])
    links = [
        StoryResource(resource=row.resource, label=row.title) for row in resource_rows(values.get("resources", []))
    ]
    return [papers[key] for key in map(int, values.get("papers", [])) if key in papers], links
