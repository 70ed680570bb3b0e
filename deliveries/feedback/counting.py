"""Bounces and complaints of mailings, in numbers: readers, each counted once however often something was told."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count

from deliveries.models import MailEvent, Mailing, MailingState, Verdict

MOST_MAILINGS = 24


@dataclass(frozen=True)
class CameBack:
    went_to: int
    hard: int
    soft: int
    ours: int
    complaints: int

    @property
    def is_any(self) -> bool:
        return bool(self.hard or self.soft or self.ours or self.complaints)

    @property
    def bounced_percent(self) -> float:
        return 100 * self.hard / self.went_to if self.went_to else 0.0

    @property
    def complained_percent(self) -> float:
        return 100 * self.complaints / self.went_to if self.went_to else 0.0


def came_back(mailing: Mailing) -> CameBack:
    """Of one mailing. One query."""
    return _of([mailing])[mailing.pk]


def of_latest() -> list[tuple[Mailing, CameBack]]:
    """The last mailings that went out, in their order. Two queries."""
    out = Mailing.objects.filter(started_at__isnull=False).exclude(state=MailingState.CANCELLED)
    latest = out.select_related("issue").without_contents().order_by("-started_at", "-pk")[:MOST_MAILINGS]
    mailings = list(latest)[::-1]
    counted = _of(mailings)
    return [(mailing, counted[mailing.pk]) for mailing in mailings]


def _of(mailings: Iterable[Mailing]) -> dict[int, CameBack]:
    mailings = list(mailings)
    events = MailEvent.objects.filter(mailing__in=mailings).order_by()
    rows = events.values_list("mailing", "verdict").annotate(readers=Count("subscriber", distinct=True))
    numbers: dict[int, dict[str, int]] = defaultdict(dict)
    for mailing_id, verdict, readers in rows:
        numbers[mailing_id or 0][verdict] = readers
    return {
        mailing.pk: CameBack(
            went_to=mailing.candidates,
            hard=numbers[mailing.pk].get(Verdict.HARD, 0),
            soft=numbers[mailing.pk].get(Verdict.SOFT, 0),
            ours=numbers[mailing.pk].get(Verdict.OURS, 0),
            complaints=numbers[mailing.pk].get(Verdict.COMPLAINT, 0),
        )
        for mailing in mailings
    }
