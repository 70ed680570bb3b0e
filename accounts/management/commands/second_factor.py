from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import second_factor
from audit.recording import COMMAND_LINE


class Command(BaseCommand):
    help = "Remove the second factor of somebody who lost it; at the next log-in they set up a new one."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["remove"])
        parser.add_argument("user_name")

    def handle(self, *, user_name: str, **options: Any) -> None:
        user = User.objects.filter(username=user_name).first()
        if user is None:
            raise CommandError(f"There is no account {user_name}.")
        if second_factor.remove(user, by=COMMAND_LINE):
            self.stdout.write(f"The second factor of {user_name} is removed, and all their sessions have ended.")
        else:
            self.stdout.write(f"{user_name} has no second factor. All their sessions have ended.")
