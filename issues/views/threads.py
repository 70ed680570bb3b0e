"""The public page of a thread."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from issues.models import Story
from issues.public_pages import public_page
from issues.threads import thread_of


@public_page()
@require_safe
def thread(request: HttpRequest, slug: str) -> HttpResponse:
    """A story among those that it refers to and those that follow up on it. Up to seven queries."""
    story = get_object_or_404(Story.objects.published().select_related("issue"), slug=slug)
    return render(request, "issues/thread.html", {"story": story, "thread": thread_of(story)})
