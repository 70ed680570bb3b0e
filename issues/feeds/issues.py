"""Feeds of whole issues, and of corrections. Two queries each."""

from typing import Any

from django.db.models import OuterRef
from django.http import Http404, HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse

from issues.addresses import absolute, moment_of_publication, permanent_id, tag_uri
from issues.corrections import issues_with_corrected_at, published_corrections, updated
from issues.feeds.answering import Page, feed_view
from issues.feeds.content import html_for_feeds
from issues.feeds.formats import Entry
from issues.models import Correction, Issue, Publication, Story
from papers.json_rows import JSONRows

ISSUES, CORRECTIONS = 10, 50  # entries on a page


@feed_view()
def issues(request: HttpRequest, publication: Publication, form: str) -> Page:
    """Whole issues: intro, stories and outro of each."""
    stories = Story.objects.filter(issue=OuterRef("pk")).in_reading_order()
    rows = JSONRows(stories, title="title", slug="slug", html="body_html")
    published = issues_with_corrected_at(Issue.objects.published()).annotate(story_rows=rows).defer("intro", "outro")
    if number := place_in(request):
        published = published.filter(number__lt=number)
    shown = list(published[: ISSUES + 1])
    older = str(shown[ISSUES - 1].number) if len(shown) > ISSUES else ""
    return Page(
        [issue_entry(publication, issue) for issue in shown[:ISSUES]], older, "issues", reverse("issues:issues")
    )


def issue_entry(publication: Publication, issue: Any) -> Entry:
    address = absolute(issue.get_absolute_url())
    stories = [
        {
            "title": row["title"],
            "address": (where := absolute(reverse("issues:story", args=[row["slug"]]))),
            "html": html_for_feeds(row["html"], where),
        }
        for row in issue.story_rows
    ]
    titles = " · ".join(story["title"] for story in stories)
    context = {
        "intro": html_for_feeds(issue.intro_html, address),
        "stories": stories,
        "outro": html_for_feeds(issue.outro_html, address),
    }
    return Entry(
        id=permanent_id(publication, issue),
        address=address,
        title=f"{publication.short_name} {issue}",
        published=moment_of_publication(issue),
        updated=updated(issue),
        modified=max(updated(issue), issue.updated_at),
        summary=issue.summary or titles,
        html=render_to_string("issues/feed_issue.html", context),
    )


@feed_view()
def corrections(request: HttpRequest, publication: Publication, form: str) -> Page:
    """What was wrong, the latest correction first."""
    rows = (
        published_corrections().select_related("story__issue").order_by("-pk").defer("story__body", "story__body_html")
    )
    if number := place_in(request):
        rows = rows.filter(pk__lt=number)
    shown = list(rows[: CORRECTIONS + 1])
    older = str(shown[CORRECTIONS - 1].pk) if len(shown) > CORRECTIONS else ""
    entries = [correction_entry(publication, correction) for correction in shown[:CORRECTIONS]]
    return Page(entries, older, "corrections", reverse("issues:corrections"))


def correction_entry(publication: Publication, correction: Correction) -> Entry:
    story = correction.story
    address = f"{absolute(story.get_absolute_url())}#correction-{correction.pk}"
    return Entry(
        id=tag_uri(
            publication, moment_of_publication(story.issue), f"stories/{story.slug}/corrections/{correction.pk}"
        ),
        address=address,
        title=f"Correction: {story.title}",
        published=correction.published_at,
        updated=correction.published_at,
        modified=correction.published_at,
        summary=correction.text,
        html=render_to_string("issues/feed_correction.html", {"correction": correction, "address": address}),
    )


def place_in(request: HttpRequest) -> int | None:
    """The number in ?before=41. Raises Http404 for what is no number."""
    before = request.GET.get("before", "")
    if before and not (before.isascii() and before.isdigit() and len(before) < 19):
        raise Http404("A place in the list is written like ?before=41")
    return int(before) if before else None
