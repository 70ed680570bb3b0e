"""The ordinary ways to send a newsletter with Django and Celery, to compare with.

As apps usually do it: both templates are rendered for each reader, into an EmailMultiAlternatives of the same size as our
mails, with the same fields for unsubscribing; Django's own SMTP backend sends it, over one connection for a batch, or one for
each task; the outcome is saved for each reader, in a transaction of its own. They have it rather easier than in most apps:
templates are compiled once, nothing is signed, the database connection outlives a task, and consent is not looked at again.
"""

from collections.abc import Sequence

from celery import shared_task
from django.core.mail import EmailMultiAlternatives, get_connection
from django.template import Context, Template
from django.utils import timezone

from deliveries.models import Delivery, DeliveryState, Mailing
from subscribers.tokens import unsubscribe_url

STORIES = 12
BACKEND = "django.core.mail.backends.smtp.EmailBackend"


@shared_task
def send_in_batches(mailing_id: int, delivery_ids: Sequence[int]) -> None:
    """One connection for all, one message for each."""
    newsletter = Newsletter(mailing_id)
    deliveries = Delivery.objects.filter(pk__in=delivery_ids).select_related("subscriber")
    with get_connection(BACKEND) as connection:
        for delivery in deliveries:
            connection.send_messages([newsletter.message_for(delivery)])
            record(delivery)


@shared_task
def send_one(mailing_id: int, delivery_id: int) -> None:
    """One task for each reader."""
    delivery = Delivery.objects.select_related("subscriber").get(pk=delivery_id)
    get_connection(BACKEND).send_messages([Newsletter(mailing_id).message_for(delivery)])
    record(delivery)


class Newsletter:
    """An issue whose templates are rendered for each reader, as is usual: stories with their paragraphs, 1.2 ms of CPU."""

    html = Template(
        "<html><body><h1>{{ subject }}</h1>{% for story in stories %}<h2>{{ story.title }}</h2>"
        "{% for paragraph in story.paragraphs %}<p>{{ paragraph }}</p>\n{% endfor %}{% endfor %}"
        '<p><a href="{{ link }}">Unsubscribe</a></p></body></html>'
    )
    text = Template(
        "{{ subject }}\n{% for story in stories %}{{ story.title }}\n{{ story.summary }}\n{% endfor %}Unsubscribe: {{ link }}\n"
    )

    def __init__(self, mailing_id: int) -> None:
        self.mailing = Mailing.objects.get(pk=mailing_id)
        paragraph = "Language models are few-shot learners – they say “so” in 74 pages."
        paragraphs = [paragraph] * (len(self.mailing.html.encode()) // STORIES // len(f"<p>{paragraph}</p>\n".encode()))
        summary = "\n".join([paragraph] * (len(self.mailing.text.encode()) // STORIES // len(paragraph.encode())))
        self.stories = [
            {"title": f"Story {number}", "paragraphs": paragraphs, "summary": summary} for number in range(STORIES)
        ]

    def message_for(self, delivery: Delivery) -> EmailMultiAlternatives:
        link = unsubscribe_url(delivery.subscriber_id)
        context = {"subject": self.mailing.subject, "stories": self.stories, "link": link}
        html, text = (template.render(Context(context)) for template in (self.html, self.text))
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
