"""`manage.py run` for real: its own folder, a free port, real processes."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import pytest

from dynamically_typed.environment import BASE_DIR

START_TIMEOUT = 180  # seconds: the machine may be busy
STOP_TIMEOUT = 60


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def start(port, tmp_path, bare_environment):
    """Start `manage.py run`; return the process and the file with its output."""
    processes = []

    def start():
        log = tmp_path / "run.log"
        with log.open("w") as output:
            process = subprocess.Popen(
                [sys.executable, "manage.py", "run"],
                cwd=BASE_DIR,
                env={**bare_environment, "VAR_DIR": str(tmp_path / "var"), "PORT": str(port)},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        processes.append(process)
        return process, log

    yield start
    for process in processes:
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


pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for processes in /proc")


def test_run_serves_the_example_keeps_it_and_leaves_no_process_behind(start, tmp_path, port):
    process, log = start()
    wait_for("Ctrl-C stops everything.", log, process)
    with urlopen(f"http://127.0.0.1:{port}/") as answer:
        assert answer.status == 200
    assert len(processes_with(tmp_path)) >= 4  # run, web server with its reloader, worker
    process.send_signal(signal.SIGINT)
    assert process.wait(STOP_TIMEOUT) == 0
    assert processes_with(tmp_path) == []
    assert log.read_text().count("Your account: editor, password: ") == 1
    assert f"http://localhost:{port}/admin/" in log.read_text()
    assert "Traceback" not in log.read_text()

    process, log = start()
    wait_for("Ctrl-C stops everything.", log, process)
    assert "Your account" not in log.read_text(), "the second run keeps the data"
    # The death of a part is the end of the whole. The worker's own children came after it.
    worker = min(pid for pid in processes_with(tmp_path) if b"worker" in Path(f"/proc/{pid}/cmdline").read_bytes())
    os.kill(worker, signal.SIGKILL)
    assert process.wait(STOP_TIMEOUT) == 1
    assert processes_with(tmp_path) == []
    assert "The worker process ended with code -9" in log.read_text()
    assert "Traceback" not in log.read_text()


def test_a_taken_port_gets_a_sentence_before_anything_is_done(start, tmp_path, port):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        process, log = start()
        assert process.wait(START_TIMEOUT) == 1
    assert f"Port {port} cannot be used (Address already in use)." in log.read_text()
    assert "Traceback" not in log.read_text()
    assert not (tmp_path / "var" / "db.sqlite3").exists()
