"""The steps of a mailing that an editor decides on: start, schedule, pause, resume, cancel.

Each is one conditional update or one transaction, so of two editors who press at once, one wins and the other gets a
sentence. The issue's row is always locked before its mailing, and this before its deliveries, so that no two steps wait
for each other. Each step tells the audit trail who took it.
"""

import datetime
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection, transaction
from django.db.models import Count, DateTimeField, Exists, OuterRef, Q, QuerySet, Value
from django.utils import timezone

from audit.models import Action
from audit.recording import SCHEDULE, WORKER, Actor, record
from deliveries.approvals import require_unchanged, void
from deliveries.clock import in_both_zones, publication_zone
from deliveries.errors import ApprovalVoid, MailingError
from deliveries.freezing import lock_issue
from deliveries.models import Delivery, DeliveryQuerySet, DeliveryState, Mailing, MailingState
from deliveries.notifying import tell_after_commit
from issues import publishing
from issues.errors import IssuesError
from issues.site_version import change_version_on_commit
from issues.variants import select
from subscribers.models import Subscriber, SubscriberQuerySet

# A schedule that was missed by more asks the editor again: the news may be old, the readers asleep.
LATEST_START = datetime.timedelta(hours=1)
# Without a claim for so long, the tasks of a mailing have been lost.
STALLED_AFTER = datetime.timedelta(seconds=30)
# Who has got an issue, or may have, doesn't get it by another mailing of it.
REACHED = [DeliveryState.SENT, DeliveryState.UNCERTAIN, DeliveryState.CLAIMED]


def start(mailing: Mailing, *, by: Actor = WORKER) -> None:
    """Publish the issue, queue a delivery for each active subscriber, and let the workers know.

    Raises MailingError if it has started already, ApprovalVoid if the issue has changed since its approval, which is
    void then, NotReady if the issue can't be published.
    """
    with _voiding(mailing, by), transaction.atomic():
        lock_issue(mailing)
        now = timezone.now()
        _change(mailing, Mailing.objects.not_started(), MailingState.SENDING, started_at=now, claimed_at=now)
        require_unchanged(mailing)
        publishing.publish(mailing.issue)
        mailing.candidates = _insert_deliveries(mailing)
        mailing.save(update_fields=["candidates"])
        note = f"To {mailing.candidates} subscribers. Fingerprint {mailing.fingerprint}"
        record(Action.STARTED, mailing, by=by, note=note)
        change_version_on_commit(DEFAULT_DB_ALIAS)  # The archive shows an issue as it was mailed.
        enqueue(mailing.pk)


def schedule(mailing: Mailing, at: datetime.datetime, *, by: Actor = WORKER) -> None:
    """Let a mailing start at a time to come. Raises MailingError; if it is ApprovalVoid, the approval is void now."""
    if at <= timezone.now():
        raise MailingError("This time has passed already. Choose a later one, or send now.")
    with _voiding(mailing, by), transaction.atomic():
        lock_issue(mailing)
        _change(mailing, Mailing.objects.not_started(), MailingState.SCHEDULED, scheduled_for=at)
        require_unchanged(mailing)
        record(Action.SCHEDULED, mailing, by=by, note=f"For {at.astimezone(datetime.UTC):%Y-%m-%d %H:%M} UTC")


def unschedule(mailing: Mailing, *, by: Actor = WORKER) -> None:
    """Undo the schedule; the approval stays. Raises MailingError if it has started, or has no time."""
    scheduled = Mailing.objects.filter(state=MailingState.SCHEDULED)
    with transaction.atomic():
        _change(mailing, scheduled, MailingState.APPROVED, scheduled_for=None)
        record(Action.UNSCHEDULED, mailing, by=by)


def pause(mailing: Mailing, reason: str = "", *, by: Actor = WORKER) -> None:
    """Stop handing over; workers look a few times a second, and end the talks that are under way then.

    Raises MailingError.
    """
    with transaction.atomic():
        _change(mailing, Mailing.objects.sending(), MailingState.PAUSED, pause_reason=reason)
        record(Action.PAUSED, mailing, by=by, note=reason)
        if by == WORKER:
            tell_after_commit(mailing.pk)


