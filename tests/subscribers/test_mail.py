"""The mail that answers a sign-up, as it leaves."""

import email
import email.policy
import smtplib
import socket
from datetime import timedelta

import pytest
import time_machine
from aiosmtpd.controller import Controller
from django.utils import timezone

from subscribers import mail, tasks
from subscribers.models import ConsentEvent, ConsentKind, Subscriber
from tests.provider_api import ask_provider_at
from transactional.sending import MailServerUnavailable

pytestmark = pytest.mark.django_db


@pytest.fixture
def message(sign_up, mailoutbox, publication):
    """The mail as bytes on the wire, parsed again, from a publication that makes it hard."""
    publication.name = "Daily “Bits”, & Pieces – été"
    publication.from_email = "digest@example.org"
    publication.reply_to = "editor@example.org"
    publication.save()
    sign_up("ada@example.org")
    wire = mailoutbox[0].message().as_bytes(linesep="\r\n")
    assert wire.isascii()
    assert max(map(len, wire.split(b"\r\n"))) <= 998
    return email.message_from_bytes(wire, policy=email.policy.default)


def test_the_mail_comes_from_the_publication(message):
    [sender] = message["From"].addresses
    assert (sender.display_name, sender.addr_spec) == ("Daily “Bits”, & Pieces – été", "digest@example.org")
    assert message["Reply-To"] == "editor@example.org"
    assert message["To"] == "ada@example.org"
    assert message["Subject"].strip() == "Confirm your subscription to Daily “Bits”, & Pieces – été"


def test_the_mail_is_transactional(message):
    assert message["Auto-Submitted"] == "auto-generated"
    assert not [name for name in message if name.lower().startswith(("list-", "precedence"))]


def test_the_mail_has_each_header_once_with_a_real_zone_and_no_host_of_ours(message):
    for name in ("From", "Date", "Message-ID", "Subject", "To", "MIME-Version"):
        assert len(message.get_all(name)) == 1
    assert message["Date"].endswith("+0000")
    assert message["Message-ID"].endswith("@example.org>")


def test_the_mail_is_text_first_and_html_last_both_with_the_link(message):
    assert message.get_content_type() == "multipart/alternative"
    text, html = message.iter_parts()
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert {part["Content-Transfer-Encoding"] for part in (text, html)} <= {"quoted-printable", "7bit"}
    for part in (text, html):
        assert "/subscribe/confirm/" in part.get_content()
        assert "1 Example Street" in part.get_content()
    assert "Pieces – été" in text.get_content()
    assert "& Pieces" in text.get_content()
    assert "&amp; Pieces" in html.get_content()
    for forbidden in ("<script", "<img", "<form", "<link "):
        assert forbidden not in html.get_content()


def test_a_host_header_shapes_no_link_in_a_mail(
    client, tasks_at_once, mailoutbox, settings, django_capture_on_commit_callbacks
):
    settings.ALLOWED_HOSTS = ["*"]
    settings.SITE_URL = "https://digest.example.org"
    with django_capture_on_commit_callbacks(execute=True):
        client.post(
            "/subscribe/",
            {"email": "ada@example.org"},
            headers={"host": "evil.example.com", "x-forwarded-host": "evil.example.com"},
        )
    assert "evil" not in mailoutbox[0].message().as_string()
    assert "https://digest.example.org/subscribe/confirm/" in mailoutbox[0].body


def test_a_task_carries_a_number_and_no_address(client, monkeypatch, django_capture_on_commit_callbacks):
    sent = []
    monkeypatch.setattr(tasks.answer_sign_up, "delay", lambda *args: sent.append(args))
    with django_capture_on_commit_callbacks(execute=True):
        client.post("/subscribe/", {"email": "ada@example.org"})
    assert sent == [(Subscriber.objects.get().pk,)]


def test_a_broker_that_is_away_is_no_concern_of_the_visitor_s(
    client, monkeypatch, mailoutbox, django_capture_on_commit_callbacks
):
    monkeypatch.setattr(tasks.answer_sign_up, "delay", lambda *args: 1 / 0)
    with django_capture_on_commit_callbacks(execute=True):
        assert client.post("/subscribe/", {"email": "ada@example.org"}).status_code == 302
    assert Subscriber.objects.get().state == "pending"


def test_a_task_that_runs_twice_sends_one_mail(sign_up, mailoutbox):
    sign_up("ada@example.org")
    assert not mail.answer_sign_up(Subscriber.objects.get().pk)
    with time_machine.travel(timezone.now() + timedelta(days=2)):
        assert not mail.answer_sign_up(Subscriber.objects.get().pk)
    assert len(mailoutbox) == 1


def test_a_task_for_somebody_who_is_gone_does_nothing(mailoutbox):
    assert not mail.answer_sign_up(4711)


# A mail server with its moods.


@pytest.fixture
def smtp_server(settings):
    """A real SMTP server on loopback that answers RCPT as it is told."""

    class Handler:
        reply = "250 OK"
        busy = 0  # so many times it says "not now" first
        received = []

        async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
            if self.busy:
                self.busy -= 1
                return "451 Try again later"
            if self.reply.startswith("250"):
                envelope.rcpt_tos.append(address)
            return self.reply

        async def handle_DATA(self, server, session, envelope):  # noqa: N802
            self.received.append(envelope.content)
            return "250 OK"

    handler = Handler()
    handler.received = []
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_HOST_USER = "127.0.0.1", port, ""
    yield handler
    controller.stop()


