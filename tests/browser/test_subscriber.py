"""The whole life of a subscriber: a real browser on the running site, and real mail through an SMTP server on loopback."""

import datetime
import itertools
import json
import re
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from deliveries import freezing, queueing, sending
from deliveries.ledger import ledger
from dynamically_typed.celery import app as celery_app
from subscribers.models import ConsentEvent, Subscriber
from tests.deliveries.conftest import Server, serve, use_smtp

LINK = re.compile(r"https?://[^\s\"<>]+")


@pytest.fixture
def mailbox(settings, tmp_path):
    """A mail server that the site sends to, and the tasks run where they are enqueued: in the site's own threads."""
    settings.SENDING_JOURNALS = tmp_path / "journals"
    server = Server()
    celery_app.conf.update(task_always_eager=True, task_eager_propagates=True)
    with serve(server) as port:
        use_smtp(settings, port)
        yield Mailbox(server)
    celery_app.conf.update(task_always_eager=False, task_eager_propagates=False)


class Mailbox:
    def __init__(self, server):
        self.server = server

    def take(self, address):
        """The only mail that came, to this address."""
        [envelope] = self.server.envelopes
        self.server.envelopes = []
        assert envelope.rcpt_tos == [address]
        return message_from_bytes(envelope.content, policy=default)


def content_of(message, part="plain"):
    return message.get_body((part,)).get_content()


def link_in(message, start):
    links = {link for part in ("plain", "html") for link in LINK.findall(content_of(message, part)) if start in link}
    assert len(links) == 1
    return links.pop()


def scan(message, site):
    """Fetch every link to the site in a mail, in text, HTML and header, by GET and HEAD, as Safe Links and others do."""
    places = [content_of(message), content_of(message, "html"), str(message["List-Unsubscribe"] or "")]
    links = {link.rstrip(",.") for place in places for link in LINK.findall(place)}
    links = {link for link in links if link.startswith(site.url)}
    for link in links:
        for method in ("GET", "HEAD"):
            with urlopen(Request(link, method=method), timeout=30) as answer:
                assert answer.status == 200, link
    return links


def state_of(address):
    subscriber = Subscriber.objects.with_address(address).get()
    return subscriber.state, subscriber.choice, subscriber.paused_until, subscriber.consent_events.count()


@pytest.fixture
def send_issue(publication, make_issue, make_story, make_topic, make_section, apart):
    """Approve and send an issue with a story on robots and one on vision; return the ledger."""
    sections = {name: make_section(name) for name in ("Research", "Tools")}

    dates = itertools.count(timezone.now().date().toordinal() - 30)

    def send(title):
        issue = make_issue(title=title, date=datetime.date.fromordinal(next(dates)))
        for position, (topic, section) in enumerate([("robots", "Research"), ("vision", "Tools")], 1):
            make_story(
                f"{title} {topic}",
                issue=issue,
                position=position,
                section=sections[section],
                topics=[make_topic(topic)],
            )

        def freeze_and_start():
            mailing = freezing.freeze(issue, by=None)
            queueing.start(mailing)
            while sending.send_batch(mailing.pk):
                pass
            return ledger(mailing)

        return apart(freeze_and_start)

    return send


