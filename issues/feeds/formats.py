"""A feed, and its two forms: Atom (RFC 4287, RFC 5005, RFC 4946) and JSON Feed 1.1 (https://www.jsonfeed.org/version/1.1/)."""

import datetime
import json
from dataclasses import dataclass, field
from typing import Any

from django.utils.feedgenerator import Atom1Feed, rfc3339_date
from django.utils.html import escape
from django.utils.xmlutils import SimplerXMLGenerator

from issues.feeds.content import readable
from issues.models import Publication

MEDIA_TYPES = {"atom": "application/atom+xml", "json": "application/feed+json"}
BEFORE_ALL = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)  # when a feed without entries was changed


@dataclass(frozen=True)
class Entry:
    """What a feed tells of one thing. Texts are plain but for `html`; addresses are whole."""

    id: str
    address: str
    title: str
    published: datetime.datetime
    updated: datetime.datetime
    modified: datetime.datetime  # of its last change, significant or not
    summary: str
    html: str
    topics: list[str] = field(default_factory=list)
    papers: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Feed:
    """A page of a feed. Addresses are whole; `next_address` is empty on the last page."""

    id: str
    title: str
    page_address: str
    address: str
    first_address: str
    next_address: str
    hub: str  # empty where there is none
    publication: Publication
    entries: list[Entry]

    @property
    def updated(self) -> datetime.datetime:
        return max((entry.updated for entry in self.entries), default=BEFORE_ALL)

    @property
    def modified(self) -> datetime.datetime:
        return max((entry.modified for entry in self.entries), default=BEFORE_ALL)

    @property
    def links(self) -> list[dict[str, str]]:
        """Those of Atom, but for self and alternate."""
        links = {
            "hub": self.hub,
            "license": self.publication.license_url,
            "first": self.first_address,
            "next": self.next_address,
        }
        return [{"rel": rel, "href": address} for rel, address in links.items() if address]


class DigestAtom(Atom1Feed):
    """Django's writer, with content beside the summary, and the links that it doesn't know."""

    def add_root_elements(self, handler: SimplerXMLGenerator) -> None:
        super().add_root_elements(handler)
        for link in self.feed["links"]:
            handler.addQuickElement("link", "", link)

    def add_item_elements(self, handler: SimplerXMLGenerator, item: dict[str, Any]) -> None:
        super().add_item_elements(handler, item)
        handler.addQuickElement("content", item["html"], {"type": "html"})

    def latest_post_date(self) -> datetime.datetime:
        moment: datetime.datetime = self.feed["updated"]
        return moment


def as_atom(feed: Feed) -> str:
    publication = feed.publication
    licence = " ".join(filter(None, [publication.license_name, publication.license_url]))
    writer = DigestAtom(
        title=readable(feed.title),
        link=feed.page_address,
        description=None,
        language=publication.language,
        author_name=readable(publication.sender),
        subtitle=readable(publication.tagline),
        feed_url=feed.address,
        feed_guid=feed.id,
        feed_copyright=readable(licence) or None,
        updated=feed.updated,
        links=feed.links,
    )
    for entry in feed.entries:
        writer.add_item(
            title=readable(entry.title),
            link=entry.address,
            description=escape(readable(entry.summary)),
            unique_id=entry.id,
            pubdate=entry.published,
            updateddate=entry.updated,
            categories=[readable(topic) for topic in entry.topics],
            html=readable(entry.html),
        )
    return writer.writeString("utf-8")


def as_json(feed: Feed) -> str:
    publication = feed.publication
    document = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": feed.title,
        "home_page_url": feed.page_address,
        "feed_url": feed.address,
        "description": publication.tagline,
        "next_url": feed.next_address,
        "authors": [{"name": publication.sender}],
        "language": publication.language,
        "hubs": [{"type": "WebSub", "url": feed.hub}] if feed.hub else [],
        "items": [item_of(entry) for entry in feed.entries],
        "_license": {"name": publication.license_name, "url": publication.license_url},
    }
    return json.dumps({name: value for name, value in document.items() if value or name == "items"}, ensure_ascii=False)


def item_of(entry: Entry) -> dict[str, Any]:
    item = {
        "id": entry.id,
        "url": entry.address,
        "title": entry.title,
        "summary": entry.summary,
        "content_html": entry.html,
        "date_published": rfc3339_date(entry.published),
        "date_modified": rfc3339_date(entry.updated),
        "tags": entry.topics,
        "_papers": {"items": entry.papers} if entry.papers else None,
    }
    return {name: value for name, value in item.items() if value}


WRITERS = {"atom": as_atom, "json": as_json}
