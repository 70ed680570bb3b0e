"""The talk with servers of all kinds, as it is seen from the server and from whoever waits for the outcomes."""

import asyncio
import base64
import threading
from contextlib import contextmanager

import pytest

from benchmarks.sink import Behaviour, Session
from deliveries.errors import Deferred, InDoubt, Lost, Misconfigured, Refused, Unavailable
from deliveries.mails import Mail
from deliveries.smtp_client import Server
from deliveries.transports import SmtpTransport
from tests.deliveries.conftest import free_port

KINDS = {
    "nothing": (),
    "PIPELINING": ("PIPELINING",),
    "CHUNKING": ("CHUNKING",),
    "both": ("PIPELINING", "CHUNKING"),
}
CONTENT = b"To: a@example.org\r\n\r\nHello.\r\n"


class Listener:
    """Remembers what a transport told."""

    def __init__(self):
        self.outcomes = {}
        self.under_way = set()
        self.most_under_way = 0

    def begin(self, mail):
        self.under_way.add(mail.delivery_id)
        self.most_under_way = max(self.most_under_way, len(self.under_way))

    def end(self, mail, error):
        assert mail.delivery_id not in self.outcomes
        self.under_way.discard(mail.delivery_id)
        self.outcomes[mail.delivery_id] = type(error) if error else None


class Script(Session):
    """A server whose answers to an address are written down beforehand: for RCPT, DATA or the message."""

    answers: dict[tuple[str, str], str] = {}
    connections = 0

    def connection_made(self, transport):
        type(self).connections += 1
        super().connection_made(transport)

    def answer(self, step, otherwise):
        reply = self.answers.get((step, self.address), "")
        if reply == "hang up":
            self.hang_up()
        elif reply == "silence":
            self.is_deaf = True
        elif reply:
            self.reply(reply)
        else:
            return otherwise()
        return None

    def do_mail(self, line):
        self.address = "sender"
        self.answer("MAIL", lambda: super(Script, self).do_mail(line))

    def do_rcpt(self, line):
        self.address = line[line.index("<") + 1 : line.index(">")]
        self.answer("RCPT", lambda: super(Script, self).do_rcpt(line))

    def do_data(self, line):
        self.answer("DATA", lambda: super(Script, self).do_data(line))

    def take(self, content_end, end):
        reply = self.answers.get(("message", self.address))
        if not reply:
            super().take(content_end, end)
            return
        del self.buffer[:end]
        self.reading, self.searched, self.recipient = "command", 0, ""
        self.answer("message", lambda: None)


