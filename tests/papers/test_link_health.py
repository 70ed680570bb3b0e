from datetime import timedelta
from functools import partial

import pytest
import time_machine
from django.utils import timezone

from papers import outside
from papers.link_health import PAUSE, check_due, due, in_turn, look_at, record, watch
from papers.models import Resource, TextLink
from papers.outside import NoAnswer, Reply
from tests.admin_forms import member_of, messages, save
from tests.papers.test_outside import server, this_machine  # noqa: F401  # a fixture

pytestmark = pytest.mark.django_db


@pytest.fixture
def ask(server):  # noqa: F811
    return partial(outside.ask, allow=this_machine, seconds=2)


def resource(url="https://example.org/code", **fields):
    return Resource.objects.create(url=url, title="Code", **fields)


@pytest.mark.parametrize(
    ("answers", "state", "sentence"),
    [
        ({}, "ok", "It answered with status 200."),
        ({"/code": (302, {"Location": "/elsewhere"}, b"")}, "ok", "It answered with status 200."),
        ({"/code": (301, {"Location": "/elsewhere"}, b"")}, "redirected", "It answered with status 200."),
        ({"/code": (404, {}, b"")}, "dead", "It answered with status 404."),
        ({"/code": (410, {}, b"")}, "dead", "It answered with status 410."),
        ({"/code": (403, {}, b"")}, "refused", "It answered with status 403."),
        ({"/code": (429, {}, b"")}, "refused", "It answered with status 429."),
        ({"/code": (503, {}, b"")}, "failing", "It answered with status 503."),
        (
            {"/robots.txt": (200, {}, b"User-agent: *\nDisallow: /code")},
            "refused",
            "Its robots.txt wants no programs there.",
        ),
        (
            {"/robots.txt": (200, {}, b"User-agent: DynamicallyTyped\nDisallow: /")},
            "refused",
            "Its robots.txt wants no programs there.",
        ),
        ({"/robots.txt": (200, {}, b"User-agent: *\nDisallow: /other")}, "ok", "It answered with status 200."),
        ({"/robots.txt": (404, {}, b"")}, "ok", "It answered with status 200."),
        ({"/robots.txt": (500, {}, b"")}, "failing", "Its robots.txt answered with status 500."),
        (
            {"/robots.txt": (200, {}, "User-agent: *\nCrawl-delay: ²".encode())},
            "refused",
            "Its robots.txt can't be read.",
        ),
    ],
)
def test_a_link_is_what_its_server_says(server, ask, answers, state, sentence):  # noqa: F811
    server.answers |= {"/robots.txt": (404, {}, b""), **answers}
    finding = look_at(server.address("/code"), ask=ask)
    assert (finding.state, finding.sentence) == (state, sentence)
    assert finding.final_url == (server.address("/elsewhere") if state == "redirected" else "")


def test_the_head_is_asked_for_first_and_the_page_only_where_that_fails(server, ask):  # noqa: F811
    look_at(server.address("/good"), ask=ask)
    server.answers["/bad"] = (405, {}, b"")
    look_at(server.address("/bad"), ask=ask)
    assert [asked[:2] for asked in server.asked] == [
        ("GET", "/robots.txt"),
        ("HEAD", "/good"),
        ("HEAD", "/bad"),
        ("GET", "/bad"),
    ]


def test_a_private_address_is_never_asked_without_an_explicit_allowance():
    finding = look_at("http://127.0.0.1/admin")
    assert finding.state == "refused"
    assert "not part of the public web" in finding.sentence


def reply_of(statuses, asked=None):
    def ask(url, **kwargs):
        if asked is not None:
            asked.append(url)
        status = 404 if url.endswith("/robots.txt") else statuses.get(url, 200)
        if status is None:
            raise NoAnswer("There was no answer.")
        return Reply(status, url, url, {}, b"")

    return ask


def test_what_fails_for_two_weeks_is_dead_and_lives_again_when_it_answers():
    link, ask = resource(), reply_of({"https://example.org/code": None})
    with time_machine.travel(timezone.now()) as clock:
        states = []
        for _ in range(15):
            check_due(10, ask=ask, pause=0)
            link.refresh_from_db()
            states.append(link.state)
            clock.shift(timedelta(days=1, minutes=1))
        assert states == ["failing"] * 14 + ["dead"]
        clock.shift(timedelta(days=30))
        check_due(10, ask=reply_of({}), pause=0)
    link.refresh_from_db()
    assert (link.state, link.failing_since) == ("ok", None)