def test_from_sign_up_to_erasure(page, site, mailbox, send_issue, tmp_path):
    address = "ada@example.org"
    send_issue("First")  # before she is there

    # She signs up; a scanner follows every link in the mail, and nothing changes; she confirms.
    page.goto("/")
    page.get_by_role("link", name="Subscribe").first.click()
    page.get_by_label("Your email address").fill(address)
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_role("heading", name="Look into your mailbox")).to_be_visible()
    message = mailbox.take(address)
    before = state_of(address)
    assert before[0] == "pending"
    assert any("/subscribe/confirm/" in link for link in scan(message, site))
    assert state_of(address) == before
    page.goto(link_in(message, "/subscribe/confirm/"))
    page.get_by_role("button", name="Yes, subscribe").click()
    expect(page.get_by_role("heading", name="You are subscribed")).to_be_visible()
    assert state_of(address)[0] == "active"

    # She chooses a topic, and gets the next issue with only its story.
    page.get_by_role("link", name="choose sections and topics").click()
    page.get_by_label("robots").check()
    page.get_by_role("button", name="Save the choice").click()
    expect(page.get_by_role("status")).to_contain_text("follows your choice")
    expect(page.get_by_text("gets the stories on robots of each issue")).to_be_visible()
    counts = send_issue("Second")
    assert (counts.candidates, counts.sent, counts.skipped) == (1, 1, 0)
    message = mailbox.take(address)
    for part in ("plain", "html"):
        assert "Second robots" in content_of(message, part)
        assert "Second vision" not in content_of(message, part)
        assert "the stories on robots that you chose" in content_of(message, part)
    before = state_of(address)
    assert {link.split("/")[3] for link in scan(message, site)} >= {"unsubscribe", "preferences", "stories", "issues"}
    assert state_of(address) == before

    # She pauses, and the next issue passes her by.
    preferences = link_in(message, "/preferences/")
    page.goto(preferences)
    page.get_by_role("button", name="4 weeks").click()
    expect(page.get_by_text("gets nothing before")).to_be_visible()
    counts = send_issue("Third")
    assert (counts.candidates, counts.sent, counts.skipped) == (1, 0, 1)
    assert not mailbox.server.envelopes
    page.get_by_role("button", name="End the pause").click()
    expect(page.get_by_role("status")).to_contain_text("Welcome back")

    # Her mail program presses one-click unsubscribe; she comes back by a fresh link, since issues are passed on.
    [header] = message.get_all("List-Unsubscribe")
    body = message["List-Unsubscribe-Post"].encode()
    with urlopen(Request(header.strip("<>"), data=body, method="POST"), timeout=30) as answer:
        assert answer.status == 200
    assert state_of(address)[0] == "unsubscribed"
    assert send_issue("Fourth").candidates == 0
    page.reload()
    expect(page.get_by_role("button", name="Yes, send me each issue again")).to_have_count(0)
    page.get_by_role("button", name="Send me a fresh link").click()
    expect(page.get_by_role("status")).to_contain_text("on its way to your mailbox")
    page.goto(link_in(mailbox.take(address), "/preferences/"))
    page.get_by_role("button", name="Yes, send me each issue again").click()
    expect(page.get_by_role("status")).to_contain_text("subscribed again")

    # By that link she moves to another address: asked there, told here.
    page.get_by_label("Your new address").fill("ada@example.com")
    page.get_by_role("button", name="Change").click()
    expect(page.get_by_text("a•••@example.com to confirm")).to_be_visible()
    question = mailbox.take("ada@example.com")
    scan(question, site)
    assert state_of(address)[0] == "active"
    page.goto(link_in(question, "/preferences/confirm-address/"))
    page.get_by_role("button", name="Yes, send it here").click()
    expect(page.get_by_role("heading", name="The address is changed")).to_be_visible()
    assert "goes to another address now" in mailbox.take(address)["Subject"]

    # The old links are dead; by the one of the new address she takes her data along, and is erased.
    page.get_by_role("link", name="Your subscription").click()
    expect(page.get_by_role("heading", name="Your subscription")).to_be_visible()
    elsewhere = page.context.new_page()
    elsewhere.goto(preferences)
    expect(elsewhere.get_by_role("heading", name="This link does not work")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download it").click()
    data = json.loads(Path(download.value.path()).read_text())
    assert (data["address"], data["state"], data["chosen"]) == ("ada@example.com", "active", ["topic/robots"])
    assert [event["what"] for event in data["history"]] == [
        *("signed up", "confirmation sent", "confirmed", "chosen", "paused", "resumed"),
        *("unsubscribed", "link sent", "confirmed", "changed address"),
    ]
    assert [(each["subject"], each["state"]) for each in data["deliveries"]] == [
        ("DT #2: Second", "sent"),
        ("DT #3: Third", "skipped"),
    ]
    page.get_by_role("link", name="Erase me").click()
    page.get_by_role("button", name="Yes, erase me").click()
    expect(page.get_by_role("heading", name="You are erased")).to_be_visible()
    assert Subscriber.objects.get().email == ""
    assert not ConsentEvent.objects.filter(wording__contains="ada").exists()
    assert page.context.cookies() == []
    assert not mailbox.server.envelopes


def test_the_page_works_by_keyboard_alone_and_on_a_small_screen(new_page, publication, make_subscriber, make_section):
    from subscribers.tokens import preferences_url

    make_section("Research")
    reader = make_subscriber("ada@example.org")
    page = new_page(viewport={"width": 320, "height": 640}, color_scheme="dark")
    page.goto(preferences_url(reader))
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.get_by_label("Research").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("gets the stories on Research of each issue")).to_be_visible()
    for target in page.get_by_role("checkbox").all() + page.get_by_role("button").all():
        box = target.locator("xpath=ancestor-or-self::*[self::label or self::button]").last.bounding_box()
        assert min(box["width"], box["height"]) >= 24
