from typing import Any

from django.contrib import admin
from django.core.files.storage import default_storage
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from issues.forms import ImageForm
from issues.images import rendition_name, rendition_widths
from issues.models import Image, Issue, Story, Topic
from papers.admin_addresses import change_page

THUMBNAIL = 120  # CSS pixels


@admin.register(Image)
class ImageAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # Parameters exist in the types only.
    """Pictures are added and looked at. Their files never change, as emails that were sent still show them."""

    list_display = ["thumbnail", "name", "markdown", "size", "created_at"]
    list_display_links = ["name"]
    search_fields = ["name"]
    list_per_page = 50

    def get_form(self, request: HttpRequest, obj: Image | None = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, **kwargs) if obj else ImageForm

    def get_fields(self, request: HttpRequest, obj: Image | None = None) -> Any:
        return ["preview", "markdown", "size", "created_at", "shown_in"] if obj else ["file", "name"]

    def get_readonly_fields(self, request: HttpRequest, obj: Image | None = None) -> Any:
        return self.get_fields(request, obj) if obj else []

    def has_change_permission(self, request: HttpRequest, obj: Image | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Image, form: Any, change: bool) -> None:
        """Nothing: the form has stored the picture."""

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[str]]:
        """A picture that a text shows is protected by it."""
        deleted, counts, lacking, protected = super().get_deleted_objects(objs, request)
        shown = [f"{kind} “{text}” shows {image.source}." for image in objs for kind, text in texts_showing(image)]
        return deleted, counts, lacking, [*protected, *shown]

    @admin.display(description="")
    def thumbnail(self, image: Image) -> SafeString:
        height = round(image.height * THUMBNAIL / image.width)
        return picture(image, rendition_widths(image.width)[0], THUMBNAIL, height)

    @admin.display(description="picture")
    def preview(self, image: Image) -> SafeString:
        return picture(image, rendition_widths(image.width)[-1], image.width, image.height)

    @admin.display(description="to be written in a text")
    def markdown(self, image: Image) -> SafeString:
        return format_html('<code class="to-copy">![What is to be seen]({} "Caption")</code>', image.source)

    @admin.display(description="pixels", ordering="width")
    def size(self, image: Image) -> str:
        return f"{image.width} × {image.height}"

    @admin.display(description="shown in")
    def shown_in(self, image: Image) -> SafeString | str:
        rows = [(change_page(text), text, kind.lower()) for kind, text in texts_showing(image)]
        return format_html_join("", '<p><a href="{}">{}</a>, {}</p>', rows) or "No text shows it."


def picture(image: Image, rendition: int, width: int, height: int) -> SafeString:
    address = default_storage.url(rendition_name(image.file.name or "", rendition, ".webp"))
    return format_html(
        '<img src="{}" width="{}" height="{}" alt="{}" loading="lazy">', address, width, height, image.name
    )


def texts_showing(image: Image) -> list[tuple[str, Story | Issue | Topic]]:
    """The texts whose Markdown names the picture, each with its kind. Four queries."""
    source = f"({image.source}"
    return [
        *(("The story", story) for story in Story.objects.filter(body__contains=source)),
        *(("The issue", issue) for issue in Issue.objects.filter(intro__contains=source)),
        *(("The issue", issue) for issue in Issue.objects.filter(outro__contains=source)),
        *(("The topic", topic) for topic in Topic.objects.filter(description__contains=source)),
    ]
