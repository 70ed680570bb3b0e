"""`{% load digest_desk %}`: the desk's lists of stories and the next issue, for whoever looks."""

from typing import Any

from django import template

from issues import desk

register = template.Library()


@register.inclusion_tag("admin/desk/digest.html", takes_context=True)
def digest_desk(context: dict[str, Any]) -> dict[str, Any]:
    user = context["user"]
    return {
        "next": desk.next_issue(user),
        "may_see_issues": user.has_perm("issues.view_issue"),
        "may_add_issue": user.has_perm("issues.add_issue"),
        "in_review": desk.in_review(user),
        "old_drafts": desk.old_drafts(user),
        "weeks": desk.OLD_AFTER.days // 7,
    }
