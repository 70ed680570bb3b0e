"""What the admin pages of all texts share."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.http import HttpRequest

from issues.models import Revision
from issues.rendering import Rendered


class TextAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # Parameters exist in the types only.
    """A text with revisions, which go with it when it is deleted, and a page that readers may not see yet."""

    def get_view_on_site_url(self, obj: Any = None) -> str | None:
        return obj.get_absolute_url() if obj is not None and obj.is_public else None

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[str]]:
        """Revisions are never deleted on their own, so nobody has the permission; with their text they are."""
        deleted, counts, lacking, protected = super().get_deleted_objects(objs, request)
        return deleted, counts, lacking - {Revision._meta.verbose_name}, protected


def editor_of(request: HttpRequest) -> User:
    """The admin lets nobody else in."""
    if not isinstance(request.user, User):
        raise TypeError("Only a user who is logged in can edit.")
    return request.user


def warn_of(request: HttpRequest, texts: Iterable[Rendered]) -> None:
    """Show what the renderer found: what will keep the text from being published, and what is worth a look."""
    for text in texts:
        for sentence in text.errors:
            messages.warning(request, f"To be mended before publication: {sentence}")
        for sentence in text.warnings:
            messages.warning(request, sentence)
