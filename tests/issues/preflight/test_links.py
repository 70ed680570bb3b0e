"""Links, by what was found when they were last looked at: each check, silent and speaking."""

import pytest
from django.test import TestCase
from django.utils import timezone

from issues.preflight import links
from issues.preflight.material import gather
from papers import tasks
from papers.link_health import due
from papers.models import Resource, TextLink

pytestmark = pytest.mark.django_db


@pytest.fixture
def linking(issue, make_story):
    """The issue with a story that links to this address."""

    def make(url, **fields):
        make_story("A story", issue=issue, body=f"See [this]({url}), [that](/topics/), [me](mailto:a@example.org).")
        return issue

    return make


def looked_at(url, state, **fields):
    now = timezone.now()
    TextLink.objects.create(url=url, state=state, wanted_at=now, checked_at=now, **fields)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:9000/admin/",
        "http://127.0.0.1/",
        "http://192.168.1.7/x",
        "http://[::1]/",
        "https://wiki/page",
        "https://nas.local/",
        "https://dev.example.internal/",
    ],
)
def test_a_link_into_ones_own_network_is_an_error_and_is_never_looked_at(found, linking, url):
    [finding] = found(links.links_are_for_everybody, linking(url))
    assert finding.endswith("which only works on your own machine or network.")
    links.watch_links()
    assert due(timezone.now()) == []


@pytest.mark.parametrize("url", ["https://example.org/a", "http://93.184.215.14/", "https://local.example.org/"])
def test_a_link_to_the_public_web_is_no_error(found, linking, url):
    assert found(links.links_are_for_everybody, linking(url)) == []


@pytest.mark.parametrize("state", ["ok", "refused"])
def test_a_link_that_works_or_wants_no_program_is_not_mentioned(found, linking, state):
    looked_at("https://example.org/a", state)
    assert found(links.links_work, linking("https://example.org/a#part")) == []


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("dead", "which is dead. It answered with status 404."),
        ("failing", "which fails for now. It answered with status 404."),
        ("redirected", "which leads on to https://example.org/new."),
    ],
)
def test_a_link_that_does_not_work_is_told_with_what_was_found(found, linking, state, words):
    looked_at(
        "https://example.org/a", state, finding="It answered with status 404.", final_url="https://example.org/new"
    )
    assert found(links.links_work, linking("https://example.org/a")) == [
        f"W: The story “A story” links to https://example.org/a, {words}"
    ]


def test_a_dead_resource_of_a_story_is_told_too(found, issue, make_story):
    now = timezone.now()
    gone = Resource.objects.create(url="https://example.org/code", title="Code", state="dead", checked_at=now)
    make_story("A story", issue=issue, resources=[gone])
    assert found(links.links_work, issue) == [
        "W: The story “A story” links to https://example.org/code, which is dead. "
    ]


def test_links_that_nobody_looked_at_are_told_in_one_line_and_asked_for_by_the_job(found, linking):
    issue = linking("https://example.org/a")
    assert found(links.links_work, issue) == ["W: 1 link was not looked at yet: https://example.org/a."]
    links.watch_links()
    assert [link.url for link in due(timezone.now())] == ["https://example.org/a"]


def test_the_links_of_published_and_queued_stories_are_not_watched(make_issue, make_story):
    make_story("Out", issue=make_issue(published_at=timezone.now()), body="<https://example.org/out>")
    make_story("Waiting", body="<https://example.org/waiting>")
    links.watch_links()
    assert not TextLink.objects.exists()


def test_another_site_whose_name_begins_like_ours_is_looked_at(linking, settings):
    settings.SITE_URL = "https://digest.example.org"
    linking("https://digest.example.organisation/a")
    links.watch_links()
    assert [link.url for link in TextLink.objects.all()] == ["https://digest.example.organisation/a"]


def test_a_broker_that_is_away_keeps_nobody_from_asking_for_a_look(linking, monkeypatch):
    monkeypatch.setattr(tasks.check_links, "delay", lambda: 1 / 0)
    material = gather(linking("https://example.org/a"))
    with TestCase.captureOnCommitCallbacks(execute=True):
        assert links.check_again(material) == 1


def test_links_are_looked_at_anew_on_demand(linking):
    looked_at("https://example.org/a", "dead")
    assert links.check_again(gather(linking("https://example.org/a"))) == 1
    assert TextLink.objects.get().state == "unchecked"
