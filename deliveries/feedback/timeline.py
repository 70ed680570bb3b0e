"""All that is known of one subscriber, in plain words and in order: consent, what was sent, and what came back."""

from dataclasses import dataclass
from datetime import datetime

from deliveries.models import CONTENTS, Delivery, DeliveryState, MailEvent, Verdict
from subscribers.models import Subscriber

MOST_MAILS = 200  # the newest
# What a line needs nothing of, and what would come with each of them.
TEXTS = [f"mailing__{name}" for name in (*CONTENTS, "issue__intro", "issue__intro_html")]
SENT = {
    DeliveryState.QUEUED: "waits to be sent",
    DeliveryState.CLAIMED: "is being sent",
    DeliveryState.SENT: "was sent",
    DeliveryState.FAILED: "could not be sent",
    DeliveryState.SKIPPED: "was skipped",
    DeliveryState.UNCERTAIN: "may have arrived; nobody knows",
}
CAME_BACK = {
    Verdict.HARD: "bounced for good",
    Verdict.SOFT: "bounced for now",
    Verdict.OURS: "was refused for what it was or where it came from, which does not count against the address",
    Verdict.COMPLAINT: "was reported as spam",
    Verdict.UNSUBSCRIBED: "led to an unsubscribe at the provider",
    Verdict.DELIVERED: "arrived",
}


@dataclass(frozen=True)
class Line:
    at: datetime
    kind: str  # consent, mail or trouble
    what: str
    source: str  # through what, or who told
    words: str = ""  # those that the person was shown, or the server's


def timeline(subscriber: Subscriber) -> list[Line]:
    """The newest first. Three queries."""
    deliveries = subscriber.deliveries.select_related("mailing__issue").defer(*TEXTS)
    events = subscriber.mail_events.select_related("mailing__issue").defer(*TEXTS)
    lines = [
        *consent_lines(subscriber),
        *map(_delivery_line, deliveries.order_by("-pk")[:MOST_MAILS]),
        *map(_event_line, events[:MOST_MAILS]),
    ]
    return sorted(lines, key=lambda line: line.at, reverse=True)


def consent_lines(subscriber: Subscriber) -> list[Line]:
    """The newest first. One query."""
    events = subscriber.consent_events.order_by("-created_at", "-pk")
    return [Line(each.created_at, "consent", each.get_kind_display(), each.source, each.wording) for each in events]


def _delivery_line(delivery: Delivery) -> Line:
    state = DeliveryState(delivery.state)
    kind = "trouble" if state in (DeliveryState.FAILED, DeliveryState.UNCERTAIN) else "mail"
    what = f"Issue #{delivery.mailing.issue.number} {SENT[state]}"
    return Line(delivery.finished_at or delivery.due_at, kind, what, "sending", delivery.reason)


def _event_line(event: MailEvent) -> Line:
    mail = f"Issue #{event.mailing.issue.number}" if event.mailing else "A mail"
    code = f" ({event.status})" if event.status else ""
    kind = "mail" if event.verdict == Verdict.DELIVERED else "trouble"
    what = f"{mail} {CAME_BACK[Verdict(event.verdict)]}{code}"
    return Line(event.occurred_at, kind, what, event.source, event.excerpt)
