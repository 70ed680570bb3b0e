"""A deleted topic leaves the choices of its readers, lest they wait for stories that never come."""

from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete

from issues.emailing import topic_key
from issues.models import Topic, TopicAlias
from subscribers import preferences
from subscribers.models import Subscriber


def connect() -> None:
    post_delete.connect(forget_topic, sender=Topic, dispatch_uid="preferences.Topic.deleted")


def forget_topic(instance: Topic, **kwargs: Any) -> None:
    """After the commit: where a topic was merged into another, it is an alias by then, and stays a choice."""
    transaction.on_commit(lambda: _forget(instance.name, instance.slug))


def _forget(name: str, slug: str) -> None:
    """Those who chose nothing else get each issue as a whole again. One query for each of them."""
    if Topic.objects.filter(slug=slug).exists() or TopicAlias.objects.filter(slug=slug).exists():
        return
    key = topic_key(slug)
    for subscriber in Subscriber.objects.filter(choice__contains=key).iterator():
        keys = subscriber.choice.split()
        if key in keys:
            keys.remove(key)
            words = f"The topic {name} was given up, and left the choice"
            preferences.choose(subscriber, keys, wording=words, source="deleted topic")
