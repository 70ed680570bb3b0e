"""What the list says about itself: counted from states and consent history, never from what people read or click."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

from django.db import connection
from django.db.models import Case, Count, DateField, F, IntegerField, Max, Value, When, Window
from django.db.models.functions import Lag, TruncMonth, TruncWeek
from django.utils import timezone

from subscribers.importing import SOURCE
from subscribers.models import AGREED, ConsentEvent, ConsentKind, Subscriber, SubscriberState

LEFT = [ConsentKind.UNSUBSCRIBED, ConsentKind.BOUNCED, ConsentKind.COMPLAINED, ConsentKind.ERASED]
PERIODS = {"week": 26, "month": 24}  # how many are shown
MOST_ORIGINS = 10

Unit = Literal["week", "month"]


@dataclass
class Period:
    start: date
    signed_up: int = 0  # typed an address into the form; who never confirms is forgotten after a week
    joined: int = 0  # became active: confirmed, added or imported
    left: int = 0  # were active, and unsubscribed, bounced, complained or were erased
    active: int = 0  # at the period's end


@dataclass
class Share:
    label: str
    number: int
    percent: float  # of all


def states() -> list[Share]:
    """How many subscribers are in each state. One query."""
    counted = dict(Subscriber.objects.order_by().values_list("state").annotate(number=Count("pk")))
    return _shares({label: counted.get(state, 0) for state, label in SubscriberState.choices})


def origins() -> list[Share]:
    """Through what the active ones joined, by the last time that they agreed; the most frequent first. One query."""
    agreed = ConsentEvent.objects.filter(kind__in=AGREED, subscriber__state=SubscriberState.ACTIVE).order_by()
    last = agreed.values("subscriber").annotate(last=Max("pk")).values("last")
    rows = ConsentEvent.objects.filter(pk__in=last).order_by().values_list("kind", "source")
    numbers: dict[str, int] = {}
    for kind, source, number in rows.annotate(number=Count("pk")):
        label = _origin(kind, source)
        numbers[label] = numbers.get(label, 0) + number
    ordered = sorted(numbers.items(), key=lambda each: (-each[1], each[0]))
    if rest := sum(number for _, number in ordered[MOST_ORIGINS:]):
        ordered = [*ordered[:MOST_ORIGINS], ("Others", rest)]
    return _shares(dict(ordered))


def growth(unit: Unit, *, now: datetime | None = None) -> list[Period]:
    """The last half year by weeks, or two years by months, up to today; in the site's time zone. Three queries."""
    periods = {start: Period(start) for start in _starts(unit, timezone.localdate(now))}
    for start, number in _signed_up(unit):
        if start in periods:
            periods[start].signed_up = number
    for start, joined, left in _changes(unit):
        if start in periods:
            periods[start].joined, periods[start].left = joined, left
    active = Subscriber.objects.active().count()
    for period in reversed(periods.values()):
        period.active = max(active, 0)
        active += period.left - period.joined
    return list(periods.values())


def _signed_up(unit: Unit) -> list[tuple[date, int]]:
    asked = ConsentEvent.objects.filter(kind=ConsentKind.SIGNED_UP).order_by()
    rows = asked.annotate(start=_start(unit)).values_list("start").annotate(number=Count("pk"))
    return [(_date(start), number) for start, number in rows]


def _changes(unit: Unit) -> list[tuple[date, int, int]]:
    """How many became active, and how many ceased to be, by period: each step compared with the one before it."""
    agrees = Case(When(kind__in=AGREED, then=Value(1)), default=Value(0), output_field=IntegerField())
    before = Window(Lag(agrees, default=Value(0)), partition_by=F("subscriber"), order_by=["created_at", "pk"])
    changes = ConsentEvent.objects.filter(kind__in=[*AGREED, *LEFT]).order_by()
    steps = changes.values(start=_start(unit), agrees=agrees, before=before)
    # Django counts over no window, so that the outermost SELECT is ours.
    sql, parameters = steps.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT start,
                sum(CASE WHEN agrees > before THEN 1 ELSE 0 END), sum(CASE WHEN agrees < before THEN 1 ELSE 0 END)
            FROM ({sql}) AS steps GROUP BY start
            """,  # noqa: S608  # Written by Django.
            parameters,
        )
        return [(_date(start), joined, left) for start, joined, left in cursor.fetchall()]


def _start(unit: Unit) -> TruncMonth | TruncWeek:
    truncate = TruncMonth if unit == "month" else TruncWeek
    return truncate("created_at", output_field=DateField())


def _date(value: Any) -> date:
    """What a database returns for a truncated time: SQLite text, PostgreSQL a time at midnight."""
    if isinstance(value, str):
        return date.fromisoformat(value[:10])
    return value.date() if isinstance(value, datetime) else value


def _starts(unit: Unit, today: date) -> list[date]:
    """The first days of the periods, in order, the current one last."""
    start = today.replace(day=1) if unit == "month" else today - timedelta(days=today.weekday())
    starts = [start]
    while len(starts) < PERIODS[unit]:
        before = starts[-1] - timedelta(days=1)
        starts.append(before.replace(day=1) if unit == "month" else starts[-1] - timedelta(days=7))
    return starts[::-1]


def _origin(kind: str, source: str) -> str:
    if kind == ConsentKind.CONFIRMED:
        return "Sign-up form"
    if kind == ConsentKind.IMPORTED:
        return f"Import: {source.removeprefix(SOURCE).partition(',')[0]}"
    return "Added by an editor"


def _shares(numbers: dict[str, int]) -> list[Share]:
    total = sum(numbers.values())
    return [Share(label, number, 100 * number / total if total else 0) for label, number in numbers.items()]
