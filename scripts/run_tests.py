"""`make test`: the whole suite on SQLite, and again on PostgreSQL with a Redis broker wherever both answer.

The second half leaves out what is marked `once`: tests/conftest.py marks those that get no database, and others say so
themselves.

Variables: TEST_DATABASE_URL and TEST_BROKER_URL name other services than those of this machine; REQUIRE_SERVICES=1
makes it an error when they don't answer; SECOND_TRY=1 runs what failed once more, alone, and says so: what passes then
has lost a race, which is to be looked for but is no reason to refuse a change. Arguments are handed to pytest.
"""

import os
import subprocess
import sys
import tempfile
import time

import psycopg
import redis

from dynamically_typed.environment import Environment

PROBE_TIMEOUT = 2  # seconds
PYTEST = (sys.executable, "-m", "pytest")
TOGETHER = ("-n", "3", "--dist", "worksteal")  # three keep two cores busy: tests wait, too
ONLY_THE_FAILED = ("--last-failed", "--last-failed-no-failures=none")
NOT_ONCE = ("-m", "not once")
TESTS_FAILED, NOTHING_TO_RUN = 1, 5  # as pytest's exit code says it
# The server's usual superuser over TCP, or whoever we are over its socket. The name is of this run only.
DATABASE_URLS = (
    f"postgres://postgres@127.0.0.1:5432/dt_{os.getpid()}",
    f"postgres://%2Fvar%2Frun%2Fpostgresql/dt_{os.getpid()}",
)
BROKER_URL = "redis://127.0.0.1:6379/15"


def main(arguments: list[str]) -> int:
    """Run both halves; return 0 if all went well, else 1."""
    report = [run("SQLite", {}, arguments)]
    database_url, broker_url, trouble = find_services()
    if trouble:
        required = os.environ.get("REQUIRE_SERVICES") == "1"
        report.append((not required, f"PostgreSQL and Redis: {'FAILED' if required else 'SKIPPED'}, {trouble}"))
    else:
        services = {"DATABASE_URL": hasty(database_url), "CELERY_BROKER_URL": broker_url}
        report.append(run("PostgreSQL and Redis", services, arguments))
    say("\n" + "\n".join(line for _, line in report))
    return 0 if all(fine for fine, _ in report) else 1


def run(name: str, services: dict[str, str], arguments: list[str]) -> tuple[bool, str]:
    say(f"\n=== {name} ===")
    start = time.monotonic()
    # The caller's settings stay out, so that tests mean the same on every machine.
    kept = {name: value for name, value in os.environ.items() if name not in Environment.__dataclass_fields__}
    arguments = [*(NOT_ONCE if services else ()), *arguments]
    with tempfile.TemporaryDirectory() as folder:
        environment = {**kept, "VAR_DIR": folder, **services}
        code, when = pytest(environment, *TOGETHER, *arguments), ""
        if code == TESTS_FAILED and os.environ.get("SECOND_TRY") == "1":
            say("\n=== Once more, what failed ===")
            code, when = pytest(environment, *ONLY_THE_FAILED, *arguments), ", at the second try,"
    if code == NOTHING_TO_RUN and services:
        return True, f"{name}: nothing to run that the first half has not run"
    return code == 0, f"{name}: {'FAILED' if code else 'passed'}{when} in {time.monotonic() - start:.0f} s"


def pytest(environment: dict[str, str], *arguments: str) -> int:
    """Return its exit code."""
    return subprocess.run([*PYTEST, *arguments], env=environment, check=False).returncode  # noqa: S603


def find_services() -> tuple[str, str, str]:
    """The addresses of a PostgreSQL that lets us create databases, and of a Redis; or what is in the way."""
    given = os.environ.get("TEST_DATABASE_URL")
    troubles = []
    for database_url in [given] if given else DATABASE_URLS:
        trouble = trouble_with_database(database_url)
        if not trouble:
            break
        troubles.append(trouble)
    else:
        return "", "", "; ".join(troubles)
    broker_url = os.environ.get("TEST_BROKER_URL", BROKER_URL)
    try:
        redis.Redis.from_url(broker_url, socket_connect_timeout=PROBE_TIMEOUT, socket_timeout=PROBE_TIMEOUT).ping()
    except redis.RedisError as error:
        return "", "", f"because no Redis answers: {error}"
    return database_url, broker_url, ""


def hasty(url: str) -> str:
    """Commits needn't wait for the disk: after a power cut nobody wants the tests' data."""
    return f"{url}{'&' if '?' in url else '?'}options=-c%20synchronous_commit%3Doff"


def trouble_with_database(url: str) -> str:
    try:
        with psycopg.connect(url, dbname="postgres", connect_timeout=PROBE_TIMEOUT) as connection:
            row = connection.execute(
                "SELECT rolsuper OR rolcreatedb FROM pg_roles WHERE rolname = current_user"
            ).fetchone()
    except psycopg.OperationalError as error:
        return f"because no PostgreSQL answers: {str(error).strip().replace(chr(10), ' ')}"
    return "" if row and row[0] else "because the role on PostgreSQL may not create databases"


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
