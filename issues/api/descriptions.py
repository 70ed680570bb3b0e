"""Things as the API tells of them: the shapes that openapi.yaml describes."""

import datetime
from typing import Any

from django.urls import reverse

from issues.addresses import absolute, moment_of_publication, permanent_id, tag_uri
from issues.corrections import updated
from issues.feeds.content import html_for_feeds
from issues.models import Correction, Issue, Publication, Section, Story, Topic
from papers.models import Author, Paper, Resource


def addresses(thing: Story | Issue | Topic | Paper, name: str, key: str | int) -> dict[str, str]:
    """The page of a thing, and what the API tells of it."""
    return {
        "url": absolute(thing.get_absolute_url()),
        "api_url": absolute(reverse(f"issues:api_{name}", args=[key])),
    }


def moments(thing: Story | Issue) -> dict[str, str]:
    published = moment_of_publication(thing.issue if isinstance(thing, Story) else thing)
    return {"published_at": in_utc(published), "updated_at": in_utc(updated(thing))}


def in_utc(moment: datetime.datetime) -> str:
    return moment.astimezone(datetime.UTC).isoformat()


def story_in_list(publication: Publication, story: Any) -> dict[str, Any]:
    """Of a story `for_list()` and with_corrected_at()."""
    return {
        "id": permanent_id(publication, story),
        "slug": story.slug,
        **addresses(story, "story", story.slug),
        "title": story.title,
        "summary": story.summary,
        "section": {"slug": story.section.slug, "name": story.section.name},
        "issue": story.issue.number,
        "position": story.position,
        "topics": [{"slug": topic["slug"], "name": topic["name"]} for topic in story.topic_rows],
        "word_count": story.word_count,
        **moments(story),
    }


def story_in_full(publication: Publication, story: Any) -> dict[str, Any]:
    """Of a story `for_page()`, too."""
    address = absolute(story.get_absolute_url())
    return story_in_list(publication, story) | {
        "content_html": html_for_feeds(story.body_html, address),
        "papers": [paper_in_list(paper) for paper in story.papers.all()],
        "resources": [resource(row.resource, row.label) for row in story.story_resources.all()],
        "corrections": [
            {"date": row.date.isoformat(), "text": row.text, "published_at": in_utc(row.published_at)}
            for row in story.corrections.all()
        ],
    }


def issue_in_list(publication: Publication, issue: Issue) -> dict[str, Any]:
    return {
        "id": permanent_id(publication, issue),
        "number": issue.number,
        **addresses(issue, "issue", issue.number),
        "title": issue.title,
        "summary": issue.summary,
        "date": issue.date.isoformat(),
        **moments(issue),
    }


def issue_in_full(publication: Publication, issue: Issue, stories: list[Story]) -> dict[str, Any]:
    address = absolute(issue.get_absolute_url())
    return issue_in_list(publication, issue) | {
        "intro_html": html_for_feeds(issue.intro_html, address),
        "outro_html": html_for_feeds(issue.outro_html, address),
        "stories": [story_in_list(publication, story) for story in stories],
    }


def section(section: Section) -> dict[str, Any]:
    return {
        "slug": section.slug,
        "name": section.name,
        "description": section.description,
        "url": absolute(section.get_absolute_url()),
        "stories_url": f"{absolute(reverse('issues:api_stories'))}?section={section.slug}",
    }


def topic(topic: Any) -> dict[str, Any]:
    """Of a topic `with_relations()`."""
    address = absolute(topic.get_absolute_url())
    return {
        "slug": topic.slug,
        "name": topic.name,
        **addresses(topic, "topic", topic.slug),
        "description_html": html_for_feeds(topic.description_html, address),
        "builds_on": [{"slug": row["slug"], "name": row["name"]} for row in topic.builds_on_rows],
        "built_on_by": [{"slug": row["slug"], "name": row["name"]} for row in topic.built_on_by_rows],
        "stories_url": f"{absolute(reverse('issues:api_stories'))}?topic={topic.slug}",
    }


def paper_in_list(paper: Paper) -> dict[str, Any]:
    """Of a paper `with_authors()`. Empty texts mean that nothing is known; `issued` is as exact as it is known."""
    return {
        "slug": paper.slug,
        **addresses(paper, "paper", paper.slug),
        "title": str(paper),
        "type": paper.type,
        "authors": [author(each) for each in paper.authors_in_order()],
        "issued": paper.issued,
        "container_title": paper.container_title,
        "arxiv_id": paper.arxiv_id,
        "doi": paper.doi,
        "link": paper.link,
    }


def paper_in_full(paper: Paper, stories: list[Story]) -> dict[str, Any]:
    return paper_in_list(paper) | {
        "abstract": paper.abstract,
        "resources": [resource(row) for row in paper.resources.all()],
        "stories": [story_link(story) for story in stories],
    }


def author(author: Author) -> dict[str, str]:
    return {"slug": author.slug, "family": author.family, "given": author.given, "suffix": author.suffix}


def resource(resource: Resource, label: str = "") -> dict[str, str]:
    return {"url": resource.url, "title": label or resource.title, "kind": resource.kind}


def story_link(story: Story) -> dict[str, str]:
    return {"slug": story.slug, "title": story.title, **addresses(story, "story", story.slug)}


def correction(publication: Publication, correction: Correction) -> dict[str, Any]:
    story = correction.story
    name = f"stories/{story.slug}/corrections/{correction.pk}"
    return {
        "id": tag_uri(publication, moment_of_publication(story.issue), name),
        "url": f"{absolute(story.get_absolute_url())}#correction-{correction.pk}",
        "date": correction.date.isoformat(),
        "text": correction.text,
        "published_at": in_utc(correction.published_at),
        "story": story_link(story),
    }
