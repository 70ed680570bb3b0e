"""The steps of a mailing that an editor decides on: start, schedule, pause, resume, cancel.

Each is one conditional update or one transaction, so of two editors who press at once, one wins and the other gets a
sentence. The mailing's row is always changed before its deliveries, so that no two steps wait for each other.
"""

import datetime

from django.conf import settings
from django.db import connection, transaction
from django.db.models import DateTimeField, Exists, OuterRef, Q, QuerySet, Value
from django.utils import timezone

from deliveries.errors import MailingError
from deliveries.freezing import require_unchanged
from deliveries.models import Delivery, DeliveryQuerySet, DeliveryState, Mailing, MailingState
from issues import publishing
from issues.errors import IssuesError
from subscribers.models import Subscriber

# A schedule that was missed by more asks the editor again: the news may be old, the readers asleep.
LATEST_START = datetime.timedelta(hours=1)
# Without a claim for so long, the tasks of a mailing have been lost.
STALLED_AFTER = datetime.timedelta(seconds=30)
# Who has got an issue, or may have, doesn't get it by another mailing of it.
REACHED = [DeliveryState.SENT, DeliveryState.UNCERTAIN, DeliveryState.CLAIMED]


def start(mailing: Mailing) -> None:
    """Publish the issue, queue a delivery for each active subscriber, and let the workers know.

    Raises MailingError if it has started already or the issue has changed since its approval, NotReady if the issue
    can't be published.
    """
    with transaction.atomic():
        now = timezone.now()
        _change(mailing, Mailing.objects.not_started(), MailingState.SENDING, started_at=now, claimed_at=now)
        require_unchanged(mailing)
        publishing.publish(mailing.issue)
        mailing.candidates = _insert_deliveries(mailing)
        mailing.save(update_fields=["candidates"])
        enqueue(mailing.pk)


def schedule(mailing: Mailing, at: datetime.datetime) -> None:
    """Let a mailing start at a time to come. Raises MailingError."""
    if at <= timezone.now():
        raise MailingError("This time has passed already. Choose a later one, or send now.")
    with transaction.atomic():
        _change(mailing, Mailing.objects.not_started(), MailingState.SCHEDULED, scheduled_for=at)
        require_unchanged(mailing)


def pause(mailing: Mailing, reason: str = "") -> None:
    """Stop handing over; workers look a few times a second, and end the talks that are under way then.

    Raises MailingError.
    """
    _change(mailing, Mailing.objects.sending(), MailingState.PAUSED, pause_reason=reason)


def resume(mailing: Mailing) -> None:
    """Go on where it stopped. Raises MailingError."""
    paused = Mailing.objects.filter(state=MailingState.PAUSED, started_at__isnull=False)
    with transaction.atomic():
        _change(mailing, paused, MailingState.SENDING, failures_in_a_row=0, claimed_at=timezone.now())
        enqueue(mailing.pk)


def cancel(mailing: Mailing) -> None:
    """Give up what has not been handed over; what workers have claimed follows when they have stopped, within a second.

    Raises MailingError if all of it was handed over, or if it was cancelled before.
    """
    open_states = [MailingState.APPROVED, MailingState.SCHEDULED, MailingState.SENDING, MailingState.PAUSED]
    with transaction.atomic():
        _change(
            mailing,
            Mailing.objects.filter(state__in=open_states),
            MailingState.CANCELLED,
            finished_at=timezone.now(),
        )
        _skip_rest(Delivery.objects.filter(mailing=mailing))


def skip_rest_of_cancelled(mailing_id: int | None = None) -> None:
    """Skip what came back into the queue after its mailing was cancelled; of all mailings, or of this one."""
    cancelled = Mailing.objects.filter(state=MailingState.CANCELLED)
    if mailing_id:
        cancelled = cancelled.filter(pk=mailing_id)
    _skip_rest(Delivery.objects.filter(mailing__in=cancelled))