def resume(mailing: Mailing, *, by: Actor = WORKER) -> None:
    """Go on where it stopped. Raises MailingError."""
    paused = Mailing.objects.filter(state=MailingState.PAUSED, started_at__isnull=False)
    with transaction.atomic():
        _change(mailing, paused, MailingState.SENDING, failures_in_a_row=0, claimed_at=timezone.now())
        record(Action.RESUMED, mailing, by=by)
        enqueue(mailing.pk)


def cancel(mailing: Mailing, *, by: Actor = WORKER) -> None:
    """Give up what has not been handed over; what workers have claimed follows when they have stopped, within a second.

    Raises MailingError if all of it was handed over, or if it was cancelled before.
    """
    closed = [MailingState.SENT, MailingState.CANCELLED]
    with transaction.atomic():
        _change(
            mailing,
            Mailing.objects.exclude(state__in=closed),
            MailingState.CANCELLED,
            finished_at=timezone.now(),
        )
        _skip_rest(Delivery.objects.filter(mailing=mailing))
        record(Action.CANCELLED, mailing, by=by)


def skip_rest_of_cancelled(mailing_id: int | None = None) -> None:
    """Skip what came back into the queue after its mailing was cancelled; of all mailings, or of this one."""
    cancelled = Mailing.objects.filter(state=MailingState.CANCELLED)
    if mailing_id:
        cancelled = cancelled.filter(pk=mailing_id)
    _skip_rest(Delivery.objects.filter(mailing__in=cancelled))


def send_again(deliveries: DeliveryQuerySet, *, by: Actor = WORKER) -> int:
    """Queue failed and uncertain deliveries once more, as an editor decided. Returns how many.

    Those of cancelled mailings stay as they are.
    """
    again = deliveries.filter(state__in=[DeliveryState.FAILED, DeliveryState.UNCERTAIN])
    with transaction.atomic():
        mailings = Mailing.objects.current().filter(pk__in=again.order_by().values("mailing")).order_by("pk")
        chosen = list(mailings.select_related("issue").without_contents().select_for_update(of=["self"]))
        sent = Mailing.objects.filter(pk__in=[mailing.pk for mailing in chosen], state=MailingState.SENT)
        sent.update(state=MailingState.SENDING, finished_at=None)
        total = 0
        for mailing in chosen:
            count = again.filter(mailing=mailing).update(
                state=DeliveryState.QUEUED,
                reason="",
                attempts=0,
                due_at=timezone.now(),
                claimed_by="",
                finished_at=None,
            )
            record(Action.RESOLVED, mailing, by=by, note=f"To be sent again: {count} deliveries.")
            enqueue(mailing.pk)
            total += count
    return total


def count_as_sent(deliveries: DeliveryQuerySet, *, by: Actor = WORKER) -> int:
    """Settle uncertain deliveries as sent, as an editor decided. Returns how many."""
    uncertain = deliveries.uncertain()
    with transaction.atomic():
        mailings = Mailing.objects.filter(pk__in=uncertain.order_by().values("mailing")).select_related("issue")
        chosen = list(mailings.without_contents())
        total = 0
        for mailing in chosen:
            of_mailing = uncertain.filter(mailing=mailing)
            count = of_mailing.update(state=DeliveryState.SENT, reason="Uncertain at first, counted as sent.")
            record(Action.RESOLVED, mailing, by=by, note=f"Counted as sent: {count} deliveries.")
            total += count
    return total


def start_due(now: datetime.datetime) -> None:
    """Start what is scheduled. What can't start, or comes too late, waits with the reason."""
    for mailing in Mailing.objects.due(now).select_related("issue"):
        assert mailing.scheduled_for is not None  # noqa: S101, a constraint of the table
        if now - mailing.scheduled_for > LATEST_START:
            when = in_both_zones(mailing.scheduled_for, publication_zone())
            _hold(mailing, f"Nothing was running at {when}, when it was to start. Send it now, or schedule it again.")
            continue
        try:
            start(mailing, by=SCHEDULE)
        except ApprovalVoid:
            pass  # It waits to be approved again.
        except (MailingError, IssuesError) as error:
            _hold(mailing, f"{error} Mend that, then send it now or schedule it again.")


def enqueue_stalled(now: datetime.datetime) -> None:
    """Let the workers know of mailings that nobody is sending though deliveries are due."""
    due = Delivery.objects.due(now).filter(mailing=OuterRef("pk"))
    stalled = Mailing.objects.sending().filter(Q(claimed_at=None) | Q(claimed_at__lt=now - STALLED_AFTER), Exists(due))
    for mailing_id in stalled.values_list("pk", flat=True):
        enqueue(mailing_id)


