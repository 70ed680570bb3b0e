"""What arrives over the wire, octet by octet, from servers with and without PIPELINING and CHUNKING."""

import re
from email import message_from_bytes
from email.policy import default
from email.utils import formataddr, parsedate_to_datetime
from html import unescape

import pytest
from django.core.mail import EmailMultiAlternatives
from django.utils import timezone

from benchmarks.sink import Behaviour, Session
from deliveries import reconciling, sending
from deliveries.models import Mailing
from issues.emailing import PREFERENCES_URL, UNSUBSCRIBE_URL
from issues.variants import whole
from subscribers.models import Subscriber
from subscribers.tokens import preferences_url, unsubscribe_token, unsubscribe_url
from tests.deliveries.conftest import use_smtp
from tests.deliveries.test_smtp_client import KINDS, serving

pytestmark = pytest.mark.django_db

ONCE = ["From", "To", "Date", "Message-ID", "Subject", "MIME-Version", "Content-Type"]
LIST_FIELDS = ["List-Id", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Archive", "List-Owner", "List-Post"]
SUBJECT = "DT #41 – “wide” models, 🦜 parrots and Gödel’s proof, each with a dash – and one more"
# Lines that are awkward on the wire: dots at their starts, blanks at their ends, one without an end, one very long.
AWKWARD = ".\n..\nA line with a blank at its end \n.dot =2E =\ttab\t\n" + "“wide” " * 300 + "\nfrom here\nFrom there"


@pytest.fixture(params=KINDS, ids=KINDS)
def sink(request, settings):
    behaviour = Behaviour(extensions=KINDS[request.param], raw=[])
    with serving(lambda: Session(behaviour)) as port:
        use_smtp(settings, port)
        yield behaviour


@pytest.fixture
def received(make_mailing, sink, publication, settings):
    """The raw messages of a mailing to five readers, by the number of the reader."""
    settings.SITE_URL = "https://digest.example.org"
    publication.from_name, publication.reply_to = "Zoë “D.T.” Example, Editor", "editor@example.org"
    publication.save()
    mailing = make_mailing(readers=5)
    Mailing.objects.update(subject=SUBJECT)
    html = mailing.html.replace("</body>", f"<pre>{AWKWARD}</pre></body>")
    Mailing.objects.update(html=html, text=f"{AWKWARD}\n{mailing.text}")
    while sending.send_batch(mailing.pk):
        pass
    reconciling.finish()
    readers = {subscriber.email: subscriber.pk for subscriber in Subscriber.objects.all()}
    assert sink.received == dict.fromkeys(readers, 1)
    return {readers[message_from_bytes(raw)["To"]]: raw for raw in sink.raw}


def test_lines_are_those_of_internet_mail(received):
    for raw in received.values():
        assert raw.endswith(b"\r\n")
        assert not re.search(rb"\r(?!\n)|(?<!\r)\n|\x00|[^\x00-\x7f]", raw)
        header, body = raw.split(b"\r\n\r\n", 1)
        assert max(map(len, header.split(b"\r\n"))) <= 998
        assert max(map(len, body.split(b"\r\n"))) <= 76
        assert not re.search(rb"^\.", raw, re.MULTILINE), "so that nothing depends on dot-stuffing"


def test_each_field_stands_once_and_there_is_one_recipient(received):
    for raw in received.values():
        message = message_from_bytes(raw, policy=default)
        names = [name.lower() for name in message.keys()]  # noqa: SIM118, with repetitions
        assert len(names) == len(set(names))
        assert {name.lower() for name in ONCE + LIST_FIELDS} <= set(names)
        assert not {"cc", "bcc", "sender", "x-mailer", "user-agent"} & set(names)
        assert len(message["To"].addresses) == 1
        assert [part.defects for part in message.walk()] == [[], [], []]


def test_nobody_finds_anothers_address_or_token(received):
    for reader, raw in received.items():
        text = re.sub(rb"=\r\n", b"", raw).decode()
        for other in Subscriber.objects.exclude(pk=reader):
            assert other.email not in text
            assert unsubscribe_token(other.pk) not in text


def test_list_fields_are_as_the_rules_for_bulk_senders_want_them(received):
    for reader, raw in received.items():
        header = raw.split(b"\r\n\r\n", 1)[0].decode() + "\r\n"
        assert f"\r\nList-Unsubscribe: <{unsubscribe_url(reader)}>\r\n" in header
        assert unsubscribe_url(reader).startswith("https://")
        assert "\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in header
        list_id = re.search(r"\r\nList-Id: [^\r]*(?:\r\n [^\r]*)*<([^<>\s@]+\.[^<>\s@]+)>\r\n", header)[1]
        assert len(list_id) <= 255
        for name in ("Archive", "Owner"):
            assert re.search(rf"\r\nList-{name}: <(https|mailto):[^<>\s,]+>\r\n", header)
        for constant in ("List-Post: NO", "Auto-Submitted: auto-generated", "Precedence: bulk"):
            assert f"\r\n{constant}\r\n" in header
        assert Subscriber.objects.get(pk=reader).email not in re.sub(r"\r\nTo: .*\r\n", "\r\n", "\r\n" + header)


def test_text_comes_first_says_something_and_has_every_link(received):
    for raw in received.values():
        text, html = message_from_bytes(raw, policy=default).iter_parts()
        assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
        assert {part["Content-Transfer-Encoding"] for part in (text, html)} == {"quoted-printable"}
        words = text.get_content()
        assert len(words.split()) > 20
        links = re.findall(r'href="(https?://[^"#]+)', html.get_content())
        assert links
        assert [link for link in links if unescape(link) not in words] == []


def test_words_outside_ascii_are_encoded_whole_in_short_words(received):
    for raw in received.values():
        header = raw.split(b"\r\n\r\n", 1)[0].decode("ascii")
        words = re.findall(r"=\?utf-8\?[bq]\?([^?]*)\?=", header)
        assert words
        assert all(words)
        assert max(len(word) for word in re.findall(r"=\?[^?]+\?[bq]\?[^?]*\?=", header)) <= 75
        assert not re.search(r'"[^"\r\n]*=\?utf-8', header)
        assert message_from_bytes(raw, policy=default)["Subject"] == SUBJECT


def test_the_date_has_a_zone_and_ids_are_unique_in_the_senders_domain(received):
    messages = [message_from_bytes(raw, policy=default) for raw in received.values()]
    assert len({message["Message-ID"] for message in messages}) == len(messages)
    for message in messages:
        assert message["Message-ID"].endswith(f"@{message['From'].addresses[0].domain}>")
        assert not message["Date"].endswith("-0000")
        assert abs(parsedate_to_datetime(message["Date"]) - timezone.now()).total_seconds() < 60


def test_a_message_is_the_one_that_django_would_send_part_by_part(received):
    mailing = Mailing.objects.get()
    for reader, raw in received.items():
        ours = message_from_bytes(raw, policy=default)
        theirs = message_from_bytes(ordinary(mailing, Subscriber.objects.get(pk=reader)), policy=default)
        for name in ("Subject", "From", "To", "Reply-To", "List-Unsubscribe", "List-Unsubscribe-Post", "MIME-Version"):
            assert str(ours[name]) == str(theirs[name]).strip(), name  # Django folds what is long
        assert [parts(part) for part in ours.walk()] == [parts(part) for part in theirs.walk()]


def with_links(content, subscriber):
    content = content.replace(UNSUBSCRIBE_URL, unsubscribe_url(subscriber.pk))
    return whole(content).replace(PREFERENCES_URL, preferences_url(subscriber))


def ordinary(mailing, subscriber):
    link = unsubscribe_url(subscriber.pk)
    message = EmailMultiAlternatives(
        mailing.subject,
        with_links(mailing.text, subscriber),
        formataddr((mailing.sender, mailing.from_email)),
        [subscriber.email],
        reply_to=[mailing.reply_to],
        headers={"List-Unsubscribe": f"<{link}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"},
    )
    message.attach_alternative(with_links(mailing.html, subscriber), "text/html")
    return message.message().as_bytes(linesep="\r\n")


def parts(part):
    content = None if part.is_multipart() else part.get_payload(decode=True).replace(b"\r\n", b"\n")
    return part.get_content_type(), part.get_content_charset(), content
