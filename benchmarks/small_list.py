"""From the press of the button to the last of 100 mails, on the embedded default: SQLite, files as the broker, a Maildir."""

import tempfile
import time
from pathlib import Path

from benchmarks import site

READERS, ROUNDS = 100, 5
GOAL = 2.0  # seconds


def measure() -> list[float]:
    """Seconds, by round. In a process of its own, with the worker that `make run` starts."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        site.set_up(folder)
        site.make_readers(READERS)
        worker = site.Process.worker()
        try:
            send(folder, 1)  # until the worker is up
            return [send(folder, number) for number in range(2, ROUNDS + 2)]
        finally:
            worker.stop()


def send(folder: Path, number: int) -> float:
    from deliveries.models import Mailing

    mailing = site.make_mailing(number)
    start = time.monotonic()
    site.start(mailing)
    mails = folder / "mail" / "new"
    site.wait_for(lambda: mails.is_dir() and len(list(mails.iterdir())) == READERS * number, 60)
    seconds = time.monotonic() - start
    site.wait_for(lambda: Mailing.objects.get(pk=mailing.pk).state == "sent", 60)
    return round(seconds, 2)
