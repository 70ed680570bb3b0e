"""What changes what is found, where saving it isn't one of our own verbs: records of papers, other names, deletions."""

from typing import Any

from django.db.models.signals import post_delete, post_save

from issues.models import Correction, SearchKind, Story, Topic, TopicAlias
from issues.search.indexing import index_papers, index_resources, index_stories, refresh
from papers.models import Author, Authorship, Paper, Resource

KINDS: dict[Any, SearchKind] = {
    Story: SearchKind.STORY,
    Topic: SearchKind.TOPIC,
    Paper: SearchKind.PAPER,
    Resource: SearchKind.RESOURCE,
}
SAVED: tuple[Any, ...] = (Paper, Resource, Author, Authorship, TopicAlias, Correction)
BELONG_TO_NOTHING_YET = (Paper, Resource, Author)  # when they are new
DELETED: tuple[Any, ...] = (Authorship, TopicAlias, Correction)


def connect() -> None:
    for model in SAVED:
        post_save.connect(follow, sender=model, dispatch_uid=f"search.{model.__name__}.saved")
    for model in DELETED:
        post_delete.connect(follow, sender=model, dispatch_uid=f"search.{model.__name__}.deleted")
    for model in KINDS:
        post_delete.connect(forget, sender=model, dispatch_uid=f"search.{model.__name__}.deleted")


def follow(instance: Any, *, created: bool = False, raw: bool = False, **kwargs: Any) -> None:
    """Index what the saved or deleted row belongs to. Fixtures are left to `index_search`."""
    if raw or (created and isinstance(instance, BELONG_TO_NOTHING_YET)):
        return
    if isinstance(instance, Paper):
        index_papers([instance.pk])
    elif isinstance(instance, Resource):
        index_resources([instance.pk])
    elif isinstance(instance, Author):
        index_papers(instance.papers.values_list("pk", flat=True))
    elif isinstance(instance, Authorship):
        index_papers([instance.paper_id])
    elif isinstance(instance, TopicAlias):
        refresh(SearchKind.TOPIC, [instance.topic_id])
    elif isinstance(instance, Correction):
        index_stories([instance.story_id])


def forget(instance: Any, **kwargs: Any) -> None:
    refresh(KINDS[type(instance)], [instance.pk])
