"""The API: its answers against its description, by schemathesis, and what the description can't say."""

import datetime

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode

from issues.api import answers, views
from issues.models import Correction, TopicAlias
from papers.models import PaperAlias
from tests.issues.conftest import SITE

NOTHING_TO_GET_WRONG = ("/api/v1", "/api/v1/sections", "/api/v1/topics", "/api/v1/topics/{slug}")  # any text is right
LISTS = ("stories", "issues", "topics", "papers", "corrections")


@pytest.fixture
def api(archive):
    """The API of a small archive as schemathesis sees it, through WSGI.

    A request's end would close the connection that holds the test's transaction, if we let it.
    """
    archive(2)
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield schemathesis.openapi.from_wsgi("/api/v1/openapi.json", get_wsgi_application())
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.parametrize("mode", GenerationMode)
def test_every_answer_is_as_described_whatever_is_asked(api, mode):
    operations = [result.ok() for result in api.get_all_operations()]
    assert len(operations) == 11
    for operation in operations:
        if mode is GenerationMode.NEGATIVE and operation.path in NOTHING_TO_GET_WRONG:
            continue

        @settings(max_examples=20, deadline=None, database=None, derandomize=True, suppress_health_check=HealthCheck)
        @given(case=operation.as_strategy(generation_mode=mode))
        def check(case):
            case.call_and_validate()

        check()


def test_things_that_are_there_are_as_described(api):
    for name, parameter, key in (
        ("stories", "slug", "slug"),
        ("issues", "number", "number"),
        ("topics", "slug", "slug"),
        ("papers", "slug", "slug"),
    ):
        things = api[f"/api/v1/{name}"]["GET"].Case().call_and_validate().json()["items"]
        assert things
        for thing in things:
            case = api[f"/api/v1/{name}/{{{parameter}}}"]["GET"].Case(path_parameters={parameter: thing[key]})
            response = case.call_and_validate()
            assert response.status_code == 200


def test_the_description_names_every_address_and_none_that_is_not_there(client, archive):
    archive(1)
    description = client.get("/api/v1/openapi.json").json()
    assert description["servers"] == [{"url": SITE}]
    assert description["info"]["title"] == "Dynamically Typed"
    start = client.get("/api/v1").json()
    assert {address.removeprefix(SITE) for address in start["lists"].values()} == {
        path for path in description["paths"] if path.count("/") == 3
    }
    for address in (*start["lists"].values(), start["description_url"]):
        assert client.get(address.removeprefix(SITE)).status_code == 200


def test_a_story_has_its_text_papers_resources_and_corrections(client, archive):
    story = archive(1)[0]
    (listed,) = client.get("/api/v1/stories").json()["items"]
    assert listed["url"] == SITE + story.get_absolute_url()
    assert listed["published_at"] == listed["updated_at"] == story.issue.published_at.isoformat()
    assert [topic["slug"] for topic in listed["topics"]] == ["language-models", "robots"]
    full = client.get(listed["api_url"].removeprefix(SITE)).json()
    assert full.items() >= listed.items()
    assert f'src="{SITE}/media/figures/' in full["content_html"]
    assert [author["family"] for author in full["papers"][0]["authors"]] == ["Brown", "Mann"]
    assert full["resources"] == [{"url": "https://example.org/code?a=1&b=2", "title": "The <code>", "kind": "code"}]
    assert [correction["text"] for correction in full["corrections"]] == ["It was 7, not < 8."]
    correction = Correction.objects.create(story=story, text="It was 9.")
    (listed,) = client.get("/api/v1/stories").json()["items"]
    assert listed["updated_at"] == correction.published_at.isoformat()


def test_ids_are_those_of_the_feeds(client, archive):
    archive(2)
    for name, feed in (
        ("stories", "/feed.json"),
        ("issues", "/issues/feed.json"),
        ("corrections", "/corrections/feed.json"),
    ):
        ids = [thing["id"] for thing in client.get(f"/api/v1/{name}").json()["items"]]
        assert ids == [item["id"] for item in client.get(feed).json()["items"]]


def test_what_is_not_public_is_in_no_answer(
    client, archive, make_issue, make_story, make_paper, make_topic, make_section
):
    public = archive(1)[0]
    later = make_issue(published_at=timezone.now() + datetime.timedelta(hours=1), title="A secret issue")
    for number, issue in enumerate((None, make_issue(title="A secret draft"), later)):
        secret = make_story(
            title=f"A secret {number}",
            issue=issue,
            section=make_section(f"A secret section {number}"),
            papers=[make_paper(f"A secret paper {number}"), public.papers.first()],
            topics=[make_topic(f"secret {number}").name, "robots"],
        )
        Correction.objects.create(story=secret, text="A secret correction")
        assert client.get(f"/api/v1/stories/{secret.slug}").status_code == 404
        assert client.get(f"/api/v1/papers/{secret.papers.get(title__contains='secret').slug}").status_code == 404
        assert client.get(f"/api/v1/topics/secret-{number}").status_code == 404
    assert client.get(f"/api/v1/issues/{later.number}").status_code == 404
    details = [f"papers/{public.papers.first().slug}", "topics/robots", "issues/1", f"stories/{public.slug}"]
    for name in ("", *LISTS, "sections", *details):
        answer = client.get(f"/api/v1/{name}".rstrip("/"))
        assert answer.status_code == 200
        assert "secret" not in answer.content.decode().lower(), name


