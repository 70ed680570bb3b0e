"""What of an issue readers may choose: sections, and topics with a published story, or that they chose before."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.db.models.functions import Lower
from django.utils.text import get_text_list

from issues.emailing import section_key, topic_key
from issues.models import Section, Topic, TopicAlias


@dataclass(frozen=True)
class Option:
    key: str
    name: str
    is_chosen: bool = False


@dataclass(frozen=True)
class Offer:
    sections: list[Option]
    topics: list[Option]

    def __iter__(self) -> Iterator[Option]:
        yield from self.sections
        yield from self.topics

    def known(self, keys: Iterable[str]) -> list[str]:
        """Those of the keys that are on offer, whoever typed the others."""
        wanted = set(keys)
        return [option.key for option in self if option.key in wanted]

    def in_words(self, keys: Iterable[str]) -> str:
        """“robots and vision”; empty for no key."""
        wanted = set(keys)
        names = [option.name for option in self if option.key in wanted]
        return get_text_list(names, "and")

    @property
    def chosen(self) -> str:
        return self.in_words(option.key for option in self if option.is_chosen)


def offer(choice: str = "") -> Offer:
    """With what somebody has chosen, also under names that topics had then. Three queries."""
    wanted = set(choice.split())
    aliases = TopicAlias.objects.select_related("topic")
    wanted |= {topic_key(alias.topic.slug) for alias in aliases if topic_key(alias.slug) in wanted}
    sections = [(section_key(section.slug), section.name) for section in Section.objects.all()]
    chosen = Topic.objects.filter(slug__in=[key.partition("/")[2] for key in wanted])
    topics = [
        (topic_key(topic.slug), topic.name) for topic in (Topic.objects.public() | chosen).order_by(Lower("name"))
    ]
    return Offer(
        [Option(key, name, key in wanted) for key, name in sections],
        [Option(key, name, key in wanted) for key, name in topics],
    )
