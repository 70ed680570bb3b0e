"""Drafts: what is typed into a story's form is kept beside the story, and never over a newer version of it."""

from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from issues.errors import KeptElsewhere
from issues.models import Draft, Story


def draft_of(story: Story | None, editor: User) -> Draft | None:
    """What this editor has typed and not saved, of a story or of a new one."""
    return Draft.objects.filter(story=story, editor=editor).first()


@transaction.atomic
def keep_draft(story: Story | None, editor: User, *, window: str, revision: int, fields: dict[str, Any]) -> Draft:
    """Keep what stands in the form. Raises KeptElsewhere if another window of the editor keeps a draft of it."""
    values = {"window": window, "revision": revision, "fields": fields, "kept_at": timezone.now()}
    draft, is_new = Draft.objects.select_for_update().get_or_create(story=story, editor=editor, defaults=values)
    if draft.window != window:
        raise KeptElsewhere(
            f"Another window of yours keeps what was typed there until {timezone.localtime(draft.kept_at):%H:%M} on "
            f"{timezone.localtime(draft.kept_at):%-d %B}. Restore or discard that first; this window is not kept."
        )
    if not is_new:
        for name, value in values.items():
            setattr(draft, name, value)
        draft.save(update_fields=list(values))
    return draft


def discard_draft(story: Story | None, editor: User) -> None:
    """Forget what was typed: it was saved, or is not wanted."""
    Draft.objects.filter(story=story, editor=editor).delete()
