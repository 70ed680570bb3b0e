import datetime
import re
from email import message_from_bytes
from email.header import decode_header, make_header
from email.policy import default
from email.utils import formataddr

import pytest
from django.core.mail import EmailMultiAlternatives
from hypothesis import given
from hypothesis import strategies as st

from deliveries import headers
from deliveries.composing import Composer, MessageIds, quoted_printable, sample_message
from deliveries.errors import BadAddress
from deliveries.freezing import fingerprint
from deliveries.models import Mailing
from issues.emailing import UNSUBSCRIBE_URL
from issues.models import Issue
from subscribers.tokens import unsubscribe_url

SUBJECTS = [
    "Plain",
    "DT #41: GPT-3 – a few shots",
    "–",
    "🚀🚀🚀 rockets",
    "é" * 200,
    "A long ASCII subject " * 9,
    "x" * 200,
    "=?utf-8?q?not_an_encoded_word?=",
    "Tab\there",
    "漢字" * 60,
]
LINES_OVER_76 = re.compile(rb"[^\r\n]{77,}")


def make_mailing(**fields):
    mailing = Mailing(
        pk=7,
        issue=Issue(number=41),
        **{
            "sender": "Dynamically Typed",
            "from_email": "digest@example.org",
            "list_name": "Dynamically Typed",
            "list_id": "dt.example.org",
            "subject": "DT #41",
            "html": f'<html><p>Hello – “world”</p><a href="{UNSUBSCRIBE_URL}">Leave</a></html>\n',
            "text": f"Hello – “world”\n\nLeave: {UNSUBSCRIBE_URL}\n",
            "started_at": datetime.datetime(2026, 3, 1, 12, 0, tzinfo=datetime.UTC),
        }
        | fields,
    )
    mailing.fingerprint = fingerprint(mailing)
    return mailing


def compose(mailing, email="ada@example.org"):
    return Composer(mailing).message_for(3, headers.ascii_address(email))


def parts_of(content):
    """Type and decoded bytes of each part, with line ends as they are in text."""
    message = message_from_bytes(content, policy=default)
    return [
        (part.get_content_type(), part.get_content_charset(), part.get_payload(decode=True).replace(b"\r\n", b"\n"))
        for part in message.walk()
        if not part.is_multipart()
    ]


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_bytes_mean_what_those_of_an_ordinary_message_would(subject):
    mailing = make_mailing(subject=subject, reply_to="editor@example.org", sender="Zoë “D.T.” Example, Editor")
    ours = message_from_bytes(compose(mailing), policy=default)
    link = unsubscribe_url(3)
    ordinary = EmailMultiAlternatives(
        subject=subject,
        body=mailing.text.replace(UNSUBSCRIBE_URL, link),
        from_email=formataddr(("Zoë “D.T.” Example, Editor", "digest@example.org")),
        to=["ada@example.org"],
        reply_to=["editor@example.org"],
    )
    ordinary.attach_alternative(mailing.html.replace(UNSUBSCRIBE_URL, link), "text/html")
    theirs = message_from_bytes(ordinary.message().as_bytes(linesep="\r\n"), policy=default)

    assert parts_of(compose(mailing)) == parts_of(ordinary.message().as_bytes(linesep="\r\n"))
    assert ours.get_content_type() == theirs.get_content_type() == "multipart/alternative"
    assert ours["Subject"] == subject
    for name in ("To", "Reply-To", "MIME-Version"):
        assert str(ours[name]) == str(theirs[name])
    assert ours["From"].addresses[0].display_name == "Zoë “D.T.” Example, Editor"
    assert ours["From"].addresses[0].addr_spec == "digest@example.org"
    assert [part.defects for part in ours.walk()] == [[], [], []]


@pytest.mark.parametrize("subject", SUBJECTS)
def test_headers_are_ascii_and_encoded_words_short_and_never_empty(subject):
    header = compose(make_mailing(subject=subject, sender="Zoë " * 20)).split(b"\r\n\r\n")[0]
    assert header.isascii()
    for word in re.findall(rb"=\?utf-8\?.\?.*?\?=", header):
        assert 12 < len(word) <= 75
    for line in header.split(b"\r\n"):
        assert len(line) <= 76 or b"=?" not in line
        assert len(line) <= 998


