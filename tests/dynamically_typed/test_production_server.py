"""The server of production, started as docs/running.md and the Dockerfile have it."""

import os
import re
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection

import pytest

from dynamically_typed.environment import BASE_DIR, Environment

DEADLINE = 60  # seconds, on a machine that does other things as well


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {
        "DEBUG": "false",
        "SECRET_KEY": "of a test",
        "ALLOWED_HOSTS": "digest.example.org",
        "SITE_URL": "https://digest.example.org",
        "TRUST_PROXY_HEADERS": "true",
        "VAR_DIR": str(folder),
        "PYTHONWARNINGS": "ignore",
    }
    kept = {name: value for name, value in os.environ.items() if name not in Environment.__dataclass_fields__}
    unit = re.search(r"bin/granian (.*)` \|", (BASE_DIR / "docs/running.md").read_text())[1]
    options = [*unit.replace("--blocking-threads 4", "--blocking-threads 1").split(), "--port", str(port)]
    server = subprocess.Popen([sys.executable, "-m", "granian", *options], cwd=BASE_DIR, env=kept | settings)
    try:
        wait_until_it_answers(port)
        yield port
    finally:
        server.terminate()
        server.wait(DEADLINE)


def wait_until_it_answers(port):
    until = time.monotonic() + DEADLINE
    while True:
        try:
            return ask(port, "/healthz")
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def ask(port, path, method="GET", **headers):
    connection = HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
    try:
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        answer.text = answer.read().decode()
        return answer
    finally:
        connection.close()


def test_probes_are_answered_by_address(port):
    assert ask(port, "/healthz").status == 200


def test_the_proxy_is_believed_about_https(port):
    told = ask(port, "/robots.txt", Host="digest.example.org", X_Forwarded_Proto="http")
    assert told.status == 301
    assert told.getheader("Location") == "https://digest.example.org/robots.txt"


def test_a_head_has_no_body(port):
    answer = ask(port, "/healthz", "HEAD")
    assert (answer.status, answer.text) == (200, "")


def test_clients_that_are_slow_with_their_requests_stop_nobody(port):
    """With one thread in each process, and twice as many slow clients as threads."""
    slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(4)]
    try:
        for each in slow:
            each.sendall(b"GET /healthz HTTP/1.1\r\nHost: a")
        assert ask(port, "/healthz").status == 200
    finally:
        for each in slow:
            each.close()


def test_the_container_starts_the_same_server():
    text = (BASE_DIR / "Dockerfile").read_text()
    assert 'CMD ["granian", "dynamically_typed.wsgi:application"]' in text
    assert "GRANIAN_INTERFACE=wsgi" in text
