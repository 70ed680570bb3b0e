"""The hub is a real HTTP server on this machine."""

import datetime
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs

import pytest
from django.utils import timezone

from issues import tasks
from issues.models import Correction

HOUR = datetime.timedelta(hours=1)


@pytest.fixture
def hub(settings):
    """What the hub was told: the lists of addresses, one for each notification. `hub.status` is its answer."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            assert form["hub.mode"] == ["publish"]
            if hub.status < 300:
                hub.append(form["hub.url"])
            self.send_response(hub.status)
            self.end_headers()

        def log_message(self, *args):
            pass

    class Told(list):
        status = 204

    hub = Told()
    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    settings.WEBSUB_HUB_URL = f"http://127.0.0.1:{server.server_port}/"
    settings.SITE_URL = "https://digest.example.org"
    yield hub
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_hub_is_told_once_of_all_feeds_that_a_new_issue_changes(
    hub, make_issue, make_story, make_paper, make_topic
):
    old = make_story(issue=make_issue(published_at=timezone.now() - 2 * HOUR), topics=[make_topic("old").name])
    issue = make_issue(published_at=timezone.now())
    make_story(issue=issue, topics=[make_topic("robots").name], papers=[make_paper(authors=("Mann",))])
    tasks.tell_hub()
    tasks.tell_hub()
    assert hub == [
        [
            f"https://digest.example.org/{path}feed.{form}"
            for path in ("", "issues/", f"sections/{old.section.slug}/", "topics/robots/", "authors/mann/")
            for form in ("atom", "json")
        ]
    ]


def test_the_hub_is_told_of_a_correction_and_of_no_other_change(hub, make_issue, make_story):
    story = make_story(issue=make_issue(published_at=timezone.now() - 2 * HOUR))
    story.title = "A better title"
    story.save()
    tasks.tell_hub()
    assert hub == []
    Correction.objects.create(story=story, text="It was 7, not 8.")
    tasks.tell_hub()
    assert "https://digest.example.org/corrections/feed.atom" in hub[0]
    assert f"https://digest.example.org/sections/{story.section.slug}/feed.json" in hub[0]


def test_a_scheduled_issue_is_told_of_when_its_time_has_come(hub, make_issue, make_story, time_machine):
    time_machine.move_to(start := timezone.now(), tick=False)
    make_story(issue=make_issue(published_at=start + HOUR))
    tasks.tell_hub()
    assert hub == []
    time_machine.move_to(start + HOUR + datetime.timedelta(minutes=1), tick=False)
    tasks.tell_hub()
    assert "https://digest.example.org/feed.atom" in hub[0]


def test_a_hub_that_refuses_is_told_again(hub, make_issue, make_story, caplog):
    make_story(issue=make_issue(published_at=timezone.now()))
    hub.status = 503
    tasks.tell_hub()
    assert "503" in caplog.text
    hub.status = 204
    tasks.tell_hub()
    assert len(hub) == 1


def test_feeds_name_their_hub_unless_it_is_not_told_of_them(client, hub, settings, make_issue, make_story):
    make_story(issue=make_issue(published_at=timezone.now()), topics=["a", "b"])
    hub_link = f'<{settings.WEBSUB_HUB_URL}>; rel="hub"'
    assert hub_link in client.get("/feed.atom")["Link"]
    assert client.get("/feed.json").json()["hubs"] == [{"type": "WebSub", "url": settings.WEBSUB_HUB_URL}]
    assert 'rel="hub"' not in client.get("/topics/a+b/feed.atom")["Link"]
