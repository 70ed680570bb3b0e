"""DKIM signatures, verified by dkimpy on the bytes that a server received."""

import base64
import re
import time

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMessage, send_mail

from deliveries import sending, signing
from deliveries.composing import Composer
from deliveries.models import Mailing
from tests.deliveries.conftest import use_smtp

pytestmark = pytest.mark.django_db
PRIVATE = {
    "rsa": rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "ed25519": ed25519.Ed25519PrivateKey.generate(),
}


def record_of(kind):
    """What DNS has under the selector, which is the kind of the key here."""
    public = PRIVATE[kind].public_key()
    if kind == "rsa":
        encoded = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    else:
        encoded = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return b"v=DKIM1; k=%s; p=%s" % (kind.encode(), base64.b64encode(encoded))


def dns(name, timeout=5):
    return record_of(name.decode().partition("._domainkey.example.org")[0])


def is_valid(content, index=0):
    try:
        return dkim.DKIM(content).verify(idx=index, dnsfunc=dns)
    except dkim.ValidationError:  # So it answers to another body.
        return False


def tags(content, index=0):
    fields = re.findall(rb"^DKIM-Signature:((?:.|\r\n[ \t])*)\r\n", content, re.MULTILINE)
    text = re.sub(r"\s+", "", fields[index].decode())
    return dict(tag.partition("=")[::2] for tag in text.split(";"))


@pytest.fixture
def sign_with(settings, tmp_path):
    """Let the settings name keys of these kinds."""

    def configure(*kinds):
        settings.DKIM_DOMAIN, settings.DKIM_KEYS = "example.org", []
        for kind in kinds:
            path = tmp_path / f"{kind}.pem"
            path.write_bytes(PRIVATE[kind].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
            settings.DKIM_KEYS.append((kind, path))

    return configure


@pytest.mark.parametrize("kind", PRIVATE)
def test_each_readers_mail_arrives_with_a_signature_that_others_can_verify(make_mailing, smtp_server, sign_with, kind):
    sign_with(kind)
    mailing = make_mailing(readers=5)
    Mailing.objects.update(text=f"Two  blanks \t and a tab at the end \t\n\n\n{mailing.text}  ", subject="ŷ – – a dash")
    sending.send_batch(mailing.pk)
    assert len(smtp_server.envelopes) == 5
    for envelope in smtp_server.envelopes:
        assert is_valid(envelope.original_content)


def test_two_keys_make_two_signatures(make_mailing, smtp_server, sign_with):
    sign_with("rsa", "ed25519")
    sending.send_batch(make_mailing().pk)
    content = smtp_server.envelopes[0].original_content
    assert is_valid(content, 0)
    assert is_valid(content, 1)
    assert [tags(content, index)["a"] for index in (0, 1)] == ["rsa-sha256", "ed25519-sha256"]


def test_the_signature_covers_unsubscribing_and_more_of_what_readers_go_by_than_there_is(
    make_mailing, smtp_server, sign_with
):
    sign_with("rsa")
    sending.send_batch(make_mailing().pk)
    found = tags(smtp_server.envelopes[0].original_content)
    names = found["h"].lower().split(":")
    assert {"list-unsubscribe", "list-unsubscribe-post", "message-id", "feedback-id", "content-type"} <= set(names)
    for name in ("from", "subject", "to", "date"):
        assert names.count(name) == 2
    assert found["c"] == "relaxed/relaxed"
    assert "l" not in found


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (rb"\r\nList-Unsubscribe: <https?", rb"\r\nList-Unsubscribe: <http://elsewhere.example/"),
        (rb"\r\nList-Unsubscribe-Post: .*?\r\n", rb"\r\n"),
        (rb"^", rb"Subject: Another\r\n"),
        (rb"^", rb"From: Another <another@example.net>\r\n"),
        (rb"\Z", rb"More.\r\n"),
    ],
)
def test_what_was_changed_on_the_way_is_no_longer_signed(make_mailing, smtp_server, sign_with, before, after):
    sign_with("ed25519")
    sending.send_batch(make_mailing().pk)
    content = smtp_server.envelopes[0].original_content
    changed, times = re.subn(before, after, content, count=1)
    assert times == 1
    assert is_valid(content)
    assert not is_valid(changed)


