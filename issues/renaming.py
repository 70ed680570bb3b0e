"""Old names of topics: their addresses redirect, and digests that use them are still understood."""

from django.db.models import Q

from issues.models import Topic, TopicAlias


def keep_old_name(topic: Topic, name: str, slug: str) -> None:
    """Make what a topic was called before an alias of it; where it got an alias of its own as name, drop that.

    Nothing happens if neither has changed. An old slug is its own alias's name where the name has stayed.
    """
    topic.aliases.filter(Q(name__iexact=topic.name) | Q(slug=topic.slug)).delete()
    if (name, slug) == (topic.name, topic.slug):
        return
    old_name = name if name.lower() != topic.name.lower() else slug
    if not TopicAlias.objects.filter(Q(name=old_name) | Q(slug=slug)).exists():
        topic.aliases.create(name=old_name, slug=slug)