@given(text=st.text(max_size=400), html=st.text(max_size=400))
def test_any_content_survives_within_lines_of_76_characters(text, html):
    mailing = make_mailing(text=f"{text}{UNSUBSCRIBE_URL}{html}", html=f"{html}{UNSUBSCRIBE_URL}{text}")
    content = compose(mailing)
    body = content.split(b"\r\n\r\n", 1)[1]
    assert not LINES_OVER_76.search(body)
    assert content.isascii()
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n|\x00", content)
    link = unsubscribe_url(3)
    (_, _, sent_text), (_, _, sent_html) = parts_of(content)
    assert lines(sent_text.decode()) == lines(f"{text}{link}{html}")
    assert lines(sent_html.decode()) == lines(f"{html}{link}{text}")


def lines(text):
    return re.split(r"\r\n|\r|\n", text)


@given(st.text(), st.integers(0, 200))
def test_a_soft_line_break_may_follow_whatever_was_encoded(text, spaces):
    for line in quoted_printable(text + " " * spaces).split("\r\n"):
        assert len(line) <= 75
        assert not line.startswith(".")


def test_the_message_says_what_list_mail_has_to_say():
    content = compose(make_mailing(list_name="Getypt – Dynamisch"))
    message = message_from_bytes(content, policy=default)
    link = unsubscribe_url(3)
    assert message["List-Unsubscribe"] == f"<{link}>"
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in content
    assert str(make_header(decode_header(message["List-Id"]))).endswith("<dt.example.org>")
    assert b"<dt.example.org>\r\n" in content
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Precedence"] == "bulk"
    assert b"\r\nDate: Sun, 01 Mar 2026 12:00:00 +0000\r\n" in content
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert {part["Content-Transfer-Encoding"] for part in message.iter_parts()} == {"quoted-printable"}
    names = [name.lower() for name, _ in message.items()]
    assert len(names) == len(set(names))
    assert not {"cc", "bcc", "x-mailer"} & set(names)
    assert (message["List-Post"], message["List-Owner"]) == ("NO", "<mailto:digest@example.org>")
    for _, _, body in parts_of(content):
        assert link.encode() in body


def test_a_retry_is_the_same_message():
    assert compose(make_mailing()) == compose(make_mailing())


def test_message_ids_differ_by_reader_and_mailing_and_lie_in_the_senders_domain():
    first, second = make_mailing(), make_mailing()
    second.pk = 8
    ids = {MessageIds(mailing).of(reader) for mailing in (first, second) for reader in (1, 2, 12, 21)}
    assert len(ids) == 8
    assert all(re.fullmatch(r"<[\w.]+@example\.org>", each) for each in ids)


def test_a_message_id_cannot_be_made_up_without_the_key(settings):
    before = MessageIds(make_mailing()).of(3)
    settings.SECRET_KEY = "another"
    assert MessageIds(make_mailing()).of(3) != before


@pytest.mark.parametrize("email", ["å@example.org", "two words@example.org", "a@b@\n.org", "", "a\x00@example.org"])
def test_an_address_that_smtp_cannot_take_is_refused(email):
    with pytest.raises(BadAddress):
        compose(make_mailing(), email=email)


def test_a_domain_is_written_in_a_labels():
    assert b"\r\nTo: ada@xn--bcher-kva.example\r\n" in b"\r\n" + compose(make_mailing(), email="ada@bücher.example")


@pytest.mark.parametrize("poison", ["a\r\nBcc: x@example.org", "a\nBcc: x@example.org", "a\rb", "a\x00b"])
def test_nothing_typed_can_open_another_header(poison):
    content = compose(make_mailing(subject=poison, sender=poison, list_name=poison))
    message = message_from_bytes(content, policy=default)
    assert message["Bcc"] is None
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n|\x00", content)
    with pytest.raises(ValueError, match="can't hold"):
        headers.field("Subject", poison)


def test_a_test_mail_is_marked_and_carries_no_readers_link():
    content = sample_message(make_mailing(), to="editor@example.org", link="https://example.org/harmless/")
    message = message_from_bytes(content, policy=default)
    assert message["Subject"] == "[Test] DT #41"
    assert message["List-Unsubscribe"] == "<https://example.org/harmless/>"
    assert parts_of(content)[0][2].endswith(b"Leave: https://example.org/harmless/\n")
