import datetime
import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit.recording import COMMAND_LINE
from deliveries import freezing, missed, queueing
from deliveries.errors import MailingError
from deliveries.ledger import ledger
from deliveries.models import Mailing, MailingState
from issues.errors import IssuesError
from issues.models import Issue

STEPS = {"pause": queueing.pause, "resume": queueing.resume, "cancel": queueing.cancel}


class Command(BaseCommand):
    help = "Start, look at, pause, resume or cancel the mailing of an issue, or list who missed it: as the admin does."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "step", choices=["status", "missed", "start", *STEPS], help="start also approves, if nobody did."
        )
        parser.add_argument("number", type=int, help="of the issue, such as 41")
        parser.add_argument(
            "--json", action="store_true", help="one JSON object instead of lines; of missed, one a line"
        )
        parser.add_argument("--csv", action="store_true", help="of missed: a CSV file")

    def handle(self, *args: Any, **options: Any) -> None:
        issue = Issue.objects.filter(number=options["number"]).first()
        if issue is None:
            raise CommandError(f"There is no issue {options['number']}.")
        try:
            mailing = take(options["step"], issue)
        except (MailingError, IssuesError) as error:
            raise CommandError(str(error)) from error
        if options["step"] == "missed":
            self.list_missed(mailing, as_csv=options["csv"], as_json=options["json"])
        else:
            self.report(mailing, as_json=options["json"])

    def list_missed(self, mailing: Mailing, *, as_csv: bool, as_json: bool) -> None:
        rows = missed.missed(mailing)
        if as_csv:
            for line in missed.csv_lines(rows):
                self.stdout.write(line, ending="")
            return
        for delivery in rows.iterator():
            facts = missed.facts(delivery)
            self.stdout.write(
                json.dumps(facts) if as_json else f"{facts['email']}: {facts['why']}. {facts['words']}".strip()
            )

    def report(self, mailing: Mailing, *, as_json: bool) -> None:
        facts: dict[str, Any] = {
            "issue": mailing.issue.number,
            "state": mailing.state,
            "reason": mailing.pause_reason,
            **{name: iso(getattr(mailing, name)) for name in ("scheduled_for", "started_at", "finished_at")},
            **asdict(ledger(mailing)),
        }
        if as_json:
            self.stdout.write(json.dumps(facts))
            return
        for name, value in facts.items():
            if value != "":
                self.stdout.write(f"{name + ':':14} {value}")


def iso(time: datetime.datetime | None) -> str:
    """In UTC; empty if there is none."""
    return time.isoformat(timespec="seconds") if time else ""


def take(step: str, issue: Issue) -> Mailing:
    """Raises MailingError or one of the issues app's errors."""
    mailing = Mailing.objects.select_related("issue").filter(issue=issue).first()
    if step == "start" and (mailing is None or mailing.state == MailingState.CANCELLED):
        mailing = freezing.freeze(issue, by=COMMAND_LINE)
    if mailing is None:
        raise MailingError(f"Issue {issue} has no mailing: nobody has approved it yet.")
    if step == "start":
        queueing.start(mailing, by=COMMAND_LINE)
    elif step in STEPS:
        STEPS[step](mailing, by=COMMAND_LINE)
    return mailing
