"""The admin's forms: what they refuse is said beside the field, and nothing that was typed is lost."""

import hashlib
from pathlib import PurePosixPath
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db.models import Q
from django.utils.text import slugify

from issues.arranging import Board, board_of, move, read_board
from issues.errors import BadBoard, BadImage, BadMarkdown
from issues.models import Image, Issue, IssueState, Publication, Story, Topic, TopicAlias
from issues.rendering import Rendered, render_for_web


class Lines(forms.Textarea):
    """Browsers send \\r\\n for the end of a line; texts are stored, compared and counted with \\n."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        value = super().value_from_datadict(data, files, name)
        return value.replace("\r\n", "\n").replace("\r", "\n") if isinstance(value, str) else value


LINE = forms.TextInput(attrs={"class": "vTextField"})
SENTENCES = Lines(attrs={"class": "vLargeTextField", "rows": 3})


def markdown_area(rows: int) -> Lines:
    return Lines(attrs={"class": "vLargeTextField markdown", "rows": rows, "spellcheck": "true"})


def try_markdown(source: str, scope: str, issue: Issue | None = None) -> Rendered:
    """Render a text that is not saved yet. Raises ValidationError."""
    try:
        return render_for_web(source, scope=scope, issue=issue)
    except BadMarkdown as error:
        raise ValidationError(str(error)) from error


class IssueForm(forms.ModelForm):  # type: ignore[type-arg]
    board = forms.Field(label="Stories", required=False, widget=forms.MultipleHiddenInput)
    board_before = forms.CharField(required=False, widget=forms.HiddenInput)  # as the page showed it at first

    class Meta:
        model = Issue
        fields = ["number", "date", "title", "summary", "subject", "preheader", "intro", "outro"]
        widgets = {
            "title": LINE,
            "subject": LINE,
            "preheader": LINE,
            "summary": SENTENCES,
            "intro": markdown_area(12),
            "outro": markdown_area(6),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stories: dict[int, Story] = {}
        if self.instance.state == IssueState.PUBLISHED:  # What joins it would be public at once, and nothing leaves.
            del self.fields["board"], self.fields["board_before"]
            return
        board, self.stories = board_of(self.instance)
        self.initial["board"], self.initial["board_before"] = board.tokens, " ".join(board.tokens)

    def clean(self) -> dict[str, Any]:
        """Read the board as it was at first and as it is, after the step whose button was pressed, if one was."""
        cleaned = super().clean() or self.cleaned_data
        if "board" not in self.fields:
            return cleaned
        try:
            cleaned["board_before"] = read_board(cleaned.get("board_before", "").split())
            cleaned["board"] = read_board(cleaned.get("board") or [])
            if step := self.data.get("_move"):
                cleaned["board"] = move(cleaned["board"], self.chosen(step))
        except BadBoard as error:
            self.add_error(None, str(error))
        return cleaned

    def chosen(self, step: str) -> str:
        """The step with the section that was chosen beside its button."""
        where, _, story_id = step.partition(":")
        return f"{self.data.get(f'to-{story_id}', '')}:{story_id}" if where == "to" else step

    @property
    def shown_board(self) -> Board:
        """What was sent, or else what is stored."""
        try:
            return read_board(self["board"].value() or [])
        except BadBoard:
            return read_board(self.initial["board"])

    def clean_intro(self) -> str:
        return self.clean_text("intro")

    def clean_outro(self) -> str:
        return self.clean_text("outro")

    def clean_text(self, name: str) -> str:
        source: str = self.cleaned_data[name]
        try_markdown(source, name, self.instance if self.instance.pk else None)
        return source


class TopicForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Topic
        fields = ["name", "slug", "description", "builds_on"]
        widgets = {"name": LINE, "slug": LINE, "description": markdown_area(6)}

    def clean_description(self) -> str:
        source: str = self.cleaned_data["description"]
        try_markdown(source, "topic")
        return source

    def clean_builds_on(self) -> Any:
        if self.instance.pk and self.cleaned_data["builds_on"].filter(pk=self.instance.pk).exists():
            raise ValidationError("A topic can't build on itself. Take it out of this list.")
        return self.cleaned_data["builds_on"]

    def clean(self) -> dict[str, Any]:
        """Refuse a name or slug by which readers already find another topic."""
        cleaned = super().clean() or self.cleaned_data
        named = Q(name__iexact=cleaned.get("name", "")) | Q(slug=cleaned.get("slug", ""))
        alias = TopicAlias.objects.filter(named).exclude(topic=self.instance.pk).select_related("topic").first()
        if alias:
            self.add_error(
                "name",
                f"“{alias}” is an alias of the topic “{alias.topic}”. Take another name, or remove the alias there.",
            )
        return cleaned


class TopicAliasForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = TopicAlias
        fields = ["name", "slug"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["slug"].required = False
        self.fields["slug"].help_text = "Empty: made from the name."

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        name = cleaned.get("name", "")
        cleaned["slug"] = cleaned.get("slug") or slugify(name, allow_unicode=True)
        other = Topic.objects.filter(Q(name__iexact=name) | Q(slug=cleaned["slug"])).exclude(pk=self.instance.topic_id)
        if other.exists():
            self.add_error("name", f"“{name}” is a topic of its own. Remove that first, or take another alias.")
        return cleaned


class ImageForm(forms.ModelForm):  # type: ignore[type-arg]
    """Takes in a picture by `store_image`; the row that `save` returns is stored already."""

    name = forms.CharField(
        max_length=80,
        required=False,
        help_text="What the picture shows, in a word or two: figures/<name>. Empty: the file's name.",
    )
    file = forms.FileField(
        label="Picture",
        widget=forms.FileInput(attrs={"accept": "image/png,image/jpeg"}),
        help_text="PNG or JPEG, up to 10 MB. It is stored without its metadata, in the sizes that pages and emails need.",
    )

    class Meta:
        model = Image
        fields = ["file", "name"]

    def clean_name(self) -> str:
        return slugify(PurePosixPath(self.cleaned_data["name"]).stem)

    def clean_file(self) -> "UploadedFile[bytes]":
        from issues.image_storing import MAX_BYTES, open_picture  # Pillow takes 3 MB.

        file: UploadedFile[bytes] = self.cleaned_data["file"]
        if (file.size or 0) > MAX_BYTES:
            raise ValidationError(
                f"{file.name} has {(file.size or 0) / 1024**2:.1f} MB; 10 MB are the most. Save it smaller."
            )
        data = file.read()
        known = Image.objects.filter(sha256=hashlib.sha256(data).hexdigest()).first()
        if known:
            raise ValidationError(f"This picture is stored already: write ![…]({known.source}).")
        try:
            open_picture(str(file.name), data)
        except BadImage as error:
            raise ValidationError(str(error)) from error
        return file

    def _post_clean(self) -> None:
        """Nothing: the row is made by `store_image`, not from these fields."""

    def save(self, commit: bool = True) -> Image:
        from issues.image_storing import store_upload  # Pillow takes 3 MB.

        return store_upload(self.cleaned_data["file"], self.cleaned_data["name"])

    def save_m2m(self) -> None:
        """Nothing: a picture has no relations of its own."""


class PublicationForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Publication
        exclude: list[str] = []  # The admin says which fields it shows.
        widgets = {
            "tagline": LINE,
            "description": markdown_area(6),
            "postal_address": SENTENCES,
            "accent_light": forms.ColorInput,
            "accent_dark": forms.ColorInput,
        }
