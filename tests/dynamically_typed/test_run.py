"""`manage.py run` for real: its own folder, a free port, real processes."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from dynamically_typed.environment import BASE_DIR, Environment

START_TIMEOUT = 60  # seconds, for a machine that runs other tests at the same time
STOP_TIMEOUT = 20


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running(port, folder):
    """`manage.py run` in a process, its output in the file that is handed out with it."""
    others = {name: value for name, value in os.environ.items() if name not in Environment.__dataclass_fields__}
    log = folder / "run.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "run"],
            cwd=BASE_DIR,
            env={**others, "VAR_DIR": str(folder / "var"), "PORT": str(port)},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process, log
    finally:
        process.terminate()
        process.wait(STOP_TIMEOUT)


def wait_for(text, log, process):
    deadline = time.monotonic() + START_TIMEOUT
    while text not in log.read_text():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)


def processes_with(folder):
    """The ids of all processes whose environment names this folder (Linux)."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            if str(folder).encode() in (each / "environ").read_bytes():
                found.append(int(each.name))
        except OSError:  # It has ended, or is not ours.
            continue
    return found


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for left-over processes in /proc")
def test_run_serves_the_example_and_leaves_no_process_behind_on_ctrl_c(tmp_path, port):
    with running(port, tmp_path) as (process, log):
        wait_for("Ctrl-C stops everything.", log, process)
        with urlopen(f"http://127.0.0.1:{port}/") as answer:
            assert answer.status == 200
        assert len(processes_with(tmp_path)) >= 4  # run, web server with its reloader, worker
        process.send_signal(signal.SIGINT)
        assert process.wait(STOP_TIMEOUT) == 0
    text = log.read_text()
    assert text.count("Your account: editor, password: ") == 1
    assert f"http://localhost:{port}/admin/" in text
    assert "Traceback" not in text
    assert processes_with(tmp_path) == []


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for processes in /proc")
def test_run_ends_as_a_whole_when_one_of_its_processes_dies(tmp_path, port):
    with running(port, tmp_path) as (process, log):
        wait_for("Ctrl-C stops everything.", log, process)
        # The worker's own children came after it.
        worker = min(pid for pid in processes_with(tmp_path) if b"celery" in Path(f"/proc/{pid}/cmdline").read_bytes())
        os.kill(worker, signal.SIGKILL)
        assert process.wait(STOP_TIMEOUT) == 1
    assert "The worker process ended with code -9" in log.read_text()
    assert "Traceback" not in log.read_text()
    assert processes_with(tmp_path) == []


def test_a_taken_port_gets_a_sentence_before_anything_is_done(tmp_path, port):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        with running(port, tmp_path) as (process, log):
            assert process.wait(START_TIMEOUT) == 1
    assert f"Port {port} cannot be used (Address already in use)." in log.read_text()
    assert "Traceback" not in log.read_text()
    assert not (tmp_path / "var" / "db.sqlite3").exists()
