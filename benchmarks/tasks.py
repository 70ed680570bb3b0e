"""The ordinary ways to send a newsletter with Django and Celery, to compare with; kept as light as they can be."""

from collections.abc import Sequence

from celery import shared_task
from django.core.mail import EmailMultiAlternatives, get_connection
from django.template import Context, Template
from django.utils import timezone

from deliveries.models import Delivery, DeliveryState, Mailing
from issues.emailing import UNSUBSCRIBE_URL
from subscribers.tokens import unsubscribe_url


@shared_task
def send_in_batches(mailing_id: int, delivery_ids: Sequence[int]) -> None:
    """One connection and one set of templates for all, one message object for each."""
    newsletter = Newsletter(mailing_id)
    deliveries = Delivery.objects.filter(pk__in=delivery_ids).select_related("subscriber")
    with get_connection() as connection:
        for delivery in deliveries:
            connection.send_messages([newsletter.message_for(delivery)])
            record(delivery)


@shared_task
def send_one(mailing_id: int, delivery_id: int) -> None:
    """One task for each reader."""
    delivery = Delivery.objects.select_related("subscriber").get(pk=delivery_id)
    Newsletter(mailing_id).message_for(delivery).send()
    record(delivery)


class Newsletter:
    def __init__(self, mailing_id: int) -> None:
        self.mailing = Mailing.objects.get(pk=mailing_id)
        contents = (self.mailing.text, self.mailing.html)
        self.templates = [Template(content.replace(UNSUBSCRIBE_URL, "{{ link }}")) for content in contents]

    def message_for(self, delivery: Delivery) -> EmailMultiAlternatives:
        link = unsubscribe_url(delivery.subscriber_id)
        text, html = (template.render(Context({"link": link})) for template in self.templates)
        headers = {
            "List-Unsubscribe": f"<{link}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "Auto-Submitted": "auto-generated",
        }
        to = [delivery.subscriber.email]
        message = EmailMultiAlternatives(self.mailing.subject, text, self.mailing.from_email, to, headers=headers)
        message.attach_alternative(html, "text/html")
        return message


def record(delivery: Delivery) -> None:
    delivery.state, delivery.finished_at = DeliveryState.SENT, timezone.now()
    delivery.save(update_fields=["state", "finished_at"])
