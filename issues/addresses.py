"""Whole addresses, and identifiers that outlive them."""

import datetime
import uuid

from django.conf import settings

from issues.models import Issue, Publication, Story


def absolute(path: str) -> str:
    """The address as the world knows it: of the site that the settings name, whatever host a request came to."""
    return settings.SITE_URL + path


def permanent_id(publication: Publication, thing: Story | Issue) -> str:
    """The tag URI (RFC 4151) of something public: it stays the same when the site moves to another host.

    Its authority is the List-Id, which is stored, exported, and stays the same for the life of the list; its date is
    that of the publication, which is stored and exported too. Story needs its issue: no query if that is there.
    """
    if isinstance(thing, Story):
        return tag_uri(publication, moment_of_publication(thing.issue), f"stories/{thing.slug}")
    return tag_uri(publication, moment_of_publication(thing), f"issues/{thing.number}")


def tag_uri(publication: Publication, moment: datetime.datetime, name: str) -> str:
    return f"tag:{publication.list_id},{moment.astimezone(datetime.UTC).date()}:{name}"


def feed_id(publication: Publication, path: str) -> str:
    """The permanent name of a feed: a UUID made from the List-Id and the path, as feeds have no date for a tag URI."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"{publication.list_id}{path}").urn


def moment_of_publication(issue: Issue | None) -> datetime.datetime:
    """Raises ValueError for what is not published, which nothing that machines read may show."""
    if issue is None or issue.published_at is None:
        raise ValueError("This is not published.")
    return issue.published_at
