"""What a rendering goes by and finds out: its medium, what the text may refer to, and what is wrong with it."""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from django.conf import settings

from issues.models import Image

Medium = Literal["web", "email"]
STORY_PATTERN = r"\[\[(?P<slug>[A-Za-z0-9_-]{1,120})(?:\|(?P<words>[^\]|]+))?\]\]"


@dataclass(frozen=True)
class Target:
    """Where a reference leads."""

    url: str
    title: str


class ProblemKind(StrEnum):
    PICTURE = "picture"  # that there is not
    WORDS = "words"  # for a picture, of which there are none
    BLOCK = "block"


@dataclass(frozen=True)
class Problem:
    """What keeps a text from being published, as a sentence for the editor."""

    kind: ProblemKind
    sentence: str


@dataclass
class RenderContext:
    """What a text may refer to, and what is found wrong with it on the way."""

    medium: Medium
    short_name: str
    targets: dict[str, Target] = field(default_factory=dict)
    images: dict[str, Image] = field(default_factory=dict)
    references: dict[str, str] = field(default_factory=dict)  # key: the words that stand for it in the rendered text
    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def report(self, kind: ProblemKind, sentence: str) -> None:
        self.problems.append(Problem(kind, sentence))

    def absolute(self, path: str) -> str:
        """Emails need whole addresses; pages work under any."""
        return settings.SITE_URL + path if self.medium == "email" and re.match(r"/(?!/)", path) else path


def issue_pattern(short_name: str) -> str:
    """Matches “DT #41” and captures the number."""
    return rf"\b{re.escape(short_name)} ?#(?P<number>[0-9]{{1,6}})\b"


def reference_key(match: re.Match[str]) -> str:
    """How a reference is stored: #41 for an issue, the slug for a story."""
    found = match.groupdict()
    return f"#{int(found['number'])}" if "number" in found else found["slug"]
