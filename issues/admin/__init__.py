"""The admin of the digest's texts, one module for each kind."""

import taggit.admin  # noqa: F401  # It registers a kind of tag that this project doesn't use; topics are ours.
from django.contrib import admin
from taggit.models import Tag

from issues.admin import history, images, issues, publication, stories, topics

__all__ = ["history", "images", "issues", "publication", "stories", "topics"]

admin.site.unregister(Tag)
