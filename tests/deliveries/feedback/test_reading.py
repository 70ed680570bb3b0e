"""The way of a bounce from a mailbox to the subscriber, through the command and the task."""

import json

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command

from deliveries.models import MailEvent
from deliveries.tasks import read_bounces
from dynamically_typed.service_urls import bounce_mailbox
from subscribers.models import Subscriber
from tests.deliveries.conftest import free_port
from tests.deliveries.feedback.imap_server import PASSWORD, serve_imap

pytestmark = pytest.mark.django_db


@pytest.fixture
def maildir(settings, tmp_path):
    for name in ("tmp", "new", "cur"):
        (tmp_path / "bounces" / name).mkdir(parents=True)
    settings.BOUNCE_MAILBOX = bounce_mailbox(f"maildir://{tmp_path}/bounces")
    return tmp_path / "bounces"


def run(capsys):
    call_command("read_bounces", "--json")
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def mails(sent):
    """A bounce, a vacation note, a mail bomb, and a letter."""
    bomb = b'Content-Type: multipart/mixed; boundary="1"\n\n' * 1000
    return [
        sent.report("postfix-unknown-user"),
        sent.report("vacation-note"),
        bomb,
        sent.report("a-person-writes"),
    ]


def test_a_maildir_is_read_once_and_what_is_not_understood_is_named_and_put_aside(maildir, mails, sent, capsys, caplog):
    for number, content in enumerate(mails):
        (maildir / ("new" if number % 2 else "cur") / f"{number}.mail:2,S").write_bytes(content)
    assert run(capsys) == {"taken": 1, "ignored": 1, "aside": 2}
    assert Subscriber.objects.get().state == "bounced"
    assert not [*(maildir / "new").iterdir(), *(maildir / "cur").iterdir()]
    assert sorted(path.name for path in (maildir / ".Done/cur").iterdir()) == ["0.mail:2,S", "1.mail:2,S"]
    assert sorted(path.name for path in (maildir / ".Aside/cur").iterdir()) == ["2.mail:2,S", "3.mail:2,S"]
    assert [record.getMessage() for record in caplog.records if "aside" in record.getMessage()] == [
        "The mail new/3.mail:2,S in the bounce mailbox is put aside: This is neither a bounce nor a complaint.",
        "The mail cur/2.mail:2,S in the bounce mailbox is put aside: This mail has too many parts inside each other.",
    ]
    assert sent.reader not in caplog.text
    assert run(capsys) == {"taken": 0, "ignored": 0, "aside": 0}


def test_what_breaks_unexpectedly_is_put_aside_and_stops_no_other(maildir, mails, capsys, monkeypatch):
    from deliveries.feedback import reading

    read = reading.report_in

    def break_down(content):
        if content == b"bad":
            raise ValueError("unthought of")
        return read(content)

    monkeypatch.setattr(reading, "report_in", break_down)
    (maildir / "new/1").write_bytes(b"bad")
    (maildir / "new/2").write_bytes(mails[0])
    assert run(capsys) == {"taken": 1, "ignored": 0, "aside": 1}


def test_a_bounce_that_is_read_twice_changes_nothing(maildir, mails, capsys):
    for name in ("1", "2"):
        (maildir / "new" / name).write_bytes(mails[0])
    assert run(capsys) == {"taken": 1, "ignored": 1, "aside": 0}