def enqueue(mailing_id: int) -> None:
    """Put the tasks that send a mailing on the queue, once the transaction is committed."""
    from deliveries.tasks import send_batches  # That module imports this one, for its tick.

    for _ in range(settings.SENDING_TASKS):
        send_batches.delay_on_commit(mailing_id)


@contextmanager
def _voiding(mailing: Mailing, by: Actor) -> Iterator[None]:
    """Let the approval lapse, in a transaction of its own, if a step finds that it no longer holds."""
    try:
        yield
    except ApprovalVoid as error:
        void(mailing, str(error), by=by)
        raise


def _change(mailing: Mailing, allowed: QuerySet[Mailing], state: MailingState, **fields: object) -> None:
    """Move a mailing to a state, if it is among the allowed; `mailing` then shows what the database has.

    Raises MailingError.
    """
    fields = {"state": state, "pause_reason": "", **fields}
    if not allowed.filter(pk=mailing.pk).update(**fields):
        mailing.refresh_from_db(fields=["state"])
        raise MailingError(_sentence_against(mailing, state))
    for name, value in fields.items():
        setattr(mailing, name, value)


def _sentence_against(mailing: Mailing, wanted: MailingState) -> str:
    needs = {
        MailingState.APPROVED: "Only a schedule that has not started yet can be undone.",
        MailingState.SENDING: "Only one that was approved, or that was paused while sending, can be sent.",
        MailingState.SCHEDULED: "Only one that has not started can be scheduled.",
        MailingState.PAUSED: "Only one that is being sent can be paused.",
        MailingState.CANCELLED: "There is nothing left to cancel.",
    }
    about = f"The mailing of issue {mailing.issue}"
    if mailing.state == MailingState.VOID:
        return f"{about} is void: the issue has changed since its approval. Approve it again first."
    state = "waiting to be started" if mailing.is_held else mailing.state_in_words.lower()
    return f"{about} is {state}. {needs[wanted]}"


def _hold(mailing: Mailing, reason: str) -> None:
    scheduled = Mailing.objects.filter(pk=mailing.pk, state=MailingState.SCHEDULED)
    with transaction.atomic():
        if scheduled.update(state=MailingState.PAUSED, pause_reason=reason):
            record(Action.HELD, mailing, by=SCHEDULE, note=reason)
            tell_after_commit(mailing.pk)


def _skip_rest(deliveries: DeliveryQuerySet) -> None:
    deliveries.queued().update(
        state=DeliveryState.SKIPPED, reason="The mailing was cancelled.", finished_at=timezone.now()
    )


def audience(mailing: Mailing) -> SubscriberQuerySet:
    """Who would get it if it started now: the active ones whom no other mailing of the issue has reached."""
    reached = Delivery.objects.filter(mailing__issue=mailing.issue_id, subscriber=OuterRef("pk"), state__in=REACHED)
    return Subscriber.objects.active().filter(~Exists(reached))


def reach(mailing: Mailing) -> int:
    """How many of the audience would get a mail today: without those who pause, or chose none of its stories.

    One query, whose rows are the different choices of readers.
    """
    listening = audience(mailing).order_by().exclude(paused_until__gt=timezone.now().date())
    choices = listening.values_list("choice").annotate(Count("pk"))
    return sum(count for choice, count in choices if not choice or select(mailing.stories, choice))


def _insert_deliveries(mailing: Mailing) -> int:
    """Queue the audience by one INSERT … SELECT, however many they are. Returns how many."""
    row = {
        "mailing_id": Value(mailing.pk),
        "state": Value(DeliveryState.QUEUED.value),
        "reason": Value(""),
        "attempts": Value(0),
        "due_at": Value(mailing.started_at, DateTimeField()),
        "claimed_by": Value(""),
    }
    select = audience(mailing).order_by().annotate(**{f"new_{name}": value for name, value in row.items()})
    columns = ", ".join(["subscriber_id", *row])
    sql, parameters = select.values_list("pk", *(f"new_{name}" for name in row)).query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {Delivery._meta.db_table} ({columns}) {sql}", parameters)
        return int(cursor.rowcount)
