"""What a provider calls us for, by Anymail: it checks who calls, and tells each event in the same words for all providers.

Whether an address was opened or a link clicked is told by some; it is neither recorded nor looked at.
"""

import re
from collections.abc import Iterator
from typing import Any

from anymail import urls
from anymail.signals import AnymailTrackingEvent, tracking
from django.urls import URLPattern, path
from django.utils import timezone

from deliveries.bounce_addresses import delivery_from_message_id
from deliveries.feedback.statuses import judge
from deliveries.feedback.taking import Report, digest, take
from deliveries.models import Delivery, EventType, Verdict
from subscribers.models import Subscriber

VERDICTS = {
    EventType.DELIVERED: Verdict.DELIVERED,
    EventType.DEFERRED: Verdict.SOFT,
    EventType.FAILED: Verdict.OURS,
    EventType.COMPLAINED: Verdict.COMPLAINT,
    EventType.UNSUBSCRIBED: Verdict.UNSUBSCRIBED,
}
# Why a provider did not even try; for other reasons it is not the reader's fault.
REJECTIONS = {
    "invalid": Verdict.HARD,
    "bounced": Verdict.HARD,
    "spam": Verdict.COMPLAINT,
    "unsubscribed": Verdict.UNSUBSCRIBED,
}
# Where providers say what kind of bounce it is, and their words for it: HardBounce, hard_bounce, Permanent …
KIND_KEYS = {"Type", "type", "event", "severity", "bounceType"}
KINDS = (
    (re.compile("block|spam|virus", re.IGNORECASE), Verdict.OURS),
    (re.compile("hard.?bounce|permanent", re.IGNORECASE), Verdict.HARD),
    (re.compile("soft.?bounce|transient|temporary|undetermined", re.IGNORECASE), Verdict.SOFT),
)
DEEPEST = 3
LONGEST_EVENT_ID = 200


def hear(sender: Any, event: AnymailTrackingEvent, esp_name: str, **kwargs: Any) -> None:
    """Receive Anymail's signal. An error makes the answer a 500, so that the provider calls again."""
    if report := report_of(event, esp_name):
        take(report)


tracking.connect(hear)


def webhook(provider: str) -> URLPattern:
    """The address that this provider calls, by the name of Anymail's module; no other provider's is there."""
    name = f"{provider}_tracking_webhook"
    view = next(pattern.callback for pattern in urls.urlpatterns if pattern.name == name)
    pattern: URLPattern = path(f"{provider.replace('_', '-')}/", view, name="webhook")
    return pattern


def report_of(event: AnymailTrackingEvent, provider: str) -> Report | None:
    """What an event tells of a subscriber of ours; None if that is nothing."""
    if event.event_type not in EventType.values:
        return None
    subscriber, mailing_id = _about(event)
    if subscriber is None:
        return None
    event_type = EventType(event.event_type)
    words = str(event.mta_response or event.description or "")
    told = (event.event_type, event.recipient, event.message_id, event.timestamp)
    event_id = str(event.event_id or "")
    now = timezone.now()
    return Report(
        subscriber=subscriber,
        mailing_id=mailing_id,
        source=provider,
        event_id=event_id if 0 < len(event_id) <= LONGEST_EVENT_ID else digest(*told, event_id),
        event_type=event_type,
        verdict=verdict_of(event, words),
        status=judge(words, _status(event)).status,
        words=words,
        reject_reason=event.reject_reason or "",
        occurred_at=min(event.timestamp or now, now),
    )


def verdict_of(event: AnymailTrackingEvent, words: str) -> Verdict:
    """Of a bounce: what the status code says of us, then the provider's word, then the status code; else it is soft."""
    event_type = EventType(event.event_type)
    if event_type in VERDICTS:
        return VERDICTS[event_type]
    if event_type == EventType.REJECTED:
        return REJECTIONS.get(event.reject_reason or "", Verdict.OURS)
    by_code = judge(words, _status(event)).verdict
    if by_code == Verdict.OURS or event.reject_reason in ("spam", "blocked"):
        return Verdict.OURS
    if event.reject_reason == "invalid":
        return Verdict.HARD
    said = " ".join(_kinds(event.esp_event))
    return next((verdict for pattern, verdict in KINDS if pattern.search(said)), by_code)


def _about(event: AnymailTrackingEvent) -> tuple[Subscriber | None, int | None]:
    """Whom a provider means: it is believed, since it showed the secret. At most two queries.

    A mail to a former address says nothing about the present one.
    """
    number = str((event.metadata or {}).get("delivery", ""))
    delivery = None
    if number.isdecimal() and len(number) < 19:
        delivery = Delivery.objects.select_related("subscriber").filter(pk=number).first()
    delivery = delivery or delivery_from_message_id(event.message_id or "")
    recipient = (event.recipient or "").strip("<>")
    if delivery and (not recipient or recipient.lower() == delivery.subscriber.email.lower()):
        return delivery.subscriber, delivery.mailing_id
    return Subscriber.objects.with_address(recipient).first() if recipient else None, None


def _status(event: AnymailTrackingEvent) -> str:
    """The enhanced code, where a provider gives it apart from the words, as SendGrid does."""
    status = str(event.esp_event.get("status", "")) if isinstance(event.esp_event, dict) else ""
    return status if re.fullmatch(r"[245]\.\d{1,3}\.\d{1,3}", status) else ""


def _kinds(value: Any, depth: int = 0) -> Iterator[str]:
    if not isinstance(value, dict) or depth > DEEPEST:
        return
    for key, inner in value.items():
        if key in KIND_KEYS and isinstance(inner, str):
            yield inner
        elif key == "hard_bounce" and inner:  # Mailjet
            yield key
        else:
            yield from _kinds(inner, depth + 1)
