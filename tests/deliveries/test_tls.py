"""TLS to the mail server, as real servers see it: required, used where it is offered, or from the first octet on."""

import ssl
from contextlib import contextmanager

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from django.core.mail import send_mail

from benchmarks.sink import Behaviour
from deliveries import sending
from deliveries.errors import Misconfigured, Unavailable
from deliveries.smtp_client import Server
from deliveries.transports import SmtpTransport, send_one
from dynamically_typed import service_urls
from tests.deliveries.conftest import free_port
from tests.deliveries.test_smtp_client import CONTENT, Script, mails, send, serving


class Keeper:
    """Keeps what it was sent, and who logged in."""

    def __init__(self):
        self.contents, self.were_encrypted, self.log_ins = [], [], []

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        self.contents.append(envelope.original_content)
        self.were_encrypted.append(session.ssl is not None)
        return "250 OK"

    def log_in(self, server, session, envelope, mechanism, data):
        self.log_ins.append((mechanism, data.login, data.password))
        return AuthResult(success=data.password == b"secret", handled=False)


@contextmanager
def secure_server(certificate, *, implicit=False, **options):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    keeper = Keeper()
    options = {"authenticator": keeper.log_in, "auth_require_tls": True} | options
    tls = {"ssl_context": context} if implicit else {"tls_context": context, "require_starttls": True}
    controller = Controller(
        keeper, hostname="localhost", port=free_port(), server_hostname="localhost", **tls, **options
    )
    controller.start()
    try:
        yield keeper, controller.port
    finally:
        controller.stop()


def send_securely(port, certificate, **server):
    context = ssl.create_default_context(cafile=certificate[0]) if certificate else ssl.create_default_context()
    transport = SmtpTransport([Server("localhost", port, timeout=5, tls_context=lambda: context, **server)])
    try:
        send_one(transport, mails(1)[0])
    finally:
        transport.close()


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("implicit", [False, True])
def test_mail_goes_over_tls_after_logging_in(certificate, implicit, mechanism):
    others = {"PLAIN": ["LOGIN"], "LOGIN": ["PLAIN"]}[mechanism]
    how = {"use_tls": True} if implicit else {"requires_starttls": True}
    with secure_server(
        certificate, implicit=implicit, auth_exclude_mechanism=others, auth_require_tls=not implicit
    ) as (
        keeper,
        port,
    ):
        send_securely(port, certificate, username="editor", password="secret", **how)
    assert keeper.contents == [CONTENT]
    assert keeper.log_ins == [(mechanism, b"editor", b"secret")]


def test_a_wrong_password_is_a_mistake_in_the_settings(certificate):
    with secure_server(certificate) as (keeper, port), pytest.raises(Misconfigured, match="535"):
        send_securely(port, certificate, username="editor", password="wrong", requires_starttls=True)
    assert not keeper.contents


def test_a_certificate_that_nobody_vouches_for_is_refused(certificate):
    with secure_server(certificate) as (keeper, port), pytest.raises(Unavailable, match="certificate"):
        send_securely(port, None, requires_starttls=True)
    assert not keeper.contents


def test_what_was_slipped_in_before_tls_is_not_believed():
    class Meddler(Script):
        def __init__(self):
            super().__init__(Behaviour(extensions=("STARTTLS",)))

        def do_starttls(self, line):
            self.reply("220 Go on\r\n250 2.0.0 Slipped in")

    with serving(Meddler) as port, pytest.raises(Unavailable, match="more than it should"):
        send(port, mails(1), requires_starttls=True)


@pytest.fixture
def use_url(settings):
    """Send by a URL, as EMAIL_URL has it."""

    def use(url):
        server = service_urls.mail_server(url)
        settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = server.backend, server.host, server.port
        settings.EMAIL_USE_TLS, settings.EMAIL_USE_SSL, settings.EMAIL_TIMEOUT = server.use_tls, server.use_ssl, 2

    return use


@pytest.mark.django_db
def test_smtp_encrypts_issues_and_single_mails_wherever_the_server_offers_it(make_mailing, certificate, use_url):
    with secure_server(certificate) as (keeper, port):
        use_url(f"smtp://localhost:{port}")
        assert sending.send_batch(make_mailing().pk) == 1
        send_mail("Please confirm", "Is it you?", "digest@example.org", ["ada@example.org"])
    assert len(keeper.contents) == 2
    assert keeper.were_encrypted == [True, True]


@pytest.mark.django_db
def test_smtp_goes_on_in_clear_where_the_server_offers_nothing(make_mailing, smtp_server, settings, use_url):
    use_url(f"smtp://localhost:{settings.EMAIL_PORT}")
    assert sending.send_batch(make_mailing().pk) == 1
    send_mail("Please confirm", "Is it you?", "digest@example.org", ["ada@example.org"])
    assert len(smtp_server.envelopes) == 2


@pytest.mark.django_db
@pytest.mark.parametrize("offered", [False, True], ids=["nothing", "a certificate that nobody vouches for"])
def test_smtp_tls_sends_nothing_in_clear_or_to_strangers(
    make_mailing, certificate, offered, use_url, smtp_server, settings
):
    mailing = make_mailing()
    with secure_server(certificate) as (keeper, port):
        use_url(f"smtp+tls://localhost:{port if offered else settings.EMAIL_PORT}")
        assert sending.send_batch(mailing.pk) == 0
        with pytest.raises(OSError, match=r"STARTTLS|certificate"):
            send_mail("Please confirm", "Is it you?", "digest@example.org", ["ada@example.org"])
    assert not keeper.contents
    assert not smtp_server.envelopes
    assert mailing.deliveries.get().state == "queued"
