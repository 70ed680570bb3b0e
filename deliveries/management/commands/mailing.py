import datetime
import json
import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit.recording import COMMAND_LINE
from deliveries import freezing, missed, queueing
from deliveries.errors import DeliveriesError, MailingError
from deliveries.ledger import ledger
from deliveries.models import DeliveryQuerySet, DeliveryState, Mailing, MailingState
from issues.errors import IssuesError
from issues.models import Issue
from subscribers.models import Subscriber

STEPS = {"pause": queueing.pause, "resume": queueing.resume, "cancel": queueing.cancel}
SETTLEMENTS = {"sent": queueing.count_as_sent, "again": queueing.send_again}
LISTS = {"missed": "", "uncertain": DeliveryState.UNCERTAIN}


class Command(BaseCommand):
    help = (
        "Start, look at, pause, resume or cancel the mailing of an issue, list who missed it or may have got it, or "
        "settle what is uncertain: as the admin does."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "step", choices=["status", *LISTS, "settle", "start", *STEPS], help="start also approves, if nobody did."
        )
        parser.add_argument("number", type=int, help="of the issue, such as 41")
        parser.add_argument(
            "--json", action="store_true", help="one JSON object instead of lines; of missed and uncertain, one a line"
        )
        parser.add_argument("--csv", action="store_true", help="of missed and uncertain: a CSV file")
        parser.add_argument(
            "--as", dest="settlement", choices=SETTLEMENTS, help="of settle: count as sent, or send again"
        )
        parser.add_argument("--email", help="of settle: only this subscriber's; without it, all that is uncertain")

    def handle(self, *args: Any, **options: Any) -> None:
        issue = Issue.objects.filter(number=options["number"]).first()
        if issue is None:
            raise CommandError(f"There is no issue {options['number']}.")
        step, as_json = options["step"], options["json"]
        if step == "settle" and not options["settlement"]:
            raise CommandError("settle needs --as sent, which counts them as sent, or --as again, which sends again.")
        try:
            mailing = take(step, issue)
        except (DeliveriesError, IssuesError) as error:
            raise CommandError(str(error)) from error
        if step in LISTS:
            self.list(lines_of(missed.missed(mailing, state=LISTS[step]), as_csv=options["csv"], as_json=as_json))
        elif step == "settle":
            self.settle(mailing, options["settlement"], options["email"], as_json=as_json)
        else:
            self.report(mailing, as_json=as_json)

    def list(self, lines: Iterable[str]) -> None:
        try:
            for line in lines:
                self.stdout.write(line)
        except BrokenPipeError:  # `| head` has seen enough. What is still buffered goes nowhere, without a complaint.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def settle(self, mailing: Mailing, settlement: str, email: str | None, *, as_json: bool) -> None:
        deliveries = mailing.deliveries.uncertain()
        if email:
            deliveries = deliveries.filter(subscriber__in=Subscriber.objects.with_address(email))
        if not deliveries.exists():
            raise CommandError(f"Nothing of issue {mailing.issue} is uncertain{f' for {email}' if email else ''}.")
        if not SETTLEMENTS[settlement](deliveries, by=COMMAND_LINE):
            raise CommandError("The mailing was cancelled, so nothing of it is sent again. It can be counted as sent.")
        mailing.refresh_from_db(fields=["state", "finished_at"])
        self.report(mailing, as_json=as_json)

    def report(self, mailing: Mailing, *, as_json: bool) -> None:
        facts: dict[str, Any] = {
            "issue": mailing.issue.number,
            "state": mailing.state,
            "reason": mailing.pause_reason,
            **{name: iso(getattr(mailing, name)) for name in ("scheduled_for", "started_at", "finished_at")},
            "tried_until": iso(mailing.tried_until) if mailing.started_at else "",
            **asdict(ledger(mailing)),
        }
        if as_json:
            self.stdout.write(json.dumps(facts))
            return
        for name, value in facts.items():
            if value != "":
                self.stdout.write(f"{name + ':':14} {value}")


def lines_of(deliveries: DeliveryQuerySet, *, as_csv: bool, as_json: bool) -> Iterator[str]:
    if as_csv:
        yield from missed.csv_lines(deliveries)
        return
    for delivery in deliveries.iterator():
        facts = missed.facts(delivery)
        yield json.dumps(facts) if as_json else f"{facts['email']}: {facts['why']}. {facts['words']}".strip()


def iso(time: datetime.datetime | None) -> str:
    """In UTC; empty if there is none."""
    return time.isoformat(timespec="seconds") if time else ""


def take(step: str, issue: Issue) -> Mailing:
    """Raises MailingError, BadAddress, or one of the issues app's errors."""
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
