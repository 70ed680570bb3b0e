"""Several servers, each with its share and its limits, on loopback."""

import asyncio
import itertools
import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack

import pytest
from django.conf import settings as django_settings
from django.db import connection

from deliveries import rate_limits, sending, servers
from deliveries.errors import Unavailable
from deliveries.ledger import ledger
from deliveries.models import MailingState
from deliveries.rate_limits import Limits
from dynamically_typed.service_urls import mail_servers
from tests.deliveries.conftest import HANG_UP, Server, free_port, send_all, serve, use_smtp

pytestmark = pytest.mark.django_db


class TimedServer(Server):
    """Notes when each mail arrived, and how many connections it had at once."""

    def __init__(self):
        super().__init__()
        self.times = []
        self.sessions = set()
        self.greeting_seconds = 0.0

    async def handle_EHLO(self, server, session, envelope, hostname, responses):  # noqa: N802
        await asyncio.sleep(self.greeting_seconds)
        session.host_name = hostname
        return responses

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        self.sessions.add(session.peer)
        self.times.append(time.time())
        return await super().handle_RCPT(server, session, envelope, address, options)


@pytest.fixture
def start_servers(settings):
    """Start servers with these parameters in EMAIL_URL; None is one that nobody listens at."""
    with ExitStack() as stack:

        def start(*parameters):
            started = [TimedServer() for _ in parameters]
            ports = [stack.enter_context(serve(server)) for server in started]
            urls = [f"smtp://127.0.0.1:{port}?{query}" for port, query in zip(ports, parameters, strict=True)]
            configure(settings, ",".join(urls))
            use_smtp(settings, ports[0])
            settings.SENDING_TASKS = 1  # All in one batch, as that keeps its connections.
            return started

        yield start


@pytest.fixture(autouse=True)
def _all_awake():
    servers.resting_until.clear()


def configure(settings, urls):
    settings.SENDING_SERVERS = mail_servers(urls)


def recipients(*started):
    return [reader for server in started for reader in server.recipients]


def test_mails_are_shared_by_weight_and_nobody_gets_two(make_mailing, start_servers, monkeypatch):
    monkeypatch.setattr(servers, "SECONDS_OF_STANDSTILL", 30)
    heavy, light = start_servers("weight=3&connections=2", "weight=1&connections=2")
    assert send_all(make_mailing(readers=80)).sent == 80
    assert len(set(recipients(heavy, light))) == len(recipients(heavy, light)) == 80
    assert 56 <= len(heavy.envelopes) <= 64


def test_a_server_that_is_slow_at_first_gets_its_share(make_mailing, start_servers, monkeypatch):
    monkeypatch.setattr(servers, "SECONDS_OF_STANDSTILL", 30)
    heavy, light = start_servers("weight=3&connections=2", "weight=1&connections=2")
    light.greeting_seconds = 0.5
    assert send_all(make_mailing(readers=80)).sent == 80
    assert 56 <= len(heavy.envelopes) <= 64


def test_a_server_that_stands_still_holds_nobody_up_for_long(make_mailing, start_servers, settings):
    still, quick = start_servers("connections=1", "connections=1")
    still.seconds = 5.0
    start = time.monotonic()
    assert send_all(make_mailing(readers=60)).sent == 60
    assert len(quick.envelopes) > 50
    assert time.monotonic() - start < 60, "half of the mails would have taken 150 seconds there"


def test_no_server_gets_more_connections_than_it_allows(make_mailing, start_servers):
    one, three = start_servers("connections=1", "connections=3")
    for server in (one, three):
        server.seconds = 0.01
    send_all(make_mailing(readers=40))
    assert len(one.sessions) == 1
    assert 1 < len(three.sessions) <= 3


def test_when_one_server_is_down_the_others_go_on_and_it_rests(make_mailing, start_servers, settings, caplog):
    (alive,) = start_servers("weight=1")
    configure(settings, f"smtp://127.0.0.1:{free_port()}?weight=9, smtp://127.0.0.1:{settings.EMAIL_PORT}?weight=1")
    mailing = make_mailing(readers=30)
    assert send_all(mailing).sent == 30
    assert mailing.state == MailingState.SENT
    assert mailing.failures_in_a_row == 0
    assert len(set(alive.recipients)) == len(alive.recipients) == 30
    assert caplog.text.count("rests for 60 s") == 1, "it was asked once"


def test_a_server_that_does_not_let_us_in_rests_too(make_mailing, start_servers):
    strict, kind = start_servers("weight=1", "weight=1")
    strict.sender_answer = "530 5.7.0 Authentication required"
    assert send_all(make_mailing(readers=20)).sent == 20
    assert (len(strict.envelopes), len(kind.envelopes)) == (0, 20)


def test_a_server_that_breaks_off_again_and_again_rests(make_mailing, start_servers):
    broken, kind = start_servers("connections=1", "connections=1")
    mailing = make_mailing(readers=30)
    for email in mailing.deliveries.values_list("subscriber__email", flat=True):
        broken.answers[email] = [HANG_UP]
    counted = send_all(mailing)
    assert not broken.envelopes
    assert counted.remaining == servers.MOST_BREAKDOWNS, "these are tried again later"
    assert counted.sent == 30 - servers.MOST_BREAKDOWNS
    assert len(set(kind.recipients)) == counted.sent


def test_when_all_servers_are_down_the_mailing_pauses_in_the_end(make_mailing, settings):
    use_smtp(settings, port := free_port())
    configure(settings, f"smtp://127.0.0.1:{port},smtp://localhost:{port}")
    mailing = make_mailing(readers=3)
    for _ in range(sending.MOST_FAILURES):
        assert sending.send_batch(mailing.pk) == 0
    mailing.refresh_from_db()
    assert mailing.state == MailingState.PAUSED
    assert ledger(mailing).remaining == 3


