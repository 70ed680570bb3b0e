from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.template.defaultfilters import pluralize
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from papers import link_health
from papers.admin.lookups import DifferencesFilter, LookupMixin
from papers.admin.merging import MergingMixin
from papers.errors import BadIdentifier
from papers.forms import OrderedInline, PaperForm, ResourceForm
from papers.merging import merge_authors, merge_papers, merge_resources
from papers.models import Author, AuthorQuerySet, Authorship, Paper, PaperQuerySet, Resource, ResourceQuerySet

MOST_AUTHORS_IN_A_FORM = 100  # above it the page gets slow, and the form has more fields than Django takes
ADDRESSES: dict[Any, dict[str, Any]] = {models.URLField: {"assume_scheme": "https"}}


class AuthorshipInline(OrderedInline):
    model = Authorship
    fields = ["author", "place"]
    autocomplete_fields = ["author"]
    verbose_name, verbose_name_plural = "author", "authors, in order"
    extra = 1


@admin.register(Paper)
class PaperAdmin(LookupMixin, MergingMixin):
    form = PaperForm
    formfield_overrides = ADDRESSES
    list_display = ["__str__", "first_authors", "container_title", "issued", "identifier", "story_count"]
    list_filter = ["type", DifferencesFilter]
    search_fields = ["title", "arxiv_id", "doi", "authors__family"]
    search_help_text = (
        "Words of the title, an author's family name, an arXiv identifier, a DOI, or an address of these."
    )
    autocomplete_fields = ["resources"]
    readonly_fields = ["covered_in", "all_authors"]
    merge = staticmethod(merge_papers)
    merged_fields = [
        "title",
        "type",
        "authors",
        "arxiv_id",
        "doi",
        "isbn",
        "url",
        "issued",
        "container_title",
        "publisher",
        "volume",
        "number",
        "page",
        "abstract",
    ]

    def get_queryset(self, request: HttpRequest) -> PaperQuerySet:
        return Paper.objects.for_list().annotate(story_count=models.Count("stories")).order_by("-issued", "title", "pk")

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """Also by an identifier in any form that people paste, such as an address at arxiv.org."""
        try:
            found = queryset.identified_by(search_term)
        except BadIdentifier:
            return super().get_search_results(request, queryset, search_term)
        return found, False

    def get_fieldsets(self, request: HttpRequest, obj: Paper | None = None) -> Any:
        return [
            (None, {"fields": ["title", "type", ("arxiv_id", "arxiv_version"), "doi", "isbn", "url", "issued"]}),
            (
                "Where it was published",
                {"fields": ["container_title", "publisher", ("volume", "number", "page")]},
            ),
            (
                "More",
                {"fields": [*(["all_authors"] if has_many_authors(obj) else []), "abstract", "resources", "slug"]},
            ),
            *([("In the digest", {"fields": ["covered_in"]})] if obj else []),
        ]

    def get_inlines(self, request: HttpRequest, obj: Paper | None) -> Any:
        return [] if has_many_authors(obj) else [AuthorshipInline]

    @admin.display(description="authors")
    def first_authors(self, paper: Any) -> str:
        names = [f"{row['given']} {row['family']}".strip() for row in paper.author_rows]
        return ", ".join(names[:3]) + (" and others" if len(names) > 3 else "")

    def text_of(self, row: Any, name: str) -> str:
        if name == "authors":
            return "; ".join(str(author) for author in row.authors.order_by("authorships__position"))
        return super().text_of(row, name)

    @admin.display(description="stories", ordering="story_count")
    def story_count(self, paper: Any) -> int:
        return int(paper.story_count)

    @admin.display(description="authors")
    def all_authors(self, paper: Paper) -> str:
        names = ", ".join(str(author) for author in paper.authors.order_by("authorships__position"))
        return f"{names}. So many are changed by importing the paper's record, not here."

    @admin.display(description="stories")
    def covered_in(self, paper: Any) -> SafeString | str:
        lines = [
            (reverse("admin:issues_story_change", args=[story.pk]), story.title, story.issue or "in the queue")
            for story in paper.stories.select_related("issue")
        ]
        return format_html_join("", '<p><a href="{}">{}</a>, {}</p>', lines) or "No story is about it yet."


def has_many_authors(paper: Paper | None) -> bool:
    return paper is not None and paper.authorships.count() > MOST_AUTHORS_IN_A_FORM


@admin.register(Author)
class AuthorAdmin(MergingMixin):
    merge = staticmethod(merge_authors)
    merged_fields = ["given", "family", "suffix"]
    list_display = ["__str__", "paper_count"]
    search_fields = ["family", "given"]
    fields = ["given", "family", "suffix", "slug"]
    prepopulated_fields = {"slug": ["given", "family", "suffix"]}

    def get_queryset(self, request: HttpRequest) -> AuthorQuerySet:
        return Author.objects.annotate(paper_count=models.Count("authorships")).order_by("family", "given", "pk")

    @admin.display(description="papers", ordering="paper_count")
    def paper_count(self, author: Any) -> int:
        return int(author.paper_count)


@admin.register(Resource)
class ResourceAdmin(MergingMixin):
    merge = staticmethod(merge_resources)
    merged_fields = ["url", "title", "kind", "archived_url"]
    form = ResourceForm
    formfield_overrides = ADDRESSES
    list_display = ["title", "kind", "address", "state", "checked_at"]
    list_filter = ["state", "kind", ("checked_at", admin.DateFieldListFilter)]
    search_fields = ["title", "url"]
    readonly_fields = ["state", "checked_at", "finding", "final_url"]
    fieldsets = [
        (None, {"fields": ["url", "title", "kind", "archived_url"]}),
        ("The last check", {"fields": ["state", "checked_at", "finding", "final_url"]}),
    ]
    actions = ["check_again"]

    def save_model(self, request: HttpRequest, obj: Resource, form: Any, change: bool) -> None:
        """Another address is checked anew."""
        if "url" in form.changed_data:
            for name, value in link_health.UNCHECKED.items():
                setattr(obj, name, value)
        super().save_model(request, obj, form, change)

    @admin.action(description="Check the links of the selected ones again", permissions=["change"])
    def check_again(self, request: HttpRequest, resources: ResourceQuerySet) -> None:
        count = resources.update(**link_health.UNCHECKED)
        self.message_user(request, f"{count} link{pluralize(count)} will be checked within the next hours, politely.")

    @admin.display(description="address", ordering="url")
    def address(self, resource: Resource) -> SafeString:
        return format_html('<a href="{}" rel="noreferrer">{}</a>', resource.url, resource.url)