def mails_noted(subscriber):
    noted = ConsentEvent.objects.filter(subscriber=subscriber, kind=ConsentKind.CONFIRMATION_SENT)
    return list(noted.values_list("source", flat=True))


def test_the_mail_goes_through_a_real_server_and_is_noted(smtp_server, make_subscriber):
    subscriber = make_subscriber(state="pending")
    assert mail.answer_sign_up(subscriber.pk)
    assert len(smtp_server.received) == 1
    assert mails_noted(subscriber) == ["mail"]


def test_a_server_that_says_not_now_is_asked_again_later(smtp_server, make_subscriber):
    subscriber = make_subscriber(state="pending")
    smtp_server.reply = "451 Try again later"
    with pytest.raises(MailServerUnavailable):
        mail.answer_sign_up(subscriber.pk)
    assert mails_noted(subscriber) == []
    smtp_server.reply = "250 OK"
    assert mail.answer_sign_up(subscriber.pk)
    assert len(smtp_server.received) == 1


def test_the_task_asks_again_by_itself(smtp_server, make_subscriber):
    subscriber = make_subscriber(state="pending")
    smtp_server.busy = 2
    tasks.answer_sign_up.apply([subscriber.pk])
    assert len(smtp_server.received) == 1
    assert mails_noted(subscriber) == ["mail"]


def test_a_server_that_refuses_the_address_is_not_asked_again(smtp_server, make_subscriber):
    subscriber = make_subscriber(state="pending")
    smtp_server.reply = "550 No such user"
    assert mail.answer_sign_up(subscriber.pk)
    assert mails_noted(subscriber) == ["mail, refused with 550"]
    smtp_server.reply = "250 OK"
    assert not mail.answer_sign_up(subscriber.pk)


def test_a_server_that_can_t_be_reached_is_tried_again_later(settings, make_subscriber):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        settings.EMAIL_PORT = closed.getsockname()[1]
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_HOST_USER = "127.0.0.1", ""
    subscriber = make_subscriber(state="pending")
    with pytest.raises(MailServerUnavailable):
        mail.answer_sign_up(subscriber.pk)
    assert mails_noted(subscriber) == []


def test_a_connection_that_breaks_in_doubt_sends_no_second_mail(monkeypatch, smtp_server, make_subscriber):
    subscriber = make_subscriber(state="pending")

    def break_after_data(*args, **kwargs):
        raise smtplib.SMTPServerDisconnected("Connection unexpectedly closed")

    monkeypatch.setattr(smtplib.SMTP, "data", break_after_data)
    assert mail.answer_sign_up(subscriber.pk)
    assert mails_noted(subscriber) == ["mail, lost its connection on the way"]


# A provider's API, by Anymail.


@pytest.mark.parametrize("status", [401, 429, 503])
def test_a_provider_that_takes_no_mail_now_is_asked_again_later(provider, make_subscriber, status):
    subscriber = make_subscriber(email="reader1@example.org", state="pending")
    provider.status = status
    with pytest.raises(MailServerUnavailable):
        mail.answer_sign_up(subscriber.pk)
    assert mails_noted(subscriber) == []
    provider.status = 200
    assert mail.answer_sign_up(subscriber.pk)
    assert mails_noted(subscriber) == ["mail"]


def test_a_provider_that_can_t_be_reached_is_asked_again_later(settings, make_subscriber):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        ask_provider_at(settings, closed.getsockname()[1])
        subscriber = make_subscriber(state="pending")
        with pytest.raises(MailServerUnavailable):
            mail.answer_sign_up(subscriber.pk)
    assert mails_noted(subscriber) == []


@pytest.mark.parametrize(
    ("status", "code", "noted"),
    [
        (500, 0, "mail, lost its connection on the way"),
        (400, 0, "mail, refused with 400"),
        (200, 406, "mail, not taken by the provider"),  # it wrote to this address before, and gave up on it
    ],
)
def test_a_provider_that_refuses_or_may_have_taken_the_mail_is_not_asked_again(
    provider, make_subscriber, status, code, noted
):
    subscriber = make_subscriber(email="reader1@example.org", state="pending")
    provider.status, provider.code = status, code
    assert mail.answer_sign_up(subscriber.pk)
    assert not mail.answer_sign_up(subscriber.pk)
    assert (provider.calls, mails_noted(subscriber)) == (1, [noted])


@pytest.mark.usefixtures("tasks_at_once")
def test_a_sign_up_whose_task_was_lost_gets_its_mail_later(client, mailoutbox):
    with time_machine.travel("2030-03-01T12:00Z", tick=False) as clock:
        client.post("/subscribe/", {"email": "ada@example.org"})  # nothing is committed here, so no task runs
        tasks.answer_forgotten_sign_ups()
        assert mailoutbox == []
        clock.shift(timedelta(minutes=11))
        tasks.answer_forgotten_sign_ups()
        tasks.answer_forgotten_sign_ups()
    assert len(mailoutbox) == 1
