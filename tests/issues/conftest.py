import datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from issues.models import Correction
from papers.models import Resource

SITE = "https://digest.example.org"
BODY = """As [[story-1]] and DT #1 told, $\\frac{a}{b}$ is small.[^1] Write `<a href="/not/a/link">`.

![A grid](figures/grid.png "Its caption")

| one | two |
|---|---|
| [three](https://example.org/three "A > B") | four |

[^1]: A note with *words*.
"""


@pytest.fixture
def archive(settings, publication, make_issue, make_story, make_topic, make_paper, make_image):
    """Make so many published stories, three to an issue, each with all that machines are told of."""

    def make(count, *, published_at=None):
        start = published_at or timezone.now() - datetime.timedelta(days=1)
        make_image()
        topics = [make_topic("language models"), make_topic("robots")]
        topics[1].builds_on.add(topics[0])
        resource = Resource.objects.get_or_create(
            url="https://example.org/code?a=1&b=2", defaults={"title": "The <code>", "kind": "code"}
        )[0]
        stories = []
        for number in range(count):
            issue = stories[-1].issue if number % 3 else make_issue(published_at=start, intro="Good *morning*, DT #1.")
            papers = [make_paper(f"Paper {number} & more", authors=("Brown", "Mann")), make_paper(authors=("Li",))]
            about = {"papers": papers, "resources": [resource], "topics": topics}
            story = make_story(issue=issue, body=BODY, position=number % 3 + 1, **about)
            Correction.objects.create(story=story, text="It was 7, not < 8.", published_at=issue.published_at)
            stories.append(story)
        return stories

    settings.SITE_URL = SITE
    publication.license_name, publication.license_url = "CC BY 4.0", "https://creativecommons.org/licenses/by/4.0/"
    publication.save()
    return make


@pytest.fixture
def queries_of(client):
    """Ask for an address, which has to be there; return how many queries that took."""

    def count(address):
        with CaptureQueriesContext(connection) as captured:
            assert client.get(address).status_code == 200, address
        return len(captured)

    return count
