"""Making one topic of two or more. See `papers.merging` for what the merges have in common."""

from collections.abc import Mapping, Sequence

from django.db import transaction
from django.db.models import F

from issues.models import Topic
from issues.renaming import keep_old_name
from issues.writing import save_topic
from papers.merging import absorb, chosen_values


@transaction.atomic
def merge_topics(kept: Topic, duplicates: Sequence[Topic], chosen: Mapping[str, Topic]) -> None:
    """Stories, relations and other names go to the topic that stays; the names of the others become its aliases."""
    values = chosen_values(chosen)
    former = [(topic.name, topic.slug) for topic in (kept, *duplicates)]
    for duplicate in duplicates:
        absorb(kept, duplicate)
    Topic.builds_on.through.objects.filter(from_topic=F("to_topic")).delete()
    for name, value in values.items():
        setattr(kept, name, value)
    kept.full_clean()
    save_topic(kept)
    for name, slug in former:
        keep_old_name(kept, name, slug)
