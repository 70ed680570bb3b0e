"""`{% load papers_desk %}`: the desk's lists of papers and links, for whoever looks."""

from typing import Any

from django import template

from papers import desk

register = template.Library()
SHOWN = 5  # lines of each list


@register.inclusion_tag("admin/desk/papers.html", takes_context=True)
def papers_desk(context: dict[str, Any]) -> dict[str, Any]:
    may_see = context["user"].has_perm
    papers = desk.papers_not_found() if may_see("papers.view_paper") else None
    links = desk.broken_links() if may_see("papers.view_resource") else None
    return {
        "papers": None if papers is None else list(papers[:SHOWN]),
        "paper_count": 0 if papers is None else papers.count(),
        "links": None if links is None else list(links[:SHOWN]),
        "link_count": 0 if links is None else links.count(),
        "news_count": desk.open_news().count() if may_see("papers.view_paperupdate") else 0,
    }