def test_a_second_never_sees_more_than_its_limit(make_mailing, start_servers):
    (server,) = start_servers("per_second=40")
    assert send_all(make_mailing(readers=100)).sent == 100
    assert most_in_a_window(server.times, 1.0) <= 40
    assert server.times[-1] - server.times[0] < 100 / 40 * 5, "nor much less"


def most_in_a_window(times, seconds):
    times = sorted(times)
    return max(sum(start <= each < start + seconds for each in times) for start in times)


def test_what_one_server_may_not_send_yet_the_other_sends(make_mailing, start_servers):
    slow, fast = start_servers("per_second=5", "weight=1")
    assert send_all(make_mailing(readers=60)).sent == 60
    assert len(fast.envelopes) > len(slow.envelopes) >= 1


def test_an_hours_limit_holds_the_rest_back_and_costs_nobody_an_attempt(make_mailing, start_servers):
    (server,) = start_servers("per_hour=30")
    mailing = make_mailing(readers=50)
    counted = send_all(mailing)
    assert (counted.sent, counted.remaining) == (30, 20)
    assert mailing.state == MailingState.SENDING
    assert set(mailing.deliveries.queued().values_list("attempts", flat=True)) == {0}
    assert len(server.envelopes) == 30


def test_a_test_mail_says_when_the_limit_is_reached(make_mailing, start_servers, settings):
    start_servers("per_hour=1")
    mailing = make_mailing()
    sending.send_sample(mailing, "editor@example.org")
    with pytest.raises(Unavailable, match="limit is reached"):
        sending.send_sample(mailing, "editor@example.org")


class Clock:
    def __init__(self, monkeypatch):
        self.now = 1_800_000_030.0
        monkeypatch.setattr(rate_limits.time, "time", lambda: self.now)


@pytest.mark.parametrize(
    "limits", [Limits(per_second=1), Limits(per_second=7), Limits(per_second=100), Limits(per_second=50, per_hour=900)]
)
def test_grants_keep_every_window_within_the_limit_even_when_used_at_the_last_moment(monkeypatch, limits):
    clock = Clock(monkeypatch)
    used = []
    for step in range(400):
        grant = rate_limits.take("server", limits)
        if grant.mails:
            at = grant.until if step % 3 else clock.now  # as late as it may be, or at once
            used += [at] * grant.mails
            clock.now += 0.001
        else:
            clock.now = min(max(grant.next_at, clock.now + 0.001), clock.now + 5)
    assert len(used) > 100
    assert most_in_a_window(used, 1.0) <= limits.per_second
    if limits.per_hour:
        assert most_in_a_window(used, 3600.0) <= limits.per_hour
    else:
        assert len(used) / (clock.now - 1_800_000_030) > 0.85 * limits.per_second, "in the long run"


def test_an_hours_limit_ends_after_an_hour_and_not_before(monkeypatch):
    clock = Clock(monkeypatch)
    limits = Limits(per_hour=100)
    assert sum(rate_limits.take("server", limits).mails for _ in range(60)) == 100
    refused = rate_limits.take("server", limits)
    assert refused.mails == 0
    assert 3600 <= refused.next_at - clock.now <= 3720
    clock.now += 3599
    assert rate_limits.take("server", limits).mails == 0
    clock.now = refused.next_at
    assert rate_limits.take("server", limits).mails > 0


def test_what_was_not_used_is_given_back_to_the_hour(monkeypatch):
    Clock(monkeypatch)
    limits = Limits(per_hour=100)
    granted = [rate_limits.take("server", limits).mails for _ in range(60)]
    rate_limits.give_back("server", 10)
    assert sum(granted) == 100
    assert sum(rate_limits.take("server", limits).mails for _ in range(60)) == 10


def test_servers_have_limits_of_their_own(monkeypatch):
    Clock(monkeypatch)
    for server in ("a", "b"):
        assert rate_limits.take(server, Limits(per_hour=1)).mails == 1
        assert rate_limits.take(server, Limits(per_hour=1)).mails == 0


TAKE = """
import json, sys, time
import django; django.setup()
from deliveries.rate_limits import Limits, take
limits, times, end = Limits(per_second=200), [], time.time() + 3
while time.time() < end:
    grant = take("shared", limits)
    times += [time.time()] * grant.mails
    time.sleep(max(0.0, min(grant.next_at - time.time(), 0.05)))
print(json.dumps(times))
"""


@pytest.mark.django_db(transaction=True)
def test_several_processes_stay_within_one_limit_together(tmp_path):
    environment = environment_of_this_database(tmp_path)
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", TAKE], cwd=django_settings.BASE_DIR, env=environment, stdout=subprocess.PIPE
        )
        for _ in range(3)
    ]
    results = [json.loads(worker.communicate(timeout=60)[0].splitlines()[-1]) for worker in workers]
    times = list(itertools.chain(*results))
    assert sum(map(bool, results)) >= 2, "more than one got something"
    assert len(times) > 100
    assert most_in_a_window(times, 1.0) <= 200


def environment_of_this_database(tmp_path):
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        url = f"sqlite:///{database['NAME']}"
    else:
        host, user, port = database["HOST"].replace("/", "%2F"), database["USER"] or "", database["PORT"]
        url = f"postgres://{user}{'@' * bool(user)}{host}{f':{port}' * bool(port)}/{database['NAME']}"
    return {
        **os.environ,
        "DATABASE_URL": url,
        "VAR_DIR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "dynamically_typed.settings",
    }
