"""The pictures of stories and issues for places where their addresses are shared."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_safe

from issues.cards import card_of, drawn
from issues.models import Issue, Publication, Story

KEPT = "public, max-age=31536000, immutable"  # another picture has another address


@require_safe
def story(request: HttpRequest, slug: str, digest: str) -> HttpResponseBase:
    """Two queries."""
    stories = Story.objects.published().select_related("issue", "section")
    return card(get_object_or_404(stories, slug=slug), digest)


@require_safe
def issue(request: HttpRequest, number: int, digest: str) -> HttpResponseBase:
    """Two queries."""
    return card(get_object_or_404(Issue.objects.published(), number=number), digest)


def card(thing: Story | Issue, digest: str) -> HttpResponseBase:
    """The card; from the address of an earlier one, which was shared with an earlier title, the way to it."""
    found = card_of(Publication.objects.current(), thing)
    if digest != found.digest:
        return redirect(f"{thing.get_absolute_url()}card-{found.digest}.png")
    return HttpResponse(drawn(found), content_type="image/png", headers={"Cache-Control": KEPT})
