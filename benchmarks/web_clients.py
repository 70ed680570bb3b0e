"""Who asks in `benchmarks.web`: wrk, single requests, and clients that take their time."""

import gzip
import re
import socket
import subprocess
import tempfile
import threading
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

DRAW = """
local paths = {}
for line in io.lines("%s") do paths[#paths + 1] = line end
math.randomseed(os.time())
request = function() return wrk.format("GET", paths[math.random(#paths)]) end
"""
UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}
SLOW = 20
HEAD = b"POST /subscribe/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"


class Run(NamedTuple):
    per_second: float
    p99: float  # ms
    errors: int


class Reply(NamedTuple):
    etag: str
    body: bytes  # in gzip

    @property
    def text(self) -> str:
        return gzip.decompress(self.body).decode()


def wrk(
    address: str, *, seconds: int, connections: int, if_none_match: str = "", drawn_from: Path | None = None
) -> Run:
    """Ask for one address, or for those that the lines of a file name."""
    command = ["wrk", "-t2", f"-c{connections}", f"-d{seconds}s", "--latency", "-H", "Accept-Encoding: gzip"]
    if if_none_match:
        command += ["-H", f"If-None-Match: {if_none_match}"]
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        if drawn_from:
            script.write(DRAW % drawn_from)
            script.flush()
            command += ["-s", script.name]
        told = subprocess.run([*command, address], check=True, capture_output=True, text=True).stdout  # noqa: S603
    wait = re.search(r"99%\s+([\d.]+)(us|ms|s|m)", told)
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", told)
    broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", told)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", told)
    if not rate or not wait:
        raise SystemExit(f"wrk said:\n{told}")
    errors = sum(int(number) for match in (failed, broken) if match for number in match.groups())
    return Run(float(rate[1]), float(wait[1]) * UNITS[wait[2]], errors)


def fetch(address: str) -> Reply:
    """By a connection of its own, so that any of the processes may answer."""
    parts = urlsplit(address)
    connection = HTTPConnection(parts.netloc, timeout=30)
    try:
        connection.request("GET", parts.path, headers={"Accept-Encoding": "gzip"})
        response = connection.getresponse()
        return Reply(response.getheader("ETag", ""), response.read())
    finally:
        connection.close()


class SlowClients:
    """While this context lasts, so many connections send a request of which each byte takes a second.

    Servers for WSGI hand over a request when its head is there, so those that are slow with a body are the proxy's part.
    """

    def __init__(self, address: str, *, with_body: bool) -> None:
        parts = urlsplit(address)
        self.place = (parts.hostname or "", parts.port or 80)
        self.head = HEAD + (b"Content-Length: 1000\r\n\r\n" if with_body else b"")
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.dawdle)

    def __enter__(self) -> "SlowClients":
        self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.over.set()
        self.thread.join()

    def dawdle(self) -> None:
        sockets = [socket.create_connection(self.place) for _ in range(SLOW)]
        for each in sockets:
            each.sendall(self.head)
        while not self.over.wait(1):
            for each in sockets:
                each.sendall(b"a")
        for each in sockets:
            each.close()
