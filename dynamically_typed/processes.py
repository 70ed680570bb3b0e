"""Child processes that are started together and leave nothing behind."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import IO

from dynamically_typed.environment import BASE_DIR

STOP_TIMEOUT = 10.0  # seconds: a worker first finishes the task in its hands


class Child:
    """A Python process in a process group of its own, so that Ctrl-C in the terminal reaches only its parent.

    Its output appears line by line behind its name.
    """

    def __init__(self, name: str, arguments: Sequence[str]) -> None:
        self.name = name
        self.process = subprocess.Popen(  # noqa: S603, the arguments are our own
            [sys.executable, "-u", *arguments],
            cwd=BASE_DIR,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        threading.Thread(target=self._relay, args=(self.process.stdout,), daemon=True).start()

    def _relay(self, output: IO[str]) -> None:
        for line in output:
            sys.stdout.write(f"{self.name:6} | {line}")
            sys.stdout.flush()

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self.process.poll()


def stop(children: Sequence[Child]) -> None:
    """Ask each child to stop, then kill whatever is left in its group, grandchildren too."""
    for child in children:
        child.process.terminate()
    for child in children:
        try:
            child.process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            sys.stdout.write(f"{child.name} did not stop within {STOP_TIMEOUT:.0f} seconds and is killed.\n")
        try:
            os.killpg(child.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            continue  # The usual case: the whole group has ended.
        finally:
            child.process.wait()
