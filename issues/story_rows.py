"""The form fields of a story's papers and resources: lists that the page draws, in the order that was chosen."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict

from papers.models import Paper, Resource, ResourceKind


class Rows(forms.Widget):
    """Reads what the page's own rows send: `papers` is the id of each, `papers-place-7` and `papers-remove-7` are of one.

    Places are sent as numbers, so that rows change places without JavaScript, too.
    """

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[Any]:
        keys = [key for key in dict.fromkeys(data.getlist(name)) if key.isdecimal()]
        staying = [(key, place) for place, key in enumerate(keys, 1) if f"{name}-remove-{key}" not in data]
        ordered = sorted(staying, key=lambda row: in_place(data.get(f"{name}-place-{row[0]}", ""), row[1]))
        return [self.row_from(data, name, key) for key, _ in ordered]

    def row_from(self, data: Mapping[str, Any], name: str, key: str) -> Any:
        return key

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return False  # No row is an empty list.

    def put(self, data: QueryDict, name: str, value: Iterable[Any]) -> None:
        """Make these the rows that were sent."""
        for key in [key for key in data if key == name or key.startswith(f"{name}-")]:
            del data[key]
        data.setlist(name, [str(key) for key in value])


class ResourceRows(Rows):
    """Also with the title in this story and the kind: `resources-title-7` and `resources-kind-7`."""

    def row_from(self, data: Mapping[str, Any], name: str, key: str) -> list[str]:
        return [key, data.get(f"{name}-title-{key}", "").strip(), data.get(f"{name}-kind-{key}", "")]

    def put(self, data: QueryDict, name: str, value: Iterable[Any]) -> None:
        rows = list(value)
        super().put(data, name, [key for key, *_ in rows])
        for key, title, kind in rows:
            data[f"{name}-title-{key}"], data[f"{name}-kind-{key}"] = title, kind


def in_place(typed: str, before: int) -> tuple[float, int]:
    """Sorts rows: one that was moved up to the place of another goes before it, one moved down after it."""
    if not typed.isdecimal():
        return math.inf, 0
    return int(typed), (int(typed) > before) - (int(typed) < before)


class PapersField(forms.Field):
    """Its value is the papers in order."""

    widget = Rows

    def to_python(self, value: Any) -> list[Paper]:
        keys = [int(key) for key in value or []]
        papers = Paper.objects.in_bulk(keys)
        if gone := set(keys) - set(papers):
            raise ValidationError(gone_sentence(len(gone), "paper"))
        return [papers[key] for key in keys]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return [str(key) for key in initial or []] != [str(key) for key in data or []]


class ResourcesField(forms.Field):
    """Its value is the resources in order, each with its title in this story and its kind."""

    widget = ResourceRows

    def to_python(self, value: Any) -> list[tuple[Resource, str, str]]:
        resources = Resource.objects.in_bulk([int(key) for key, *_ in value or []])
        if gone := {int(key) for key, *_ in value or []} - set(resources):
            raise ValidationError(gone_sentence(len(gone), "resource"))
        rows = []
        for key, title, kind in value or []:
            resource = resources[int(key)]
            if len(title) > 300:
                raise ValidationError(f"The title of {resource.url} has more than 300 characters. Shorten it.")
            if kind and kind not in ResourceKind.values:
                raise ValidationError(f"The kind “{kind}” of {resource.url} is not known. Choose one of the list.")
            rows.append((resource, title, kind or resource.kind))
        return rows

    def has_changed(self, initial: Any, data: Any) -> bool:
        return [list(map(str, row)) for row in initial or []] != [list(map(str, row)) for row in data or []]


def gone_sentence(count: int, kind: str) -> str:
    is_one = count == 1
    return (
        f"{'One' if is_one else count} {kind}{'' if is_one else 's'} of this list {'was' if is_one else 'were'} deleted or "
        f"merged while this page was open, and {'is' if is_one else 'are'} left out. Paste what is missing, and save again."
    )
