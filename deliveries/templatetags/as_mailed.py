from django import template

from issues.models import Issue

register = template.Library()


@register.filter
def was_mailed(issue: Issue) -> bool:
    """Whether there is a page of the issue as it was mailed. One query."""
    return issue.mailings.filter(started_at__isnull=False).exists()
