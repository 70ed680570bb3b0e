"""The forms of papers and resources, and inline rows that stand in an order."""

import math
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.html import format_html

from papers.admin_addresses import change_page
from papers.errors import BadIdentifier
from papers.identifiers import parse_arxiv_id
from papers.models import Paper, Resource


class OrderedForm(forms.ModelForm):  # type: ignore[type-arg]  # Parameters exist in the types only.
    """A row with a place in its list, which is counted from 1 whatever the stored position is."""

    place = forms.IntegerField(
        label="Position",
        required=False,
        min_value=1,
        widget=forms.NumberInput(attrs={"class": "place", "min": 1}),
        help_text="Empty: last.",
    )


class NamedFormSet(forms.BaseInlineFormSet):  # type: ignore[type-arg]
    """Rows of a table whose fields have names for screen readers too, as the table's heads are not labels."""

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        for field in form.fields.values():
            if field.label:
                field.widget.attrs.setdefault("aria-label", field.label)


class OrderedFormSet(NamedFormSet):
    """Rows of a model with a `position`, written as 0, 1, 2 … in the order of the places that were typed."""

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        if index is not None and index < self.initial_form_count():
            form.fields["place"].initial = index + 1

    def rows_in_order(self) -> list[Any]:
        """The rows that stay. One that was moved up to the place of another goes before it, one moved down after it."""
        staying = [form for form in self.forms if form.instance.pk or form.has_changed()]
        return [form.instance for form in sorted(staying, key=place_of) if form not in self.deleted_forms]

    def save(self, commit: bool = True) -> Any:
        saved = super().save(commit=False)
        if commit and self.has_changed():
            for row in self.deleted_objects:
                row.delete()
            self.write_in_order()
        return saved

    def write_in_order(self) -> None:
        """In two steps, as no two rows may share a position at any moment: first out of the way, then into place."""
        rows, stored = self.rows_in_order(), self.get_queryset().order_by()
        last = stored.aggregate(last=models.Max("position"))["last"] or 0
        stored.update(position=models.F("position") + last + len(rows) + 1)
        for position, row in enumerate(rows):
            row.position = position
            row.save()


def place_of(form: forms.BaseForm) -> tuple[float, int]:
    place, before = form.cleaned_data.get("place"), form.fields["place"].initial
    if place is None:
        return math.inf, 0
    return place, 0 if place == before else 1 if before and place > before else -1


class OrderedInline(admin.TabularInline):  # type: ignore[type-arg]
    """Its `fields` name `place`."""

    form, formset = OrderedForm, OrderedFormSet

    @admin.display(description="Position")
    def place(self, row: Any) -> int:
        """For those who may only look."""
        return int(row.position) + 1


class PaperForm(forms.ModelForm):  # type: ignore[type-arg]
    seen_at = forms.CharField(required=False, widget=forms.HiddenInput)  # what `updated_at` was when the form was drawn
    arxiv_id = forms.CharField(
        label="arXiv", required=False, max_length=300, help_text="The identifier, or an address at arxiv.org."
    )

    class Meta:
        model = Paper
        exclude = ["authors"]  # noqa: DJ006  # The admin says which fields it shows.

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "slug" in self.fields:
            self.fields["slug"].required = False
            self.fields["slug"].help_text = "Part of the permanent address. Empty: made from the identifier."
        if self.instance.pk:
            self.fields["seen_at"].initial = self.instance.updated_at.isoformat()

    def clean_seen_at(self) -> str:
        """A lookup may have filled in what was still empty here: saving that would empty it again."""
        seen_at: str = self.cleaned_data["seen_at"]
        if seen_at and self.instance.pk and seen_at != self.instance.updated_at.isoformat():
            raise ValidationError(
                "The paper was changed while this page was open, by a lookup or by somebody else. "
                "Copy what you typed, and open the page again."
            )
        return seen_at

    def clean_arxiv_id(self) -> str | None:
        """The identifier with its version, if that was given: `Paper.clean` stores the two apart."""
        text = self.cleaned_data["arxiv_id"]
        if not text:
            return None
        try:
            parsed = parse_arxiv_id(text)
        except BadIdentifier as error:
            raise ValidationError(str(error)) from error
        return f"{parsed.id}v{parsed.version}" if parsed.version else parsed.id

    def validate_unique(self) -> None:
        for name in ("arxiv_id", "doi"):
            name_the_stored_row(self, name)
        super().validate_unique()


class ResourceForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Resource
        fields = ["url", "title", "kind", "archived_url"]

    def validate_unique(self) -> None:
        name_the_stored_row(self, "url")
        super().validate_unique()


def name_the_stored_row(form: "forms.BaseModelForm[Any]", name: str) -> None:
    """Refuse a value that another row has, with a link to that row, so that nobody has to look for it."""
    value, rows = getattr(form.instance, name), type(form.instance)._default_manager.exclude(pk=form.instance.pk)
    other = rows.filter(**{name: value}).first() if value else None
    if other is not None:
        link = format_html('<a href="{}">{}</a>', change_page(other), other)
        form.add_error(name, format_html("It is stored already, as {}. Use that one.", link))