def test_links_are_checked_monthly_and_failing_ones_daily():
    now = timezone.now()

    def checked(url, state, days):
        return resource(url, state=state, checked_at=now - timedelta(days=days))

    new = resource("https://example.org/new")
    checked("https://example.org/fresh", "ok", 29)
    checked("https://example.org/just-failed", "failing", 0.5)
    failing = checked("https://example.org/failing", "failing", 2)
    old = checked("https://example.org/old", "ok", 31)
    dead = checked("https://example.org/dead", "dead", 40)
    assert list(due(now)) == [new, dead, old, failing]


def test_hosts_take_turns_and_each_is_left_alone_for_a_while():
    links = [Resource(url=f"https://{host}.org/{number}") for host in "aab" for number in range(2)]
    assert [link.host for link in in_turn(links)] == ["a.org", "b.org", "a.org", "b.org", "a.org", "a.org"]
    for number in range(3):
        resource(f"https://example.org/{number}")
    assert check_due(0.5, ask=reply_of({}), pause=PAUSE) == 1  # the second would have to wait longer than there is time


def test_robots_txt_is_asked_for_once_a_day(settings):
    asked = []
    for number in range(3):
        resource(f"https://example.org/{number}")
    assert check_due(10, ask=reply_of({}, asked), pause=0) == 3
    assert asked.count("https://example.org/robots.txt") == 1


def test_what_texts_link_to_is_checked_while_a_text_is_to_come_and_forgotten_later():
    with time_machine.travel(timezone.now()) as clock:
        watch(["https://example.org/a", "https://example.org/b", "https://example.org/a"], timezone.now())
        check_due(10, ask=reply_of({"https://example.org/b": 404}), pause=0)
        assert list(TextLink.objects.order_by("url").values_list("state", flat=True)) == ["ok", "dead"]
        clock.shift(timedelta(days=60))
        watch(["https://example.org/a"], timezone.now())
        assert [link.url for link in due(timezone.now())] == ["https://example.org/a"]
        clock.shift(timedelta(days=60))
        watch(["https://example.org/a"], timezone.now())
    assert TextLink.objects.get().url == "https://example.org/a"


def test_a_check_is_dated_and_told():
    link = resource()
    record(link, look_at(link.url, ask=reply_of({link.url: 404})), timezone.now())
    link.refresh_from_db()
    assert (link.state, link.finding) == ("dead", "It answered with status 404.")
    assert timezone.now() - link.checked_at < timedelta(minutes=1)


def test_what_was_found_at_an_address_is_not_told_of_another_one():
    link, gone = resource(), resource("https://example.org/gone")
    finding = look_at(link.url, ask=reply_of({link.url: 404}))
    Resource.objects.filter(pk=link.pk).update(url="https://example.org/moved")
    Resource.objects.filter(pk=gone.pk).delete()
    record(link, finding, timezone.now())
    record(gone, finding, timezone.now())
    assert [(each.url, each.state) for each in Resource.objects.all()] == [("https://example.org/moved", "unchecked")]


# In the admin


def test_the_list_of_resources_is_filtered_by_state(client):
    client.force_login(member_of("writer"))
    resource("https://example.org/alive", state="ok", checked_at=timezone.now())
    resource(
        "https://example.org/gone", state="dead", checked_at=timezone.now(), finding="It answered with status 404."
    )
    page = client.get("/admin/papers/resource/?state__exact=dead").content.decode()
    assert "https://example.org/gone" in page
    assert "https://example.org/alive" not in page


def test_an_editor_sets_the_archived_address_and_a_new_address_is_checked_anew(client):
    client.force_login(member_of("writer"))
    link = resource(state="dead", checked_at=timezone.now(), finding="It answered with status 404.")
    address = f"/admin/papers/resource/{link.pk}/change/"
    assert "It answered with status 404." in client.get(address).content.decode()
    save(client, address, archived_url="https://web.archive.org/web/2020/https://example.org/code")
    link.refresh_from_db()
    assert (link.state, link.address) == ("dead", "https://web.archive.org/web/2020/https://example.org/code")
    save(client, address, url="https://example.org/moved")
    link.refresh_from_db()
    assert (link.state, link.checked_at, link.address) == ("unchecked", None, "https://example.org/moved")


def test_links_can_be_checked_again_on_demand(client):
    client.force_login(member_of("writer"))
    link = resource(state="dead", checked_at=timezone.now())
    page = client.post("/admin/papers/resource/", {"action": "check_again", "_selected_action": [link.pk]}, follow=True)
    assert messages(page) == ["1 link will be checked within the next hours, politely."]
    assert list(due(timezone.now())) == [link]
