"""Reports of many servers, as files of the corpus: what each means, and whose mail it is about."""

from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from deliveries.errors import BadReport
from deliveries.feedback.reports import LARGEST, report_in
from tests.deliveries.feedback.conftest import CORPUS

pytestmark = pytest.mark.django_db

MEANINGS = {
    "amazon-ses": ("bounced", "hard", "5.1.1"),
    "arf-all-redacted-but-the-link": ("complained", "complaint", ""),
    "arf-yahoo": ("complained", "complaint", ""),
    "exchange-expired": ("bounced", "soft", "4.4.7"),
    "exchange-not-found": ("bounced", "hard", "5.1.10"),
    "exim-policy-behind-an-unspecific-status": ("bounced", "ours", "5.7.26"),
    "exim-unrouteable": ("bounced", "hard", "5.0.0"),
    "gmail-no-such-user": ("bounced", "hard", "5.1.1"),
    "gmail-over-quota-for-now": ("bounced", "soft", "4.2.2"),
    "jmrp-outlook": ("complained", "complaint", ""),
    "postfix-delayed": ("deferred", "soft", "4.4.1"),
    "postfix-mailbox-full": ("bounced", "soft", "5.2.2"),
    "postfix-policy": ("bounced", "ours", "5.7.1"),
    "postfix-unknown-user": ("bounced", "hard", "5.1.1"),
    "postfix-utf8": ("bounced", "hard", "5.1.1"),
    "qmail": ("bounced", "hard", "5.1.1"),
    "qmail-to-the-plain-address": ("bounced", "hard", "5.1.1"),
    "sendmail-host-unknown": ("bounced", "hard", "5.1.2"),
    "sendmail-to-the-plain-address": ("bounced", "hard", "5.1.2"),
}
NOTHING = ["arf-not-spam", "challenge", "postfix-relayed", "vacation-note", "vacation-note-in-the-old-way"]
NOT_UNDERSTOOD = ["a-person-writes"]


def test_every_file_of_the_corpus_has_its_meaning():
    assert sorted([*MEANINGS, *NOTHING, *NOT_UNDERSTOOD]) == sorted(path.stem for path in CORPUS.glob("*.eml"))


@pytest.mark.parametrize("name", MEANINGS)
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_a_report_says_what_became_of_whose_mail(send, name, line_end):
    other, about = send(readers=2)
    report = report_in(about.report(name).replace(b"\n", line_end))
    assert (report.event_type, report.verdict, report.status) == MEANINGS[name]
    assert report.subscriber == about.subscriber
    assert report.mailing_id == (None if name == "arf-all-redacted-but-the-link" else about.mailing.pk)
    assert other.reader not in report.words


@pytest.mark.parametrize("name", NOTHING)
def test_what_is_no_bounce_tells_nothing(sent, name):
    assert report_in(sent.report(name)) is None


@pytest.mark.parametrize("name", NOT_UNDERSTOOD)
def test_what_a_person_writes_is_not_taken_for_a_bounce_whatever_its_words(sent, name):
    with pytest.raises(BadReport, match="neither a bounce nor a complaint"):
        report_in(sent.report(name))


@pytest.mark.parametrize("name", MEANINGS)
def test_a_forged_report_is_about_nobody(send, name):
    """All that names the delivery is somebody else's, as far as one can write it without the key."""
    first, second = send(readers=2)
    forged = first.report(name)
    numbers = [(each.subscriber.pk, each.mailing.pk) for each in (first, second)]
    swaps = [
        (first.verp.rpartition("-")[2], second.verp.rpartition("-")[2]),
        (f"<{numbers[0][1]}.{numbers[0][0]}.", f"<{numbers[1][1]}.{numbers[1][0]}."),
        (token_of(first), token_of(second)[:4] + token_of(first)[4:]),
    ]
    for true, false in swaps:
        forged = forged.replace(true.encode(), false.encode())
    with pytest.raises(BadReport, match="no mail of ours"):
        report_in(forged)


def token_of(sent):
    return sent.report("arf-all-redacted-but-the-link").partition(b"/unsubscribe/")[2].partition(b"/>")[0].decode()


def test_a_long_bounce_is_read_as_far_as_it_matters(sent):
    content = sent.report("postfix-unknown-user").replace(
        b"\n\n--4Rk2bA6kZ1z.1795680003/mx.example.net--", b"x" * 5_000_000
    )
    assert report_in(content).verdict == "hard"


def nested(levels):
    openings = [f'Content-Type: multipart/mixed; boundary="{level}"\n\n--{level}\n'.encode() for level in range(levels)]
    return b"".join(openings) + b"\nx"


BOMBS = {
    "multiparts in multiparts": nested(3000),
    "messages in messages": b"Content-Type: message/rfc822\n\n" * 9000,
    "many parts": b'Content-Type: multipart/mixed; boundary="b"\n\n' + b"--b\n\nx\n" * 60_000,
    "many recipients": b'Content-Type: multipart/report; boundary="b"\n\n--b\nContent-Type: message/delivery-status\n\n'
    + b"Action: failed\nStatus: 5.1.1\n\n" * 20_000,
    "a header without end": b"To: " + b"(" * 1_000_000,
    "many headers": b"To: a@example.org\n" * 50_000,
    "many tokens": b"Auto-Submitted: no\n\n" + b"bounces+1-1-" + b"a" * 26 + b"@example.org " * 20_000,
    "qmail without end": b"Hi. This is the qmail-send program\n" + b"<a@example.org\n" * 100_000,
    "qmail of brackets": b"Hi. This is the qmail-send program\n" + b"<" * 1_000_000,
    "nothing": b"",
    "zeros": b"\x00" * 100_000,
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_mail_bomb_is_put_aside(name):
    """Without bounds, some of these take until the task is killed."""
    with pytest.raises(BadReport):
        report_in(BOMBS[name])


def test_no_more_than_a_quarter_of_a_megabyte_is_looked_at(sent):
    late = b"X-Padding: x\n" * (LARGEST // 13) + sent.report("qmail")
    with pytest.raises(BadReport):
        report_in(late)


@given(
    st.sampled_from(sorted(CORPUS.glob("*.eml"))),
    st.lists(st.tuples(st.integers(0, 6000), st.binary(max_size=12)), max_size=8),
)
@hypothesis_settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_broken_in_a_report_it_is_put_aside_or_read(db, path, cuts):
    content = path.read_bytes()
    for at, put in cuts:
        content = content[:at] + put + content[at + 7 :]
    with suppress(BadReport):
        report_in(content)
