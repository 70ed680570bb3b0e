"""`{% load structured_data %}`: a page's data for search engines, and the parts of its head that need some thought."""

from collections.abc import Iterable
from typing import Any

from django import template
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from issues import structured_data
from issues.addresses import absolute
from issues.cards import HEIGHT, WIDTH, card_of
from issues.models import Issue, Story
from papers.models import Paper

register = template.Library()
Context = dict[str, Any]


@register.simple_tag(takes_context=True)
def publication_data(context: Context) -> SafeString:
    return structured_data.as_script(structured_data.periodical(context["publication"]))


@register.simple_tag(takes_context=True)
def story_data(context: Context, story: Story, description: str) -> SafeString:
    return structured_data.as_script(structured_data.story(context["publication"], story, description))


@register.simple_tag(takes_context=True)
def issue_data(context: Context, issue: Issue, stories: Iterable[Story]) -> SafeString:
    return structured_data.as_script(structured_data.issue(context["publication"], issue, stories))


@register.simple_tag
def paper_data(paper: Paper, stories: Iterable[Story]) -> SafeString:
    return structured_data.as_script(structured_data.paper(paper, stories, with_abstract=True))


@register.simple_tag(takes_context=True)
def collection_data(context: Context, title: str, description: str = "") -> SafeString:
    data = structured_data.collection(context["publication"], title, canonical_path(context), description)
    return structured_data.as_script(data)


@register.simple_tag(takes_context=True)
def canonical_path(context: Context) -> str:
    """The path of a list with the place that it is at, and without whatever else came in the query."""
    request = context["request"]
    place = {name: request.GET[name] for name in ("before", "page") if request.GET.get(name)}
    return f"{request.path}?{urlencode(place)}" if place else str(request.path)


@register.simple_tag(takes_context=True)
def card_picture(context: Context, thing: Story | Issue) -> dict[str, str | int]:
    """The picture that stands for a story or an issue elsewhere; empty for what waits for an issue. No query more."""
    if isinstance(thing, Story) and thing.issue is None:
        return {}
    card = card_of(context["publication"], thing)
    address = absolute(f"{thing.get_absolute_url()}card-{card.digest}.png")
    return {"src": address, "alt": card.alternative, "width": WIDTH, "height": HEIGHT}
