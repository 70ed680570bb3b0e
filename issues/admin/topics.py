from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest

from issues.admin.texts import warn_of
from issues.forms import TopicAliasForm, TopicForm
from issues.merging import merge_topics
from issues.models import Topic, TopicAlias
from issues.renaming import keep_old_name
from issues.writing import save_topic
from papers.admin.merging import MergingMixin
from papers.forms import NamedFormSet


class TopicAliasInline(admin.TabularInline):  # type: ignore[type-arg]  # Parameters exist in the types only.
    model = TopicAlias
    form, formset = TopicAliasForm, NamedFormSet
    verbose_name_plural = "other names, whose addresses redirect to this topic"
    extra = 1


@admin.register(Topic)
class TopicAdmin(MergingMixin):
    merge = staticmethod(merge_topics)
    merged_fields = ["name", "slug", "description"]
    form = TopicForm
    inlines = [TopicAliasInline]
    list_display = ["name", "slug", "story_count", "described"]
    ordering = ["name"]
    search_fields = ["name", "aliases__name"]
    prepopulated_fields = {"slug": ["name"]}
    autocomplete_fields = ["builds_on"]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).annotate(story_count=models.Count("items"))

    @admin.display(description="stories", ordering="story_count")
    def story_count(self, topic: Any) -> int:
        return int(topic.story_count)

    @admin.display(description="description", boolean=True)
    def described(self, topic: Topic) -> bool:
        return bool(topic.description)

    def save_model(self, request: HttpRequest, obj: Topic, form: Any, change: bool) -> None:
        form.rendered = save_topic(obj)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if change:
            keep_old_name(form.instance, form.initial["name"], form.initial["slug"])
        warn_of(request, [form.rendered])
