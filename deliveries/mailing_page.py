"""What the page of a mailing in the admin shows."""

import datetime
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.timesince import timesince

from audit.admin import trail_address
from audit.models import Action, Entry
from deliveries import approvals, freezing, ledger, maildir, missed, queueing
from deliveries.clock import in_both_zones, publication_zone
from deliveries.feedback.counting import came_back
from deliveries.forms import ScheduleForm, TestForm
from deliveries.models import DeliveryState, Mailing, MailingState
from issues.email_previews import SANDBOX, whole_with

MOST_TESTS = 3
MOST_UNCERTAIN = 20


@dataclass(frozen=True)
class Seal:
    """The fingerprint of what was tested, approved or sent."""

    name: str
    fingerprint: str
    at: datetime.datetime
    who: str
    is_approved: bool  # whether it is the one that was approved

    @property
    def short(self) -> str:
        return self.fingerprint[:12]


def context(request: HttpRequest, mailing: Mailing) -> dict[str, Any]:
    """Until the start it says whether the approval still holds, for which the email is rendered."""
    zone = publication_zone()
    replaceable = Mailing.objects.replaceable().filter(pk=mailing.pk).exists()
    changes = approvals.changes_since(mailing) if replaceable else []
    is_void = mailing.state == MailingState.VOID or bool(changes)
    waiting = replaceable and not is_void
    return {
        "mailing": mailing,
        "figures": figures(mailing),
        "seals": seals(mailing),
        "changes": changes,
        "is_void": is_void,
        "is_waiting": waiting,
        "is_replaceable": replaceable,
        "is_sending": mailing.state == MailingState.SENDING,
        "is_paused": mailing.state == MailingState.PAUSED and mailing.has_started,
        "stays_here": maildir.is_in_use(),
        "tried_until": in_both_zones(mailing.tried_until, zone) if mailing.has_started else "",
        "scheduled": in_both_zones(mailing.scheduled_for, zone) if mailing.scheduled_for else "",
        "failures": failures(mailing) if mailing.has_started else [],
        "came_back": came_back(mailing) if mailing.has_started else None,
        "uncertain": uncertain(mailing) if mailing.has_started else [],
        "may_send": request.user.has_perm("deliveries.send_mailing"),
        "may_test": request.user.has_perm("deliveries.add_mailing"),
        "may_see_readers": request.user.has_perm("subscribers.view_subscriber"),
        "reach": queueing.reach(mailing) if waiting else 0,
        "schedule_form": ScheduleForm(zone=zone, at=mailing.scheduled_for),
        "test_form": form_for_test(request),
        "zone": zone.key,
        "trail_address": trail_address(mailing),
        "sandbox": SANDBOX,
        "text": whole_with(mailing.text, "(the reader's own link)"),
    }


def form_for_test(request: HttpRequest, data: Any = None) -> TestForm:
    may_choose = request.user.has_perm("subscribers.view_subscriber")
    return TestForm(data, may_choose_reader=may_choose, to=getattr(request.user, "email", ""))


def seals(mailing: Mailing) -> list[Seal]:
    """The last tests, the approval, and what is being sent: its fingerprint is taken anew from what is stored."""

    def seal(name: str, fingerprint: str, at: datetime.datetime, who: object) -> Seal:
        return Seal(name, fingerprint, at, str(who or ""), fingerprint == mailing.fingerprint)

    tests = mailing.issue.test_mails.select_related("sent_by")[:MOST_TESTS]
    rows = [seal("Tested", test.fingerprint, test.sent_at, test.sent_by) for test in reversed(tests)]
    trail = Entry.objects.about(mailing).filter(action__in=[Action.APPROVED, Action.STARTED])
    who = dict(trail.values_list("action", "who"))
    rows.append(seal("Approved", mailing.fingerprint, mailing.created_at, who.get(Action.APPROVED)))
    if mailing.started_at:
        rows.append(seal("Sent", freezing.fingerprint(mailing), mailing.started_at, who.get(Action.STARTED)))
    return rows


def figures(mailing: Mailing) -> dict[str, Any]:
    """The ledger with its pace, for the page and for the script that keeps it fresh. One query."""
    now = timezone.now()
    counted = ledger.ledger(mailing)
    return {
        "state": mailing.state,
        "candidates": counted.candidates,
        "sent": counted.sent,
        "failed": counted.failed,
        "skipped": counted.skipped,
        "uncertain": counted.uncertain,
        "remaining": counted.remaining,
        "put_off": counted.put_off,
        "done": counted.done,
        "adds_up": counted.adds_up,
        "rate": f"{ledger.deliveries_per_second(mailing, counted, now):,.1f}",
        "time_left": time_left(mailing, counted, now),
    }


def time_left(mailing: Mailing, counted: ledger.Ledger, now: datetime.datetime) -> str:
    """In words; the script of the page says the same by the pace of the last minute."""
    if counted.remaining == counted.put_off:
        return "nothing is due at the moment"
    left = ledger.time_left(mailing, counted, now)
    return "…" if left is None else f"about {in_words(left)} left"


def in_words(duration: datetime.timedelta) -> str:
    if duration < datetime.timedelta(minutes=2):
        return f"{duration.seconds} seconds"
    now = timezone.now()
    return timesince(now - duration, now)


def failures(mailing: Mailing) -> list[dict[str, Any]]:
    """Why readers did not get it, and how many each. One query."""
    return [
        {"kind": kind, "why": missed.LABELS[kind], "count": count}
        for state, kind, count in missed.counts(mailing)
        if state in (DeliveryState.FAILED, DeliveryState.SKIPPED)
    ]


def uncertain(mailing: Mailing) -> list[Any]:
    """The first of those that may have got it. One query."""
    return list(mailing.deliveries.uncertain().select_related("subscriber")[:MOST_UNCERTAIN])