@contextmanager
def serving(make_session):
    """Run a server in a thread; give its port."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(loop.create_server(make_session, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


@pytest.fixture(params=KINDS, ids=KINDS)
def script(request):
    class OwnScript(Script):
        answers = {}
        connections = 0
        behaviour_of_all = Behaviour(extensions=KINDS[request.param], raw=[])

        def __init__(self):
            super().__init__(self.behaviour_of_all)

    with serving(OwnScript) as port:
        OwnScript.port = port
        yield OwnScript


def mails(count):
    return [Mail(number, "digest@example.org", f"r{number}@example.org", CONTENT) for number in range(1, count + 1)]


def send(port, to_send, *, connections=1, timeout=5.0, **server):
    listener = Listener()
    transport = SmtpTransport([Server("127.0.0.1", port, timeout=timeout, **server)] * connections)
    try:
        for _ in transport.send(iter(to_send), listener):
            pass
    finally:
        transport.close()
    return listener


@pytest.mark.parametrize("connections", [1, 4])
def test_everybody_gets_one_mail_and_the_bytes_are_those_that_were_handed_over(script, connections):
    listener = send(script.port, mails(50), connections=connections)
    assert set(listener.outcomes.values()) == {None}
    behaviour = script.behaviour_of_all
    assert behaviour.received == {f"r{number}@example.org": 1 for number in range(1, 51)}
    assert behaviour.raw == [CONTENT] * 50
    assert listener.most_under_way <= connections
    assert script.connections == connections


def test_big_messages_arrive_whole(script):
    content = b"Subject: x\r\n\r\n" + b"0123456789abcdef\r\n" * 200_000
    send(script.port, [mail._replace(content=content) for mail in mails(3)])
    assert script.behaviour_of_all.raw == [content] * 3


def test_who_is_turned_away_stops_nobody(script):
    script.answers = {
        ("RCPT", "r1@example.org"): "550 5.1.1 No such user",
        ("RCPT", "r3@example.org"): "450 4.2.0 Greylisted",
        ("message", "r5@example.org"): "554 5.6.0 Not this",
        ("message", "r6@example.org"): "451 4.3.0 Later",
    }
    listener = send(script.port, mails(8))
    turned_away = {1: Refused, 3: Deferred, 5: Refused, 6: Deferred}
    assert listener.outcomes == {number: turned_away.get(number) for number in range(1, 9)}
    assert script.connections == 1


def test_a_server_that_wants_the_message_although_it_took_no_recipient_gets_an_empty_one():
    class Eager(Script):
        answers = {("RCPT", "r1@example.org"): "550 5.1.1 No such user"}
        seen = Behaviour(extensions=("PIPELINING",), raw=[])

        def __init__(self):
            super().__init__(self.seen)

        def do_data(self, line):
            self.reading = "message" if self.recipient else "nothing"
            self.reply("354 Go on")

        def read_nothing(self):
            if not self.buffer.startswith(b".\r\n"):
                return False
            del self.buffer[:3]
            self.reading = "command"
            self.reply("554 5.5.1 No recipient")
            return True

    with serving(Eager) as port:
        listener = send(port, mails(3))
    assert listener.outcomes == {1: Refused, 2: None, 3: None}
    assert Eager.seen.raw == [CONTENT] * 2


def test_a_connection_that_breaks_before_the_message_is_no_doubt_and_after_it_is_one(script):
    script.answers = {("RCPT", "r2@example.org"): "hang up", ("message", "r4@example.org"): "hang up"}
    listener = send(script.port, mails(6))
    assert listener.outcomes == {1: None, 2: Lost, 3: None, 4: InDoubt, 5: None, 6: None}


def test_a_server_that_falls_silent_is_given_up_in_time(script):
    script.answers = {("RCPT", "r1@example.org"): "silence", ("message", "r2@example.org"): "silence"}
    listener = send(script.port, mails(3), timeout=1.0)
    assert listener.outcomes == {1: Lost, 2: InDoubt, 3: None}


@pytest.mark.parametrize("silent_at", ["greeting", "EHLO", "AUTH"])
def test_a_server_that_falls_silent_before_the_first_mail_is_unavailable(silent_at):
    class Silent(Session):
        def reply(self, text):
            if silent_at == {"220": "greeting", "250": "EHLO", "500": "AUTH"}[text[:3]]:
                return
            super().reply(text)

    login = {"username": "editor", "password": "secret"} if silent_at == "AUTH" else {}
    with serving(lambda: Silent(Behaviour(extensions=("AUTH PLAIN",)))) as port, pytest.raises(Unavailable):
        send(port, mails(1), timeout=0.3, **login)


def test_a_server_that_falls_silent_at_mail_or_reset_holds_nobody_up(script):
    class Silent(script):
        def do_mail(self, line):
            self.is_deaf = Silent.connections == 1
            if not self.is_deaf:
                super().do_mail(line)

        def do_rset(self, line):
            self.is_deaf = Silent.connections == 2
            if not self.is_deaf:
                super().do_rset(line)

    script.answers = {("RCPT", "r2@example.org"): "550 5.1.1 No such user"}
    with serving(Silent) as port:
        listener = send(port, mails(4), timeout=1.0)
    assert listener.outcomes == {1: Lost, 2: Refused, 3: None, 4: None}


@pytest.mark.parametrize("at_quit", ["hangs up", "is silent", "complains"])
def test_what_was_accepted_stays_accepted_whatever_comes_of_quit(script, at_quit):
    class Rude(script):
        def do_quit(self, line):
            if at_quit == "hangs up":
                self.transport.abort()
            elif at_quit == "complains":
                self.reply("500 5.5.2 What?")

    with serving(Rude) as port:
        assert send(port, mails(3), timeout=1.0).outcomes == {1: None, 2: None, 3: None}


def test_a_server_that_hangs_up_between_mails_costs_nobody_anything(script):
    class Impatient(script):
        mails = 0

        def do_mail(self, line):
            self.mails += 1
            if self.mails > 3:
                self.reply("421 4.7.0 Too many mails for one connection")
                self.hang_up()
            else:
                super().do_mail(line)

    with serving(Impatient) as port:
        listener = send(port, mails(10))
    assert set(listener.outcomes.values()) == {None}
    assert len(listener.outcomes) == 10
    assert set(script.behaviour_of_all.received.values()) == {1}


def test_a_sender_that_is_turned_away_fails_nobody(script):
    script.answers = {("MAIL", "sender"): "530 5.7.0 Authentication required"}
    with pytest.raises(Misconfigured, match="530"):
        send(script.port, mails(3), connections=2)
    assert not script.behaviour_of_all.received


def test_what_is_no_smtp_reply_after_the_message_is_a_doubt(script):
    script.answers = {("message", "r1@example.org"): "HTTP/1.1 200 OK"}
    assert send(script.port, mails(2)).outcomes == {1: InDoubt, 2: None}


def test_when_the_caller_stops_what_is_under_way_is_brought_to_its_end(script):
    script.behaviour_of_all.round_trip = 0.3
    listener = Listener()
    transport = SmtpTransport([Server("127.0.0.1", script.port)] * 3)
    steps = transport.send(iter(mails(1000)), listener)
    while not listener.under_way:
        next(steps)
    steps.close()
    assert not listener.under_way
    assert sum(script.behaviour_of_all.received.values()) == len(listener.outcomes) < 30
    transport.close()


def test_a_server_that_takes_fewer_connections_is_used_with_those(script):
    class Narrow(script):
        def connection_made(self, transport):
            super().connection_made(transport)
            if type(self).connections > 1:
                self.transport.write(b"421 4.7.0 Too many connections\r\n")
                self.hang_up()

        def reply(self, text):
            if type(self).connections == 1 or not text.startswith("220"):
                super().reply(text)

    with serving(Narrow) as port:
        assert set(send(port, mails(20), connections=3).outcomes.values()) == {None}


def test_a_server_that_nobody_runs_is_unavailable():
    with pytest.raises(Unavailable):
        send(free_port(), mails(1), connections=2)


# TLS and logging in.


def test_without_the_starttls_that_was_asked_for_nothing_is_said(script):
    with pytest.raises(Misconfigured, match="STARTTLS"):
        send(script.port, mails(1), requires_starttls=True, username="editor", password="secret")
    assert not script.behaviour_of_all.received


def test_a_password_is_in_no_trace():
    assert "secret" not in repr(Server("localhost", 25, "editor", "secret"))
    assert base64.b64encode(b"secret").decode() not in repr(Server("localhost", 25, "editor", "secret"))
