"""A deleted section or topic leaves the choices of its readers, lest they wait for stories that never come."""

from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete

from issues.emailing import section_key, topic_key
from issues.models import Section, Topic, TopicAlias
from subscribers import preferences
from subscribers.models import Subscriber


def connect() -> None:
    post_delete.connect(forget_topic, sender=Topic, dispatch_uid="preferences.Topic.deleted")
    post_delete.connect(forget_section, sender=Section, dispatch_uid="preferences.Section.deleted")


def forget_topic(instance: Topic, **kwargs: Any) -> None:
    """After the commit: where a topic was merged into another, it is an alias by then, and stays a choice."""

    def forget() -> None:
        if not (Topic.objects.filter(slug=slug).exists() or TopicAlias.objects.filter(slug=slug).exists()):
            _forget(topic_key(slug), f"The topic {name}", source="deleted topic")

    name, slug = instance.name, instance.slug
    transaction.on_commit(forget)


def forget_section(instance: Section, **kwargs: Any) -> None:
    _forget(section_key(instance.slug), f"The section {instance.name}", source="deleted section")


def _forget(key: str, what: str, *, source: str) -> None:
    """Those who chose nothing else get each issue as a whole again. One query for each of them."""
    for subscriber in Subscriber.objects.filter(choice__contains=key).iterator():
        keys = subscriber.choice.split()
        if key in keys:
            keys.remove(key)
            preferences.choose(subscriber, keys, wording=f"{what} was given up, and left the choice", source=source)
