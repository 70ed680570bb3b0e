"""What a service says of a paper, in our fields, and the reading of answers whose shape nobody vouches for."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from papers.errors import BadAnswer
from papers.markup import one_line
from papers.models import Name, Source, is_edtf_date
from papers.sources.http import Answer, web_page_instead


@dataclass(frozen=True)
class Facts:
    """`values` goes by the names of Paper's fields, and lacks what the service doesn't say."""

    source: Source
    values: dict[str, Any] = field(default_factory=dict)
    authors: list[Name] = field(default_factory=list)
    version_on: str = ""  # the day of the arXiv version, as 2020-05-28
    retraction: str = ""  # the DOI of the notice, or “yes”
    retracted_on: str = ""
    code: list[str] = field(default_factory=list)  # addresses of repositories that the authors name

    def as_json(self) -> dict[str, Any]:
        return {
            "values": self.values,
            "authors": [list(name) for name in self.authors],
            "version_on": self.version_on,
            "retraction": self.retraction,
            "retracted_on": self.retracted_on,
            "code": self.code,
        }

    @classmethod
    def from_json(cls, source: Source, stored: Mapping[str, Any]) -> "Facts":
        family_given_suffix = [(name[0], name[1], name[2]) for name in stored["authors"]]
        return cls(source, **{**stored, "authors": family_given_suffix})


def record_of(source: Source, answer: Answer) -> Mapping[str, Any]:
    """The JSON object in an answer. Raises BadAnswer."""
    try:
        record = json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise web_page_instead(source, answer) from error
    if not isinstance(record, dict):
        raise BadAnswer(f"{source.label} answered with something that can't be read.")
    return record


def mapping_of(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def rows_of(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def text_of(value: Any) -> str:
    """A text or a number on one line; of a list, as Crossref has them, the first."""
    if isinstance(value, list):
        value = value[0] if value else None
    return one_line(str(value)) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def date_of(text: str) -> str:
    """An EDTF date if it is one and not in the future; OpenAlex has such."""
    tomorrow = (date.today() + timedelta(days=1)).isoformat()
    return text if is_edtf_date(text) and text <= tomorrow else ""


def said(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, "")}
