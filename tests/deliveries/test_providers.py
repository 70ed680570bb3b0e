"""Anymail's providers: with its test backend, and one of them against a server on loopback."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest
from anymail.exceptions import AnymailAPIError
from anymail.message import AnymailRecipientStatus
from django.core import mail as django_mail
from requests import Response

from deliveries import freezing, queueing, sending
from deliveries.ledger import ledger
from deliveries.models import MailingState
from dynamically_typed import service_urls
from subscribers.models import Subscriber
from subscribers.tokens import preferences_url, unsubscribe_url
from tests.deliveries.conftest import free_port, send_all

pytestmark = pytest.mark.django_db


@pytest.fixture
def kept_by_anymail(settings):
    settings.EMAIL_BACKEND = "anymail.backends.test.EmailBackend"
    django_mail.outbox = []
    return django_mail.outbox


def test_one_call_carries_many_readers_each_with_a_link_of_their_own(make_mailing, kept_by_anymail, settings):
    settings.SENDING_TASKS = 1
    mailing = make_mailing(readers=150)
    assert send_all(mailing).sent == 150
    assert [len(message.to) for message in kept_by_anymail] == [100, 50]
    links = {each.email: unsubscribe_url(each.pk) for each in Subscriber.objects.all()}
    for message in kept_by_anymail:
        parameters = message.anymail_test_params
        assert parameters["is_batch_send"]
        for reader in message.to:
            assert message.merge_data[reader] == {
                "unsubscribe_url": links[reader],
                "preferences_url": preferences_url(Subscriber.objects.get(email=reader)),
            }
            assert message.merge_headers[reader] == {"List-Unsubscribe": f"<{links[reader]}>"}
        for field in ("-unsubscribe_url-", "-preferences_url-"):
            assert field in message.body
            assert field in message.alternatives[0].content
        assert not [link for link in links.values() if link in message.body + message.alternatives[0].content]
        assert message.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_readers_of_different_stories_go_into_different_calls(
    publication, make_issue, make_story, make_topic, make_subscriber, kept_by_anymail
):
    issue = make_issue()
    for position, topic in enumerate(["robots", "vision"], 1):
        make_story(f"A story on {topic}", issue=issue, position=position, topics=[make_topic(topic)])
    for number, choice in enumerate(["", "topic/robots", "topic/vision"] * 4):
        make_subscriber(f"{choice[6:] or 'all'}{number}@example.org", choice=choice)
    mailing = freezing.freeze(issue, by=None)
    queueing.start(mailing)
    assert send_all(mailing).sent == 12
    assert len(kept_by_anymail) == 3
    for message in kept_by_anymail:
        [kind] = {reader.partition("@")[0].rstrip("0123456789") for reader in message.to}
        assert ("story on robots" in message.body) == (kind != "vision")
        assert ("story on vision" in message.body) == (kind != "robots")


def test_each_reader_gets_the_outcome_that_the_provider_tells(make_mailing, kept_by_anymail, monkeypatch):
    mailing = make_mailing(readers=6)
    readers = list(Subscriber.objects.order_by("pk").values_list("email", flat=True))
    answers = dict(zip(readers, ["sent", "queued", "rejected", "invalid", "failed", None], strict=True))
    answer(monkeypatch, {"recipient_status": {r: AnymailRecipientStatus("1", s) for r, s in answers.items()}})
    counted = send_all(mailing)
    assert (counted.sent, counted.failed, counted.uncertain) == (2, 3, 1)
    reasons = mailing.deliveries.filter(state="failed").values_list("subscriber__email", "reason")
    assert dict(reasons)[readers[2]] == "The provider says: rejected."


def answer(monkeypatch, response):
    monkeypatch.setattr("anymail.message.AnymailMessage.anymail_test_response", response, raising=False)


def failed_call(status):
    response = Response()
    response.status_code, response.reason = status, "Said so"
    return AnymailAPIError(status_code=status, response=response)


@pytest.mark.parametrize(
    ("status", "uncertain", "remaining", "failed", "state"),
    [
        (500, 3, 0, 0, MailingState.SENT),
        (503, 0, 3, 0, MailingState.SENDING),
        (429, 0, 3, 0, MailingState.SENDING),
        (401, 0, 3, 0, MailingState.PAUSED),
        (400, 0, 0, 3, MailingState.SENT),
    ],
)
def test_a_call_that_fails_repeats_what_did_not_leave_and_doubts_what_may_have(
    make_mailing, kept_by_anymail, monkeypatch, status, uncertain, remaining, failed, state
):
    mailing = make_mailing(readers=3)
    answer(monkeypatch, failed_call(status))
    counted = send_all(mailing)
    assert (counted.uncertain, counted.remaining, counted.failed) == (uncertain, remaining, failed)
    assert mailing.state == state


def test_a_test_mail_goes_by_the_provider_too(make_mailing, kept_by_anymail):
    sending.send_sample(make_mailing(), "editor@example.org")
    assert kept_by_anymail[0].to == ["editor@example.org"]
    assert kept_by_anymail[0].subject.startswith("[Test] ")


class Provider(BaseHTTPRequestHandler):
    """Answers as Mailgun's and Postmark's messages do."""

    protocol_version = "HTTP/1.1"  # It keeps connections open.
    calls: list = []
    clients: set = set()
    status = 200

    def do_POST(self):
        self.clients.add(self.client_address)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.calls.append((self.path, body))
        self.send_response(self.status)
        if "email" in self.path:  # Postmark
            reader = json.loads(body)["To"]
            good = {"ErrorCode": 0, "Message": "OK", "MessageID": "1", "To": reader, "SubmittedAt": "2026-01-01"}
        else:
            good = {"id": "<1@example.org>", "message": "Queued. Thank you."}
        answer = json.dumps(good).encode()
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def provider():
    Provider.calls, Provider.clients, Provider.status = [], set(), 200
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def use(settings, url):
    settings.EMAIL_BACKEND = service_urls.mail_server(url).backend
    settings.ANYMAIL = service_urls.anymail_settings(url)


def test_a_provider_with_fields_gets_one_call_with_everybodys_link(make_mailing, settings, provider):
    use(settings, f"anymail+mailgun:?api_key=k&sender_domain=example.org&api_url=http://127.0.0.1:{provider}/v3")
    mailing = make_mailing(readers=20)
    assert send_all(mailing).sent == 20
    ((path, body),) = Provider.calls
    assert path == "/v3/example.org/messages"
    form = parse_qs(body.decode())
    variables = json.loads(form["recipient-variables"][0])
    links = {each.email: unsubscribe_url(each.pk) for each in Subscriber.objects.all()}
    assert {reader: each["unsubscribe_url"] for reader, each in variables.items()} == links
    assert form["h:List-Unsubscribe"] == ["%recipient.h:List-Unsubscribe%"]
    assert {each["h:List-Unsubscribe"] for each in variables.values()} == {f"<{link}>" for link in links.values()}
    assert "%recipient.unsubscribe_url%" in form["html"][0]
    assert "%recipient.unsubscribe_url%" in form["text"][0]


def test_a_provider_without_fields_gets_a_call_for_each_reader(make_mailing, settings, provider):
    use(settings, f"anymail+postmark:?server_token=t&api_url=http://127.0.0.1:{provider}/")
    assert send_all(make_mailing(readers=3)).sent == 3
    sent = [json.loads(body) for _, body in Provider.calls]
    assert len({message["To"] for message in sent}) == 3
    assert len(Provider.clients) == 1, "all over one connection"
    for message in sent:
        link = unsubscribe_url(Subscriber.objects.get(email=message["To"]).pk)
        assert link in message["TextBody"]
        assert {"Name": "List-Unsubscribe", "Value": f"<{link}>"} in message["Headers"]


def test_a_provider_that_cannot_be_reached_leaves_no_doubt(make_mailing, settings):
    use(settings, f"anymail+postmark:?server_token=t&api_url=http://127.0.0.1:{free_port()}/")
    mailing = make_mailing(readers=2)
    assert sending.send_batch(mailing.pk) == 0
    assert ledger(mailing).remaining == 2
    assert set(mailing.deliveries.values_list("state", "attempts")) == {("queued", 0)}


def test_a_key_that_the_provider_does_not_take_pauses_the_mailing(make_mailing, settings, provider):
    Provider.status = 401
    use(settings, f"anymail+postmark:?server_token=t&api_url=http://127.0.0.1:{provider}/")
    mailing = make_mailing(readers=2)
    assert send_all(mailing).remaining == 2
    assert mailing.state == MailingState.PAUSED