def test_blanks_that_servers_change_do_no_harm(make_mailing, smtp_server, sign_with):
    sign_with("rsa")
    sending.send_batch(make_mailing().pk)
    content = smtp_server.envelopes[0].original_content
    assert is_valid(content.replace(b"Subject: ", b"subject:   ") + b"\r\n\r\n")


def test_a_retry_has_the_same_signature(make_mailing, sign_with):
    sign_with("rsa", "ed25519")
    mailing = make_mailing()
    assert Composer(mailing).message_for(1, "a@example.org") == Composer(mailing).message_for(1, "a@example.org")


def test_lines_of_a_signature_are_short(make_mailing, sign_with):
    sign_with("rsa")
    content = Composer(make_mailing()).message_for(1, "a@example.org")
    signature = content[: content.index(b"\r\nTo: ")]
    assert signature.startswith(b"DKIM-Signature: ")
    assert max(map(len, signature.split(b"\r\n"))) <= 78


@pytest.mark.parametrize("kind", PRIVATE)
def test_single_mails_are_signed_too(smtp_server, settings, sign_with, kind):
    sign_with(kind)
    settings.EMAIL_BACKEND = "deliveries.smtp_backend.SmtpBackend"
    send_mail("Bitte bestätigen – jetzt", "Zwei  Wörter.\n\n.\n\n\n", "digest@example.org", ["ada@example.org"])
    assert is_valid(smtp_server.envelopes[0].original_content)


def test_without_a_key_nothing_is_signed(make_mailing, smtp_server):
    sending.send_batch(make_mailing().pk)
    assert b"DKIM-Signature" not in smtp_server.envelopes[0].original_content


def test_the_signing_backend_still_sends_issues_over_its_own_connections(
    make_mailing, smtp_server, settings, sign_with
):
    sign_with("rsa")
    use_smtp(settings, settings.EMAIL_PORT)
    settings.EMAIL_BACKEND = "deliveries.smtp_backend.SmtpBackend"
    sending.send_batch(make_mailing().pk)
    assert smtp_server.envelopes[0].original_content.count(b"DKIM-Signature") == 1


@pytest.mark.parametrize(
    ("content", "sentence"), [("no key", "holds no private key in PEM"), (None, "can't be read: No such file")]
)
def test_a_key_that_cannot_be_used_is_named(settings, tmp_path, content, sentence):
    path = tmp_path / "key.pem"
    if content:
        path.write_text(content)
    settings.DKIM_DOMAIN, settings.DKIM_KEYS = "example.org", [("s", path)]
    with pytest.raises(ImproperlyConfigured, match=f"DKIM_PRIVATE_KEY: {path} {sentence}"):
        signing.sign(EmailMessage("S", "B", "a@example.org", ["b@example.org"]).message().as_bytes())


def test_a_key_of_another_kind_is_refused(settings, tmp_path):
    path = tmp_path / "key.pem"
    key = ec.generate_private_key(ec.SECP256R1())
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    settings.DKIM_DOMAIN, settings.DKIM_KEYS = "example.org", [("s", path)]
    with pytest.raises(ImproperlyConfigured, match="neither an RSA nor an Ed25519 key"):
        signing.keys()


def test_signing_is_fast_enough_for_many(make_mailing, sign_with):
    """dkimpy needs 8 ms and more for one; an Ed25519 signature over the whole mail takes less than a tenth of that."""
    mailing = make_mailing()
    mailing.html = f"<p>{'Some words  to be canonicalised. ' * 1400}</p>{mailing.html}"
    sign_with("ed25519")
    composer = Composer(mailing)
    start = time.process_time()
    for reader in range(200):
        composer.message_for(reader, "a@example.org")
    assert (time.process_time() - start) / 200 < 0.0008
