"""What is worth a look in a text while it is written, each with its line."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from issues.render_context import STORY_PATTERN, issue_pattern, reference_key
from issues.rendering import CODE, Rendered, Surroundings

Weight = Literal["error", "warning"]
PLACEHOLDER = re.compile(r"\b(?:TK)+\b|\b(?:TODO|FIXME|XXX)\b|\b[Ll]orem ipsum\b")
LINK_WITHOUT_TEXT = re.compile(r"(?<!!)\[\s*\]\([^)\n]*\)")
QUOTED = re.compile(r"“([^”]+)”")
LINE = re.compile(r"^Line (\d+): ")


@dataclass(frozen=True)
class Finding:
    """A sentence for the writer. `line` is counted from 1; 0 if it is about no one line. Errors keep it from publication."""

    line: int
    sentence: str
    weight: Weight = "warning"


def proofread(source: str, rendered: Rendered, surroundings: Surroundings) -> list[Finding]:
    """All findings in a text that was rendered, in order of their lines, each once."""
    text = source.replace("\r\n", "\n")
    prose = CODE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    found = [
        *placeholders(prose),
        *links_without_text(prose),
        *unresolved_references(prose, surroundings),
        *(Finding(line_of(sentence, text), sentence, "error") for sentence in rendered.errors),
        *(Finding(line_of(sentence, text), LINE.sub("", sentence)) for sentence in rendered.warnings),
    ]
    return sorted(dict.fromkeys(found), key=lambda finding: finding.line)


def placeholders(prose: str) -> Iterator[Finding]:
    for match in PLACEHOLDER.finditer(prose):
        yield Finding(line_at(prose, match.start()), f"“{match[0]}” is still to be written.")


def links_without_text(prose: str) -> Iterator[Finding]:
    for match in LINK_WITHOUT_TEXT.finditer(prose):
        yield Finding(line_at(prose, match.start()), f"The link “{match[0][:60]}” has no text: nobody can see it.")


def unresolved_references(prose: str, surroundings: Surroundings) -> Iterator[Finding]:
    for pattern in (STORY_PATTERN, issue_pattern(surroundings.short_name)):
        for match in re.finditer(pattern, prose):
            if reference_key(match) not in surroundings.targets:
                sentence = f"“{match[0]}” leads to nothing that readers can see, and is shown as text."
                yield Finding(line_at(prose, match.start()), sentence)


def line_at(text: str, index: int) -> int:
    return text.count("\n", 0, index) + 1


def line_of(sentence: str, text: str) -> int:
    """The renderer's sentences name their line, or quote what they are about: then its first place counts."""
    if match := LINE.match(sentence):
        return int(match[1])
    for quoted in QUOTED.findall(sentence):
        if (index := text.find(quoted)) >= 0:
            return line_at(text, index)
    return 0
