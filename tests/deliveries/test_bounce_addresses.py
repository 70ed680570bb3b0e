from email import message_from_bytes
from email.policy import default

import pytest

from deliveries import sending
from deliveries.bounce_addresses import delivery_from_address, delivery_from_bounce, delivery_from_message_id

pytestmark = pytest.mark.django_db


@pytest.fixture
def sent(make_mailing, smtp_server, settings):
    """Two readers' envelopes, as the server got them, by address."""
    settings.BOUNCE_ADDRESS = "bounces@digest.example.org"
    sending.send_batch(make_mailing(readers=2).pk)
    envelopes = {envelope.rcpt_tos[0]: envelope for envelope in smtp_server.envelopes}
    assert len(envelopes) == 2
    return envelopes


def test_each_readers_mail_has_a_sender_of_its_own_that_leads_back_to_its_delivery(sent):
    assert len({envelope.mail_from for envelope in sent.values()}) == 2
    for reader, envelope in sent.items():
        assert envelope.mail_from.endswith("@digest.example.org")
        assert len(envelope.mail_from.partition("@")[0]) <= 64
        assert reader.partition("@")[0] not in envelope.mail_from
        assert delivery_from_address(envelope.mail_from).subscriber.email == reader
        assert delivery_from_address(f"<{envelope.mail_from.upper()}>").subscriber.email == reader


def test_a_forged_address_leads_nowhere(sent):
    addresses = [envelope.mail_from for envelope in sent.values()]
    first, second = (address.split("-") for address in addresses)
    swapped = "-".join([first[0], second[1], first[2]])
    for forged in (swapped, swapped.replace("+", "+0"), addresses[0].replace("+", "-"), "", "bounces@example.org"):
        assert delivery_from_address(forged) is None
    assert delivery_from_address(f"bounces+{'z' * 13}-{'z' * 13}-{'a' * 26}@digest.example.org") is None


def test_addresses_of_a_former_key_still_lead_back(sent, settings):
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "a new one"
    for reader, envelope in sent.items():
        assert delivery_from_address(envelope.mail_from).subscriber.email == reader
        assert delivery_from_message_id(message_id(envelope)).subscriber.email == reader


def test_a_message_id_leads_back_to_its_delivery_and_a_forged_one_nowhere(sent):
    for reader, envelope in sent.items():
        assert delivery_from_message_id(message_id(envelope)).subscriber.email == reader
    first, second = (message_id(envelope).split(".") for envelope in sent.values())
    assert delivery_from_message_id(".".join([first[0], second[1], *first[2:]])) is None
    assert delivery_from_message_id("<another@example.org>") is None


def message_id(envelope):
    return message_from_bytes(envelope.original_content, policy=default)["Message-ID"]


@pytest.mark.parametrize("returned", ["message/rfc822", "text/rfc822-headers"])
def test_a_bounce_leads_back_by_what_it_returns(sent, returned):
    for reader, envelope in sent.items():
        content = envelope.original_content
        if returned == "text/rfc822-headers":
            content = content.partition(b"\r\n\r\n")[0] + b"\r\n"
        bounce = (
            b"From: MAILER-DAEMON@mx.example.net\r\nTo: digest@example.org\r\nMIME-Version: 1.0\r\n"
            b"Message-ID: <1@mx.example.net>\r\n"
            b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
            b"--b\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n"
            b"--b\r\nContent-Type: %s\r\n\r\n%s\r\n--b--\r\n" % (returned.encode(), content)
        )
        found = delivery_from_bounce(message_from_bytes(bounce, policy=default))
        assert found.subscriber.email == reader


def test_a_bounce_leads_back_by_where_it_came_to(sent):
    for reader, envelope in sent.items():
        bounce = message_from_bytes(f"To: <{envelope.mail_from}>\r\n\r\nSorry.\r\n".encode(), policy=default)
        assert delivery_from_bounce(bounce).subscriber.email == reader


def test_another_mail_leads_nowhere(sent):
    assert (
        delivery_from_bounce(message_from_bytes(b"To: someone@example.org\r\n\r\nHello.\r\n", policy=default)) is None
    )


def test_without_a_bounce_address_bounces_go_to_the_sender(make_mailing, smtp_server):
    mailing = make_mailing()
    sending.send_batch(mailing.pk)
    assert smtp_server.envelopes[0].mail_from == mailing.from_email