@pytest.mark.parametrize("can_move", [True, False])
def test_an_imap_folder_is_read_once(settings, mails, can_move, capsys):
    with serve_imap(can_move=can_move) as server:
        settings.BOUNCE_MAILBOX = bounce_mailbox(
            f"imap://bounces:pass%20word@127.0.0.1:{server.server_address[1]}/INBOX?done=INBOX.Done&aside=INBOX.Aside"
        )
        for content in [*mails, b"Subject: large\n\n" + b"x" * 3_000_000]:
            server.put(content.replace(b"\n", b"\r\n"))
        for _ in range(2):  # The folders are there the second time.
            read_bounces()
            assert MailEvent.objects.count() == 1
        assert {name: len(mails) for name, mails in server.folders.items()} == {
            "INBOX": 0,
            "INBOX.Done": 2,
            "INBOX.Aside": 3,
        }
    assert PASSWORD not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("trouble", "sentence"),
    [("login", "wrong password"), ("folder", "no such folder"), ("move", "MOVE: not today"), ("port", "refused")],
)
def test_a_mailbox_that_cannot_be_read_is_said_and_tried_again(settings, mails, trouble, sentence, caplog):
    with serve_imap() as server:
        port = free_port() if trouble == "port" else server.server_address[1]
        password = "wrong" if trouble == "login" else "pass%20word"
        folder = "Elsewhere" if trouble == "folder" else "INBOX"
        settings.BOUNCE_MAILBOX = bounce_mailbox(f"imap://bounces:{password}@127.0.0.1:{port}/{folder}")
        server.refused = {"MOVE"} if trouble == "move" else set()
        server.put(mails[0])
        with pytest.raises(CommandError, match=f"The bounce mailbox .*{sentence}"):
            call_command("read_bounces")
        read_bounces()
        assert sentence in caplog.text
        assert PASSWORD not in caplog.text
        assert len(server.folders["INBOX"]) == 1
        assert MailEvent.objects.count() == (trouble == "move")


@pytest.mark.parametrize("scheme", ["imaps", "imap+tls"])
def test_a_mailbox_is_read_over_tls_by_who_can_prove_to_be_its_server(
    settings, mails, certificate, scheme, capsys, monkeypatch
):
    with serve_imap(certificate=certificate, implicit=scheme == "imaps") as server:
        server.put(mails[0])
        port = server.server_address[1]
        settings.BOUNCE_MAILBOX = bounce_mailbox(f"{scheme}://bounces:pass%20word@localhost:{port}/INBOX")
        with pytest.raises(CommandError, match="certificate"):
            call_command("read_bounces")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
        assert run(capsys) == {"taken": 1, "ignored": 0, "aside": 0}


def test_a_mailbox_that_offers_no_encryption_gets_no_password_where_it_is_asked_for(settings, mails):
    with serve_imap() as server:
        server.put(mails[0])
        port = server.server_address[1]
        settings.BOUNCE_MAILBOX = bounce_mailbox(f"imap+tls://bounces:pass%20word@localhost:{port}/INBOX")
        with pytest.raises(CommandError, match="TLS"):
            call_command("read_bounces")
        assert len(server.folders["INBOX"]) == 1


def test_without_a_mailbox_the_command_says_what_to_set(settings, maildir):
    settings.BOUNCE_MAILBOX = bounce_mailbox(f"maildir://{maildir}/nowhere")
    with pytest.raises(CommandError, match="no Maildir at"):
        call_command("read_bounces")
    settings.BOUNCE_MAILBOX = None
    with pytest.raises(CommandError, match="BOUNCE_MAILBOX_URL is not set"):
        call_command("read_bounces")


@pytest.mark.parametrize(
    "url",
    ["pop3://host/", "imaps://", "maildir:relative", "imaps://host/?other=1", "imaps://host:99999/", 'imaps://h/a"b'],
)
def test_an_address_that_is_no_mailbox_is_refused(url):
    with pytest.raises(ImproperlyConfigured, match="BOUNCE_MAILBOX_URL"):
        bounce_mailbox(url)


def test_addresses_of_mailboxes_have_their_usual_ports():
    ports = {url: bounce_mailbox(f"{url}://u:p@host").port for url in ("imaps", "imap+tls", "imap")}
    assert ports == {"imaps": 993, "imap+tls": 143, "imap": 143}
    assert bounce_mailbox("imaps://u%40x:p%2F@host/A/B").folder == "A/B"
