"""`{% load citations %}`: what programs that collect references find on a page."""

from collections.abc import Iterable

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from issues.models import Story
from papers.citations.coins import ZOTERO_TYPES, context_object
from papers.citations.text import dashed
from papers.models import Paper, PaperType

register = template.Library()
register.filter(dashed)


@register.filter
def coins(paper: Paper) -> SafeString:
    """An empty span from which Zotero takes the paper. For pages that show several, with their authors at hand."""
    return format_html('<span class="Z3988" title="{}"></span>', context_object(paper))


@register.filter
def their_papers(stories: Iterable[Story]) -> list[Paper]:
    """The papers of stories `for_page()`, each once, in their order."""
    return list(dict.fromkeys(paper for story in stories for paper in story.papers.all()))


@register.filter
def zotero_type(paper: Paper) -> str:
    return ZOTERO_TYPES[PaperType(paper.type)]