def send_again(deliveries: DeliveryQuerySet) -> int:
    """Queue failed and uncertain deliveries once more, as an editor decided. Returns how many.

    Those of cancelled mailings stay as they are.
    """
    again = deliveries.filter(state__in=[DeliveryState.FAILED, DeliveryState.UNCERTAIN])
    with transaction.atomic():
        mailings = Mailing.objects.current().filter(pk__in=again.order_by().values("mailing")).order_by("pk")
        mailing_ids = [mailing.pk for mailing in mailings.select_for_update()]
        sent = Mailing.objects.filter(pk__in=mailing_ids, state=MailingState.SENT)
        sent.update(state=MailingState.SENDING, finished_at=None)
        count = again.filter(mailing__in=mailing_ids).update(
            state=DeliveryState.QUEUED,
            reason="",
            attempts=0,
            due_at=timezone.now(),
            claimed_by="",
            finished_at=None,
        )
        for mailing_id in mailing_ids:
            enqueue(mailing_id)
    return count


def count_as_sent(deliveries: DeliveryQuerySet) -> int:
    """Settle uncertain deliveries as sent, as an editor decided. Returns how many."""
    return deliveries.uncertain().update(state=DeliveryState.SENT, reason="Uncertain at first, counted as sent.")


def start_due(now: datetime.datetime) -> None:
    """Start what is scheduled. What can't start, or comes too late, pauses with the reason."""
    for mailing in Mailing.objects.due(now).select_related("issue"):
        assert mailing.scheduled_for is not None  # noqa: S101, a constraint of the table
        if now - mailing.scheduled_for > LATEST_START:
            _hold(mailing, f"Nothing was running at the time it was scheduled for, {mailing.scheduled_for:%c} UTC.")
            continue
        try:
            start(mailing)
        except (MailingError, IssuesError) as error:
            _hold(mailing, str(error))


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
    now = "is waiting to be started" if mailing.state == MailingState.PAUSED and not mailing.has_started else "is "
    now += "" if now.endswith("started") else mailing.get_state_display().lower()
    needs = {
        MailingState.SENDING: "Only one that was approved, or that was paused while sending, can be sent.",
        MailingState.SCHEDULED: "Only one that has not started can be scheduled.",
        MailingState.PAUSED: "Only one that is being sent can be paused.",
        MailingState.CANCELLED: "There is nothing left to cancel.",
    }
    return f"The mailing of issue {mailing.issue} {now}. {needs[wanted]}"


def _hold(mailing: Mailing, reason: str) -> None:
    scheduled = Mailing.objects.filter(pk=mailing.pk, state=MailingState.SCHEDULED)
    scheduled.update(state=MailingState.PAUSED, pause_reason=f"{reason} Send it now, or choose another time.")


def _skip_rest(deliveries: DeliveryQuerySet) -> None:
    deliveries.queued().update(
        state=DeliveryState.SKIPPED, reason="The mailing was cancelled.", finished_at=timezone.now()
    )


def _insert_deliveries(mailing: Mailing) -> int:
    """Queue the audience by one INSERT … SELECT, however many they are. Returns how many."""
    reached = Delivery.objects.filter(mailing__issue=mailing.issue_id, subscriber=OuterRef("pk"), state__in=REACHED)
    row = {
        "mailing_id": Value(mailing.pk),
        "state": Value(DeliveryState.QUEUED.value),
        "reason": Value(""),
        "attempts": Value(0),
        "due_at": Value(mailing.started_at, DateTimeField()),
        "claimed_by": Value(""),
    }
    audience = Subscriber.objects.active().filter(~Exists(reached)).order_by()
    select = audience.annotate(**{f"new_{name}": value for name, value in row.items()})
    columns = ", ".join(["subscriber_id", *row])
    sql, parameters = select.values_list("pk", *(f"new_{name}" for name in row)).query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {Delivery._meta.db_table} ({columns}) {sql}", parameters)
        return int(cursor.rowcount)
