import asyncio
import datetime
import logging
import socket
from collections.abc import Callable
from contextlib import contextmanager

import pytest
from aiosmtpd.controller import Controller
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.core.mail.backends.base import BaseEmailBackend
from django.urls import reverse

from deliveries import freezing, queueing, reconciling, sending, transports
from deliveries.ledger import ledger
from tests.admin_forms import permitted

HANG_UP = "hang up"


def send_all(mailing):
    """Send whatever is due, holding the ledger to its sum at every step."""
    while sending.send_batch(mailing.pk):
        mailing.refresh_from_db()
        assert ledger(mailing).adds_up
    reconciling.finish()
    mailing.refresh_from_db()
    assert ledger(mailing).adds_up
    return ledger(mailing)


def mailing_page(name, mailing):
    """The address of a button, or of a page, about a mailing in the admin."""
    return reverse(f"admin:deliveries_mailing_{name}", args=[mailing.pk])


def text(answer):
    """A page as it is read, white space collapsed."""
    return " ".join(answer.content.decode().split())


@pytest.fixture(autouse=True)
def _own_journals(settings, tmp_path):
    settings.SENDING_JOURNALS = tmp_path / "journals"


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A certificate for localhost, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(built.public_bytes(serialization.Encoding.PEM))
    formats = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(key.private_bytes(*formats))
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture
def approved_mailing(publication, make_issue, make_story):
    """A frozen mailing of an issue with one story."""
    make_story(title="A story", issue=(issue := make_issue(title="An issue – with a dash")), position=1)
    return freezing.freeze(issue, by="a test")


@pytest.fixture
def make_mailing(publication, make_issue, make_story, make_subscriber):
    """Make a mailing that is being sent to as many active subscribers."""

    def make(readers=1):
        issue = make_issue()
        make_story(issue=issue, position=1)
        for _ in range(readers):
            make_subscriber()
        mailing = freezing.freeze(issue, by="a test")
        queueing.start(mailing)
        return mailing

    return make


@pytest.fixture
def staff(db, client):
    """Log somebody in who has these permissions."""

    def log_in(*codenames):
        client.force_login(permitted(*codenames))
        return client

    return log_in


class Server:
    """A real SMTP server on loopback that keeps what it accepted, and can be told to misbehave.

    `answers` maps an address to the replies it gets for RCPT, one after the other, the last one for ever; `final`
    does so for the answer after the final dot. "hang up" is a reply, too.
    """

    def __init__(self):
        self.envelopes = []
        self.answers = {}
        self.final = {}
        self.sender_answer = "250 OK"
        self.mails_per_connection = None
        self.seconds = 0.0  # for each mail

    @property
    def recipients(self):
        return [envelope.rcpt_tos[0] for envelope in self.envelopes]

    async def handle_MAIL(self, server, session, envelope, address, options):  # noqa: N802
        session.mails = getattr(session, "mails", 0) + 1
        if self.mails_per_connection and session.mails > self.mails_per_connection:
            server.transport.close()
            return "421 4.7.0 Too many mails for one connection"
        if self.sender_answer.startswith("250"):
            envelope.mail_from = address
        return self.sender_answer

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        reply = self._next(self.answers.get(address))
        if reply == HANG_UP:
            server.transport.close()
            return "421 bye"
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        await asyncio.sleep(self.seconds)
        reply = self._next(self.final.get(envelope.rcpt_tos[0]))
        if reply == HANG_UP or reply.startswith("250"):
            self.envelopes.append(envelope)
        if reply == HANG_UP:
            server.transport.close()
        return reply

    @staticmethod
    def _next(replies):
        if not replies:
            return "250 OK"
        return replies.pop(0) if len(replies) > 1 else replies[0]


@contextmanager
def serve(server):
    """Run it in a thread; give its port."""
    logging.getLogger("mail.log").setLevel(logging.ERROR)
    controller = Controller(server, hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


@pytest.fixture
def smtp_server(settings):
    server = Server()
    with serve(server) as port:
        use_smtp(settings, port)
        yield server


def use_smtp(settings, port):
    settings.EMAIL_BACKEND = "deliveries.smtp_backend.SmtpBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    settings.EMAIL_TIMEOUT = 2


class Outbox(BaseEmailBackend):
    """An email backend in this thread, with something to happen while the mail of a given number is handed over."""

    recipients: list[str] = []
    steps: dict[int, Callable[[], None]] = {}
    errors: dict[int, Exception] = {}

    def send_messages(self, messages):
        for message in messages:
            number = len(self.recipients) + 1
            self.recipients.append(message.to[0])
            if number in self.steps:
                self.steps[number]()
            if number in self.errors:
                raise self.errors[number]
        return len(messages)


@pytest.fixture
def outbox(settings, monkeypatch):
    """Each outcome is written down at once, so that what a step does takes effect before the next mail."""
    monkeypatch.setattr(transports, "SECONDS_BETWEEN_RECORDS", 0.0)
    settings.EMAIL_BACKEND = "tests.deliveries.conftest.Outbox"
    Outbox.recipients, Outbox.steps, Outbox.errors = [], {}, {}
    return Outbox


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
