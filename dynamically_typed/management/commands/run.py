"""`make run`: the whole site on one machine, with nothing but Python."""

import secrets
import signal
import socket
import threading
import time
from http.client import HTTPConnection, HTTPException
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connection

from dynamically_typed.processes import Child, stop

HOST = "127.0.0.1"
EXAMPLE = settings.BASE_DIR / "examples" / "digest"
START_TIMEOUT = 60  # seconds until the first page has to answer
# Celery's warning of a superuser's worker is meant for servers; there, ours runs as a user of its own.
WORKER = (
    "-W",
    "ignore:You're running the worker",
    "-m",
    "dynamically_typed",
    "worker",
    "--beat",
    "--concurrency=2",
)


class Command(BaseCommand):
    help = "Run the site on this machine: database, example digest, web server, Celery worker. Ctrl-C stops all of it."
    requires_system_checks = []  # runserver makes them

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError("`run` is for a laptop, with DEBUG=true. For production see docs/running.md.")
        refuse_a_taken_port(settings.PORT)
        try:
            self.prepare_database()
            self.serve()
        except OperationalError as error:
            raise CommandError(f"The database does not answer: {error}") from error
        except KeyboardInterrupt:
            raise SystemExit(130) from None

    def prepare_database(self) -> None:
        """Bring the tables up to date; fill an empty database. The editor's account, made last, marks it as filled."""
        call_command("migrate", verbosity=0)
        users = get_user_model().objects
        if not users.exists():
            self.stdout.write("Loading the example digest …")
            call_command("import_digest", str(EXAMPLE))
            password = secrets.token_urlsafe(12)
            users.create_superuser("editor", password=password)
            self.stdout.write(
                f"\nYour account: editor, password: {password}\n"
                "It is shown only this once; `.venv/bin/python manage.py changepassword editor` sets another."
            )
        connection.close()

    def serve(self) -> None:
        """Run the children until a signal comes or one of them ends."""
        asked_to_stop = threading.Event()
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, lambda *_: asked_to_stop.set())
        children: list[Child] = []
        try:
            children.append(Child("web", ["manage.py", "serve", f"{HOST}:{settings.PORT}"]))
            children.append(Child("worker", WORKER))
            self.wait_for_first_page(children, asked_to_stop)
            while not asked_to_stop.wait(0.5):
                refuse_a_dead_child(children)
            self.stdout.write("\nStopping …")
            self.stdout.flush()
        finally:
            stop(children)
        self.stdout.write("Stopped.")

    def wait_for_first_page(self, children: list[Child], asked_to_stop: threading.Event) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while not asked_to_stop.wait(0.1):
            refuse_a_dead_child(children)
            if page_answers(settings.PORT):
                self.print_addresses()
                return
            if time.monotonic() > deadline:
                raise CommandError(f"The site did not answer within {START_TIMEOUT} seconds.")

    def print_addresses(self) -> None:
        self.stdout.write(
            f"\n  The digest   {settings.SITE_URL}/\n"
            f"  Admin        {settings.SITE_URL}/admin/\n"
            f"  Sent mail    {settings.SITE_URL}/mail/\n\n"
            "Ctrl-C stops everything.\n"
        )
        self.stdout.flush()


def refuse_a_taken_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # A port that was just left is free.
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise CommandError(
                f"Port {port} cannot be used ({error.strerror}). Choose another, for instance: make run PORT=8010"
            ) from error


def refuse_a_dead_child(children: list[Child]) -> None:
    for child in children:
        if child.exit_code is not None:
            raise CommandError(f"The {child.name} process ended with code {child.exit_code}; its last lines say why.")


def page_answers(port: int) -> bool:
    """Ask for the home page, which fills the caches of the first reader, too."""
    page = HTTPConnection(HOST, port, timeout=START_TIMEOUT)
    try:
        page.request("GET", "/")
        page.getresponse().read()
    except (OSError, HTTPException):
        return False
    finally:
        page.close()
    return True
