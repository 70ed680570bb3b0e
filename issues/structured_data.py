"""What pages tell search engines about themselves, in schema.org's terms (https://schema.org/docs/full.html)."""

import json
from collections.abc import Iterable
from typing import Any

from django.utils.safestring import SafeString, mark_safe

from issues.addresses import absolute
from issues.html_tree import parse
from issues.models import Issue, Publication, Story
from papers.models import Author, Paper, PaperType

Data = dict[str, Any]
TYPES = {
    PaperType.BOOK: "Book",
    PaperType.CHAPTER: "Chapter",
    PaperType.DATASET: "Dataset",
    PaperType.DOCUMENT: "CreativeWork",
    PaperType.REPORT: "Report",
    PaperType.SOFTWARE: "SoftwareSourceCode",
    PaperType.THESIS: "Thesis",
    PaperType.WEBPAGE: "WebPage",
}  # the others are a ScholarlyArticle
ESCAPES = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026", 0x2028: "\\u2028", 0x2029: "\\u2029"}


def as_script(data: Data) -> SafeString:
    """A data block: no script that runs, so that no Content-Security-Policy stops it. Nothing in it can end it."""
    document = json.dumps({"@context": "https://schema.org"} | data, ensure_ascii=False).translate(ESCAPES)
    return mark_safe(f'<script type="application/ld+json">{document}</script>')


def filled(data: Data) -> Data:
    """Without what is not known."""
    return {name: value for name, value in data.items() if value not in (None, "", [], {})}


def periodical(publication: Publication) -> Data:
    home = absolute("/")
    return filled(
        {
            "@type": "Periodical",
            "@id": f"{home}#publication",
            "name": publication.name,
            "description": publication.tagline,
            "url": home,
            "inLanguage": publication.language,
            "license": publication.license_url,
            "publisher": publisher(publication),
        }
    )


def publisher(publication: Publication) -> Data:
    return {"@type": "Organization", "name": publication.sender, "url": absolute("/")}


def story(publication: Publication, story: Story, description: str) -> Data:
    """Of a published story `for_page()`."""
    address, issue = absolute(story.get_absolute_url()), story.issue
    published = issue.published_at if issue else None
    corrections = list(story.corrections.all())
    changed = max(filter(None, [published, *(correction.published_at for correction in corrections)]), default=None)
    picture = first_picture(story.body_html)
    return filled(
        {
            "@type": "Article",
            "@id": address,
            "url": address,
            "mainEntityOfPage": address,
            "headline": story.title,
            "description": description,
            "image": picture["src"] if picture else None,
            "datePublished": published.isoformat() if published else None,
            "dateModified": changed.isoformat() if changed else None,
            "author": publisher(publication),
            "publisher": publisher(publication),
            "articleSection": story.section.name,
            "keywords": [topic["name"] for topic in story.topic_rows],  # type: ignore[attr-defined]  # for_list()
            "wordCount": story.word_count,
            "inLanguage": publication.language,
            "license": publication.license_url,
            "isAccessibleForFree": True,
            "isPartOf": issue_of(publication, issue) if issue else None,
            "position": story.position,
            "citation": [paper(each) for each in story.papers.all()],
            "correction": [
                {
                    "@type": "CorrectionComment",
                    "url": f"{address}#correction-{correction.pk}",
                    "text": correction.text,
                    "datePublished": correction.date.isoformat(),
                }
                for correction in corrections
            ],
        }
    )


def issue_of(publication: Publication, issue: Issue) -> Data:
    address = absolute(issue.get_absolute_url())
    return filled(
        {
            "@type": "PublicationIssue",
            "@id": address,
            "url": address,
            "issueNumber": issue.number,
            "name": issue.title,
            "datePublished": issue.date.isoformat(),
            "isPartOf": periodical(publication),
        }
    )


def issue(publication: Publication, issue: Issue, stories: Iterable[Story]) -> Data:
    """With the stories that it is made of."""
    return issue_of(publication, issue) | filled(
        {
            "description": issue.summary,
            "license": publication.license_url,
            "hasPart": [part(story) for story in stories],
        }
    )


def part(story: Story) -> Data:
    address = absolute(story.get_absolute_url())
    return {"@type": "Article", "@id": address, "url": address, "headline": story.title}


def paper(paper: Paper, stories: Iterable[Story] = (), *, with_abstract: bool = False) -> Data:
    """Of a paper `with_authors()`."""
    identifiers = {"arXiv": paper.arxiv_id, "DOI": paper.doi}
    return filled(
        {
            "@type": TYPES.get(PaperType(paper.type), "ScholarlyArticle"),
            "@id": absolute(paper.get_absolute_url()),
            "url": absolute(paper.get_absolute_url()),
            "name": str(paper),
            "author": [author(each) for each in paper.authors_in_order()],
            "datePublished": paper.issued,
            "abstract": paper.abstract if with_abstract else None,
            "publisher": {"@type": "Organization", "name": paper.publisher} if paper.publisher else None,
            "isPartOf": {"@type": "CreativeWork", "name": paper.container_title} if paper.container_title else None,
            "pagination": paper.page,
            "identifier": [
                {"@type": "PropertyValue", "propertyID": name, "value": text}
                for name, text in identifiers.items()
                if text
            ],
            "sameAs": list(dict.fromkeys(filter(None, [paper.link, paper.arxiv_url, paper.url]))),
            "subjectOf": [part(story) for story in stories],
        }
    )


def author(author: Author) -> Data:
    """A group has its whole name as family name: it may be an organisation or not, which nobody can tell."""
    if not author.given:
        return {"@type": "Thing", "name": str(author)}
    return {"@type": "Person", "name": str(author), "familyName": author.family, "givenName": author.given}


def collection(publication: Publication, title: str, path: str, description: str) -> Data:
    """A page that lists what there is."""
    return filled(
        {
            "@type": "CollectionPage",
            "@id": absolute(path),
            "url": absolute(path),
            "name": title,
            "description": description,
            "isPartOf": periodical(publication),
        }
    )


def first_picture(html: str) -> dict[str, str]:
    """The attributes of the first picture in sanitised HTML, its address made whole; empty if there is none."""
    if "<img" not in html:
        return {}
    picture = next(parse(html).find("img"))
    source = picture.attributes.get("src", "")
    return picture.attributes | {"src": absolute(source) if source.startswith("/") else source}
