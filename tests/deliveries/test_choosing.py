"""Issues made of chosen stories, and who gets none: from the claim to the mail on the wire."""

import datetime
from email import message_from_bytes
from email.policy import default

import pytest
from django.utils import timezone

from deliveries import composing, freezing, queueing, sending
from deliveries.composing import Composer
from deliveries.ledger import ledger
from subscribers.tokens import preferences_url, read_preferences_token

pytestmark = pytest.mark.django_db


@pytest.fixture
def mailing(publication, make_issue, make_story, make_topic):
    """Of an issue with a story on robots and one on vision."""
    issue = make_issue(title="")
    make_story("Walking", issue=issue, topics=[make_topic("robots")], position=1)
    make_story("Seeing", issue=issue, topics=[make_topic("vision")], position=2)
    return freezing.freeze(issue, by=None)


def send_all(mailing):
    queueing.start(mailing)
    while sending.send_batch(mailing.pk):
        pass
    return ledger(mailing)


def text_of(envelope):
    message = message_from_bytes(envelope.content, policy=default)
    return str(message["Subject"]), message.get_body(("plain",)).get_content()


def test_each_reader_gets_the_stories_they_chose(mailing, make_subscriber, smtp_server):
    make_subscriber("all@example.org")
    make_subscriber("robots@example.org", choice="topic/robots")
    make_subscriber("vision@example.org", choice="topic/gone topic/vision")
    assert send_all(mailing).sent == 3
    texts = {envelope.rcpt_tos[0].partition("@")[0]: text_of(envelope) for envelope in smtp_server.envelopes}
    assert {name: subject for name, (subject, _) in texts.items()} == {
        "all": "DT #1: Walking",
        "robots": "DT #1: Walking",
        "vision": "DT #1: Seeing",
    }
    has = {name: ("/walking/" in text, "/seeing/" in text) for name, (_, text) in texts.items()}
    assert has == {"all": (True, True), "robots": (True, False), "vision": (False, True)}


def test_the_paused_and_those_for_whom_there_is_nothing_are_skipped_and_counted(mailing, make_subscriber, smtp_server):
    today = timezone.now().date()
    make_subscriber("a@example.org", paused_until=today + datetime.timedelta(days=1))
    make_subscriber("b@example.org", choice="topic/speech")
    make_subscriber("c@example.org", paused_until=today)  # the day of the return
    counts = send_all(mailing)
    assert (counts.candidates, counts.sent, counts.skipped, counts.remaining) == (3, 1, 2, 0)
    assert counts.adds_up
    assert smtp_server.recipients == ["c@example.org"]
    reasons = dict(mailing.deliveries.filter(state="skipped").values_list("subscriber__email", "reason"))
    assert reasons == {
        "a@example.org": "The subscriber has paused.",
        "b@example.org": "No story of this issue is in the sections and topics that the subscriber chose.",
    }


def test_a_choice_made_after_the_queueing_counts(mailing, make_subscriber, smtp_server):
    subscriber = make_subscriber("a@example.org")
    queueing.start(mailing)
    subscriber.choice = "topic/speech"
    subscriber.save()
    sending.send_batch(mailing.pk)
    assert smtp_server.recipients == []
    assert ledger(mailing).skipped == 1


def test_what_was_approved_is_the_whole_with_what_each_story_is_about(mailing, make_topic):
    before = mailing.fingerprint
    mailing.issue.stories.get(title="Seeing").topics.add(make_topic("speech"))
    assert freezing.render_mailing(mailing.issue).fingerprint != before


def test_readers_who_chose_alike_share_one_message_and_few_are_kept(mailing, monkeypatch):
    made = []
    freeze = composing.freeze_message
    monkeypatch.setattr(
        composing, "freeze_message", lambda *args, **options: made.append(1) or freeze(*args, **options)
    )
    composer = Composer(mailing)
    for reader in range(1, 200):
        composer.message_for(reader, "a@example.org", ["topic/robots", "topic/vision topic/x", ""][reader % 3])
    assert len(made) == 3, "the whole, and one for each choice"
    assert composer._variant.cache_info().maxsize <= 64


def test_each_mail_holds_the_readers_own_page_and_nobody_elses(mailing, make_subscriber, smtp_server, settings):
    readers = [make_subscriber() for _ in range(3)]
    send_all(mailing)
    assert len(smtp_server.envelopes) == 3
    for envelope in smtp_server.envelopes:
        reader = next(each for each in readers if each.email == envelope.rcpt_tos[0])
        link = preferences_url(reader)
        message = message_from_bytes(envelope.content, policy=default)
        for part in ("plain", "html"):
            content = message.get_body((part,)).get_content()
            assert link in content
            assert content.count("/preferences/") == 1
        assert read_preferences_token(link.rstrip("/").rpartition("/")[2]) == reader


def test_a_test_mail_leads_to_nobodys_page(mailing, smtp_server):
    sending.send_sample(mailing, "editor@example.org")
    _, text = text_of(smtp_server.envelopes[0])
    assert "/preferences/" not in text
    assert "that you chose" not in text