@pytest.mark.parametrize("name", LISTS)
def test_a_list_goes_on_where_next_says_and_has_everything_once(client, archive, make_topic, monkeypatch, name):
    for module in (answers, views):
        monkeypatch.setattr(module, "PAGE_SIZE", 2)
    archive(7)[0].topics.add(*(make_topic(f"topic {number}").name for number in range(3)))
    address, seen = f"{SITE}/api/v1/{name}", []
    while address:
        page = client.get(address.removeprefix(SITE)).json()
        assert len(page["items"]) <= 2
        seen += [thing["url"] for thing in page["items"]]
        address = page["next"]
    assert len(seen) == len(set(seen)) == {"stories": 7, "issues": 3, "topics": 5, "papers": 14, "corrections": 7}[name]


def test_the_next_page_keeps_what_was_asked_for(client, archive, make_story, monkeypatch):
    monkeypatch.setattr(views, "PAGE_SIZE", 1)
    story = archive(2)[0]
    make_story("No robots", issue=story.issue)
    page = client.get("/api/v1/stories?topic=robots&topic=language-models&author=brown").json()
    following = client.get(page["next"].removeprefix(SITE)).json()
    assert {page["items"][0]["title"], following["items"][0]["title"]} == {"Story 1", "Story 2"}
    assert following["next"] is None


@pytest.mark.parametrize(
    ("address", "status", "says"),
    [
        (
            "stories?topics=robots",
            400,
            "There is no parameter “topics” here. It takes: topic, section, author, before.",
        ),
        ("stories?before=x", 400, "place such as 41.2"),
        ("stories?topic=a&topic=b&topic=c&topic=d&topic=e&topic=f", 400, "At most 5 topics"),
        ("issues?before=", 400, "whole number"),
        ("papers?before=-1", 400, "whole number"),
        ("corrections?before=²", 400, "whole number"),
        ("sections?page=2", 400, "It takes none."),
        ("stories?topic=robots&topic=nothing", 404, "There is no topic “nothing”."),
        ("stories?section=nothing", 404, "There is no section “nothing”."),
        ("stories?author=nobody", 404, "There is no author “nobody”."),
        ("stories/nothing", 404, "No story"),
        ("issues/999", 404, "No issue"),
        (f"issues/{10**30}", 404, "No issue"),
        ("papers/nothing", 404, "paper of this slug"),
        ("topics/nothing", 404, "topic of this slug"),
        ("stories?section=", 404, "There is no section “”."),
        ("nothing/at/all", 404, "nothing at this address"),
        ("papers/%0A", 404, "nothing at this address"),
    ],
)
def test_what_can_not_be_answered_is_told_in_a_sentence(client, archive, address, status, says):
    archive(1)
    answer = client.get(f"/api/v1/{address}")
    assert answer.status_code == status
    assert says in answer.json()["detail"]


def test_another_name_of_a_topic_or_paper_leads_to_it_for_good(client, archive, make_topic):
    paper = archive(1)[0].papers.first()
    PaperAlias.objects.create(paper=paper, slug="its-twin")
    answer = client.get("/api/v1/papers/its-twin")
    assert (answer.status_code, answer["Location"]) == (301, f"/api/v1/papers/{paper.slug}")
    TopicAlias.objects.create(topic=make_topic("robots"), name="robotics", slug="robotics")
    answer = client.get("/api/v1/topics/robotics")
    assert (answer.status_code, answer["Location"]) == (301, "/api/v1/topics/robots")


def test_nothing_can_be_changed(archive):
    story, client = archive(1)[0], Client(enforce_csrf_checks=True)
    for method in ("POST", "PUT", "PATCH", "DELETE", "QUERY"):
        answer = client.generic(method, f"/api/v1/stories/{story.slug}")
        assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")


def test_answers_may_be_kept_and_read_by_scripts_anywhere_and_set_no_cookie(client, archive):
    archive(1)
    for name in ("", "/openapi.json", *(f"/{name}" for name in LISTS)):
        first = client.get(f"/api/v1{name}")
        assert first["Content-Type"] == "application/json"
        assert first["Cache-Control"] == "public, max-age=300"
        assert first["Access-Control-Allow-Origin"] == "*"
        assert not first.cookies
        again = client.get(f"/api/v1{name}", headers={"If-None-Match": first["ETag"]})
        assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("count", [1, 10])
def test_an_answer_takes_as_many_queries_for_ten_stories_as_for_one(archive, queries_of, count):
    story = archive(count)[0]
    taken = {
        name: queries_of(f"/api/v1/{name}")
        for name in (
            *LISTS,
            "sections",
            f"stories/{story.slug}",
            f"issues/{story.issue.number}",
            "topics/robots",
            f"papers/{story.papers.first().slug}",
        )
    }
    assert list(taken.values()) == [2, 2, 1, 2, 2, 1, 5, 3, 1, 4]
