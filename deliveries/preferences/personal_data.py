"""All that is kept about a subscriber, for them to download and for the command line."""

from typing import Any

from deliveries.models import Delivery, MailEvent
from subscribers.models import AddressChange, Subscriber


def personal_data(subscriber: Subscriber) -> dict[str, Any]:
    """For JSON, times in UTC: address and state, preferences, consent history, deliveries and what came back of them.

    Four queries.
    """
    change = AddressChange.objects.filter(subscriber=subscriber, former="").first()
    deliveries = Delivery.objects.filter(subscriber=subscriber).select_related("mailing__issue").order_by("pk")
    # A mailing holds the whole issue as it was mailed, several times.
    told = deliveries.only("state", "reason", "finished_at", "mailing__subject", "mailing__issue__number")
    return {
        "address": subscriber.email,
        "state": subscriber.state,
        "since": subscriber.created_at.isoformat(),
        "paused_until": subscriber.paused_until.isoformat() if subscriber.paused_until else None,
        "chosen": subscriber.choice.split(),
        "new_address": change.address if change else None,
        "history": [
            {"at": event.created_at.isoformat(), "what": event.kind, "source": event.source, "wording": event.wording}
            for event in subscriber.consent_events.all()
        ],
        "deliveries": [_facts(delivery) for delivery in told],
        "reports": [
            {"at": event.occurred_at.isoformat(), "what": event.verdict, "source": event.source, "words": event.excerpt}
            for event in MailEvent.objects.filter(subscriber=subscriber).order_by("occurred_at", "pk")
        ],
    }


def _facts(delivery: Delivery) -> dict[str, Any]:
    return {
        "issue": delivery.mailing.issue.number,
        "subject": delivery.mailing.subject,
        "state": delivery.state,
        "reason": delivery.reason,
        "at": delivery.finished_at.isoformat() if delivery.finished_at else None,
    }
