"""The project on services of its own, for benchmarks: a scratch database, a broker, workers, readers, mailings."""

import datetime
import multiprocessing
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit, urlunsplit

import psycopg

from scripts.run_tests import DATABASE_URLS, trouble_with_database

if TYPE_CHECKING:
    from deliveries.models import Mailing

ROOT = Path(__file__).resolve().parent.parent
HTML_SIZE, TEXT_SIZE = 45_000, 8_000  # bytes
Result = TypeVar("Result")
TICKS = os.sysconf("SC_CLK_TCK")


@contextmanager
def scratch_database(url: str) -> Iterator[str]:
    """Make a database on the server of this URL, and drop it in the end."""
    name = f"dt_benchmark_{secrets.token_hex(4)}"
    with psycopg.connect(url, dbname="postgres", autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
    try:
        yield urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
    finally:
        with psycopg.connect(url, dbname="postgres", autocommit=True) as server:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def scratch_postgresql() -> Iterator[str]:
    """The same on the server that the tests would take; the URL is empty where none lets us make a database."""
    given = os.environ.get("TEST_DATABASE_URL")
    server_urls = [url for url in ([given] if given else DATABASE_URLS) if not trouble_with_database(url)]
    if not server_urls:
        yield ""
        return
    with scratch_database(server_urls[0]) as url:
        yield url


def set_up(
    folder: Path,
    *,
    database_url: str = "",
    broker_url: str = "filesystem://",
    email_url: str = "maildir:",
    **settings: object,
) -> None:
    """Make this process and its children the project on these services, with its tables. By default on none."""
    os.environ.update(
        {
            "DJANGO_SETTINGS_MODULE": "dynamically_typed.settings",
            "DEBUG": "false",
            "SECRET_KEY": secrets.token_urlsafe(50),
            "ALLOWED_HOSTS": "digest.example.org,testserver,127.0.0.1",
            "SITE_URL": "https://digest.example.org",
            "VAR_DIR": str(folder),
            "DATABASE_URL": database_url,
            "CELERY_BROKER_URL": broker_url,
            "EMAIL_URL": email_url,
            "LOG_LEVEL": "ERROR",
            **{name: str(value) for name, value in settings.items()},
        }
    )
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def make_readers(count: int) -> None:
    from subscribers.models import Subscriber

    rows = (Subscriber(email=f"reader{number}@example.org", state="active") for number in range(count))
    Subscriber.objects.bulk_create(rows, batch_size=5000)


def make_mailing(number: int) -> "Mailing":
    """An approved mailing of an issue with one story, of which no check has anything to say."""
    from deliveries import freezing
    from issues.models import Issue, Publication, Section, Story, Topic
    from issues.writing import save_story

    Publication.objects.current()
    Publication.objects.update(postal_address="1 Example Street", from_email="digest@example.org")
    section = Section.objects.get_or_create(name="Research", slug="research")[0]
    topic = Topic.objects.get_or_create(name="Benchmarks", slug="benchmarks")[0]
    issue = Issue(number=number, title=f"Benchmark {number}", preheader="What the inbox shows after the subject.")
    issue.date += datetime.timedelta(days=number)
    issue.save()
    story = Story(title=f"Story {number}", slug=f"story-{number}", section=section, issue=issue, position=1)
    story.state, story.summary, story.body = "approved", "A summary.", "A text."
    save_story(story)
    story.topics.set([topic])
    return freezing.freeze(issue, by="a test")


def start(mailing: "Mailing") -> None:
    """Start it, with contents of the usual size: 45 KB of HTML and 8 KB of text."""
    from django.db import transaction

    from deliveries import queueing
    from deliveries.models import Mailing

    with transaction.atomic():
        queueing.start(mailing)
        html, text = grown(mailing.html, HTML_SIZE, "</body>"), grown(mailing.text, TEXT_SIZE, "")
        Mailing.objects.filter(pk=mailing.pk).update(html=html, text=text)


def grown(content: str, size: int, before: str) -> str:
    """The content with paragraphs added, until it has this size in bytes."""
    line = "Language models are few-shot learners – they say “so” in 74 pages.\n"
    line = f"<p>{line.strip()}</p>\n" if before else line
    filling = line * ((size - len(content.encode())) // len(line.encode()))
    head, found, tail = content.rpartition(before) if before else (content, "", "")
    return head + filling + found + tail


class Process:
    """A child in a process group of its own; its CPU time and memory are those of the whole group."""

    def __init__(self, *command: str, user: str | None = None, quiet: bool = False) -> None:
        output = subprocess.DEVNULL if quiet else None
        self.popen = subprocess.Popen(  # noqa: S603, the commands are our own
            command,
            cwd="/" if user else ROOT,
            env=os.environ | {"PYTHONWARNINGS": "ignore"},
            user=user,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )

    @classmethod
    def python(cls, *arguments: str, quiet: bool = False) -> "Process":
        return cls(sys.executable, *arguments, quiet=quiet)

    @classmethod
    def worker(cls, *, concurrency: int = 2, quiet: bool = False) -> "Process":
        """The project's workers, which also know the tasks to compare with."""
        return cls.python(
            *("-m", "dynamically_typed", "worker", "--include", "benchmarks.tasks", "--concurrency", str(concurrency)),
            *("--without-heartbeat", "--without-gossip", "--without-mingle", "--loglevel", "ERROR"),
            quiet=quiet,
        )

    def pids(self) -> list[int]:
        group = str(self.popen.pid)
        return [int(path.name) for path in Path("/proc").glob("[0-9]*") if _stat(path)[2:3] == [group]]

    def cpu_seconds(self) -> float:
        return cpu_seconds(self.pids())

    def peak_megabytes(self) -> float:
        """Of the largest among its children, which are those that work."""
        return peak_megabytes(pid for pid in self.pids() if pid != self.popen.pid)

    def proportional_megabytes(self) -> float:
        """Of the whole group now, what several have in common counted once."""
        return sum(_kilobytes(pid, "smaps_rollup", "Pss") for pid in self.pids()) / 1024

    def stop(self) -> None:
        if self.popen.poll() is None:
            self.popen.terminate()
            try:
                self.popen.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """SIGKILL, for all of them at once."""
        try:
            os.killpg(self.popen.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self.popen.wait()


def database_pids() -> list[int]:
    """Of the processes that serve the scratch database, where they run on this machine; none on SQLite."""
    from django.db import connection

    if connection.vendor != "postgresql":
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
        return [pid for (pid,) in cursor.fetchall()]


def cpu_seconds(pids: Iterable[int]) -> float:
    """Of processes of this machine; those that are gone count nothing."""
    stats = [_stat(Path(f"/proc/{pid}")) for pid in pids]
    return sum(int(stat[11]) + int(stat[12]) for stat in stats if stat) / TICKS


def peak_megabytes(pids: Iterable[int]) -> float:
    """Of the largest among them."""
    return max((_kilobytes(pid, "status", "VmHWM") for pid in pids), default=0) / 1024


def _stat(folder: Path) -> Sequence[str]:
    """The fields of /proc/PID/stat from the third on; none if the process is gone."""
    try:
        return (folder / "stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return []


def _kilobytes(pid: int, file: str, name: str) -> int:
    """A figure of /proc/PID; 0 if the process is gone."""
    try:
        lines = Path(f"/proc/{pid}/{file}").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{name}:")), 0)


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def tidy_up_when_ended() -> None:
    """Let signals to end raise SystemExit, once, so that what was started is stopped and nothing is left behind."""
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def end(number: int, frame: object) -> None:
        for each in signals:
            signal.signal(each, signal.SIG_IGN)
        sys.exit(128 + number)

    for each in signals:
        signal.signal(each, end)


def in_own_process(work: Callable[[], Result]) -> Result:
    """Do it in a fork, as Django can be set up only once in a process. Raises SystemExit if it fails."""
    context = multiprocessing.get_context("fork")
    answers: SimpleQueue[Result] = context.SimpleQueue()
    child = context.Process(target=lambda: answers.put(work()))
    child.start()
    try:
        child.join()
    finally:
        if child.is_alive():
            child.terminate()
            child.join()
    if child.exitcode:
        raise SystemExit(child.exitcode)
    return answers.get()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int) -> None:
    def answers() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    wait_for(answers, 20)


def wait_for(condition: Callable[[], bool], seconds: float, every: float = 0.02) -> None:
    """Raises TimeoutError."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError
        time.sleep(every)
