from email import message_from_bytes
from pathlib import Path

import pytest

from deliveries import sending

CORPUS = Path(__file__).parent / "corpus"


class Sent:
    """A mail that a reader got, and what servers would write about it."""

    def __init__(self, mailing, envelope):
        self.mailing = mailing
        self.reader = envelope.rcpt_tos[0]
        self.verp = envelope.mail_from
        self.content = envelope.original_content.replace(b"\r\n", b"\n").decode()
        self.delivery = mailing.deliveries.get(subscriber__email=self.reader)
        self.subscriber = self.delivery.subscriber

    def report(self, name):
        """The mail of this name from the corpus, about this mail."""
        headers = message_from_bytes(self.content.encode())
        text = (CORPUS / f"{name}.eml").read_text()
        for mark, value in {
            "verp": self.verp,
            "reader": self.reader,
            "message_id": headers["Message-ID"],
            "list_unsubscribe": headers["List-Unsubscribe"],
            "mail": self.content.strip(),
            "headers": self.content.partition("\n\n")[0],
        }.items():
            text = text.replace("{{" + mark + "}}", value)
        return text.encode()


@pytest.fixture
def send(make_mailing, smtp_server, settings):
    """Send an issue to so many readers; return their mails."""
    settings.BOUNCE_ADDRESS = "bounces@digest.example.org"

    def send(readers=1):
        mailing = make_mailing(readers=readers)
        smtp_server.envelopes.clear()
        while sending.send_batch(mailing.pk):
            pass
        return [Sent(mailing, envelope) for envelope in smtp_server.envelopes]

    return send


@pytest.fixture
def sent(send):
    return send()[0]
