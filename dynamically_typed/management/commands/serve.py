"""The web half of `run`."""

from typing import Any

from django.contrib.staticfiles.management.commands import runserver


class Command(runserver.Command):
    help = "Django's development server without its banner: `run` prints the addresses when they answer."

    def on_bind(self, server_port: Any) -> None:
        """Say nothing."""
