"""What holds when several processes send and some are killed: on a database of its own, with a real SMTP server."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from tests.deliveries.conftest import Server, serve

CONNECTIONS = 3
TIMEOUT = 60  # seconds

PREPARE = """
from benchmarks import site
from deliveries.models import Mailing
from issues.models import Issue, Story
from subscribers.models import Subscriber
for model in (Mailing, Subscriber, Story, Issue):
    model.objects.all().delete()
site.make_readers(%d)
site.make_mailing(41)
"""
START = """
from deliveries.models import Mailing
from deliveries import queueing
from deliveries.errors import MailingError
try:
    queueing.start(Mailing.objects.get())
    print("started")
except MailingError as error:
    print(error)
"""
STEP = """
from django.core.management import call_command
call_command("mailing", "%s", "41")
"""
SEND = """
from deliveries.models import Mailing
from deliveries import reconciling, sending
while sending.send_batch(Mailing.objects.get().pk):
    pass
reconciling.finish()
"""
TICK = """
from deliveries.tasks import tick
tick()
"""
REPORT = """
import json
from dataclasses import asdict
from deliveries.ledger import ledger
from deliveries.models import Mailing
mailing = Mailing.objects.get()
counted = ledger(mailing)
uncertain = list(mailing.deliveries.uncertain().values_list("subscriber__email", flat=True))
print(json.dumps(asdict(counted) | {"state": mailing.state, "adds_up": counted.adds_up, "who": uncertain}))
"""


class Site:
    """The project in processes of its own."""

    def __init__(self, environment):
        self.environment = environment
        self.children = []

    def spawn(self, *arguments):
        child = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=settings.BASE_DIR,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.children.append(child)
        return child

    def spawn_code(self, code):
        return self.spawn("-c", f"import django; django.setup()\n{code}")

    def run(self, code):
        child = self.spawn_code(code)
        output = child.communicate(timeout=TIMEOUT)[0]
        assert child.returncode == 0, output
        return output.strip().splitlines()

    def report(self):
        return json.loads(self.run(REPORT)[-1])

    def kill(self):
        for child in self.children:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()


@pytest.fixture(scope="module")
def database_url(tmp_path_factory, django_db_setup, django_db_blocker):
    if connection.vendor == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('site') / 'db.sqlite3'}"
        return
    name = f"processes_{uuid.uuid4().hex[:12]}"
    with django_db_blocker.unblock():
        parameters = connection.get_connection_params()
    with psycopg.connect(**parameters, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
        yield urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}"))
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="module")
def migrated_url(database_url, tmp_path_factory):
    environment = os.environ | {"DATABASE_URL": database_url, "VAR_DIR": str(tmp_path_factory.mktemp("var"))}
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "-v", "0"], cwd=settings.BASE_DIR, env=environment, check=True
    )
    return database_url


@pytest.fixture
def slow_server():
    """An SMTP server that takes a moment over each mail."""
    server = Server()
    server.seconds = 0.005
    with serve(server) as port:
        yield server, port


@pytest.fixture
def site(migrated_url, slow_server, tmp_path):
    site = Site(
        os.environ
        | {
            "DJANGO_SETTINGS_MODULE": "dynamically_typed.settings",
            "DATABASE_URL": migrated_url,
            "VAR_DIR": str(tmp_path / "var"),
            "CELERY_BROKER_URL": "filesystem://",
            "EMAIL_URL": f"smtp://127.0.0.1:{slow_server[1]}",
            "SENDING_CONNECTIONS": str(CONNECTIONS),
            "SENDING_BATCH_SIZE": "20",
        }
    )
    yield site
    site.kill()


def wait_for(condition):
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.01)


def test_kills_lose_nobody_send_nobody_twice_and_leave_one_doubt_for_each_connection(site, slow_server):
    server, readers, kills = slow_server[0], 300, 0
    site.run(PREPARE % readers + START)
    for _ in range(3):
        goal = len(server.envelopes) + 30
        children = [site.spawn_code(SEND) for _ in range(2)]
        wait_for(lambda goal=goal: len(server.envelopes) >= goal)
        site.kill()
        kills += len(children)
        told = site.report()
        assert told["adds_up"]
    site.run(TICK + SEND)

    told = site.report()
    assert len(server.recipients) == len(set(server.recipients)), "somebody got it twice"
    assert set(server.recipients) | set(told["who"]) == {f"reader{n}@example.org" for n in range(readers)}
    assert told["uncertain"] <= kills * CONNECTIONS
    assert told["sent"] + told["uncertain"] == readers
    assert told["state"] == "sent"


def test_a_pause_and_a_cancellation_stop_all_processes_after_what_is_under_way(site, slow_server):
    server, readers = slow_server[0], 1000
    server.seconds = 0.5  # Sending them all would take longer than a step may.
    site.run(PREPARE % readers + START)
    for step in ("pause", "cancel"):
        children = [site.spawn_code(SEND) for _ in range(2)]
        goal = len(server.envelopes) + 10
        wait_for(lambda goal=goal: len(server.envelopes) >= goal)
        site.run(STEP % step)
        for child in children:
            output = child.communicate(timeout=TIMEOUT)[0]
            assert child.returncode == 0, output
        told = site.report()
        assert told["sent"] == len(server.recipients) == len(set(server.recipients)) < readers
        if step == "pause":
            assert (told["state"], told["remaining"]) == ("paused", readers - told["sent"])
            site.run(STEP % "resume")
    assert (told["state"], told["skipped"], told["remaining"]) == ("cancelled", readers - told["sent"], 0)


def test_of_two_processes_that_start_a_mailing_at_once_one_wins(site):
    site.run(PREPARE % 20)
    children = [site.spawn_code(START) for _ in range(2)]
    answers = sorted(child.communicate(timeout=TIMEOUT)[0].strip().splitlines()[-1] for child in children)
    assert answers[1] == "started"
    assert "is sending. Only one" in answers[0]
    assert site.report()["candidates"] == 20


def test_a_real_worker_sends_what_was_started(site, slow_server):
    server = slow_server[0]
    worker = site.spawn("-m", "dynamically_typed", "worker", "--concurrency=2")
    site.run(PREPARE % 100 + START)
    wait_for(lambda: len(server.envelopes) >= 100)
    wait_for(lambda: site.report()["state"] == "sent")
    worker.terminate()
    assert worker.wait(TIMEOUT) == 0
    assert sorted(server.recipients) == sorted(f"reader{n}@example.org" for n in range(100))
    assert site.report()["sent"] == 100
