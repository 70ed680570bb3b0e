"""YAML as the files of a digest need it: texts, lists and keys with values, each key with its line.

YAML guesses types, and people who write titles don't expect it: `No` would be false, `2020.10` a number that loses its
last digit, `12:30` the number 750. So every value is read as the text that stands there, and whoever wants a number or a
date asks for one. Tags and aliases, which could name Python objects or grow a small file without limit, are refused.
"""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from issues.errors import BadFile

# Events, not libyaml's finished trees, which it builds by recursion in C: a deeply nested file would end the process.
PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
MAX_DEPTH = 20
NOTHING = {"", "~", "null", "Null", "NULL"}
UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")  # what PostgreSQL or UTF-8 can't hold, and escapes in quotes can say


class Entry(dict[str, Any]):
    """Keys with values; the line on which they begin, and that of each key."""

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.lines: dict[str, int] = {}


def load_yaml(name: str, text: str, first_line: int = 1) -> Any:
    """Read YAML as Entry, list, str or None. Raises BadFile with the line of the mistake."""
    try:
        reader = Reader(name, text, first_line)
        return reader.document()
    except yaml.MarkedYAMLError as error:
        unclosed = re.search("flow|quoted", error.context or "")  # is noticed at the next key, or at the end only
        mark = error.context_mark if unclosed else error.problem_mark or error.context_mark
        hint = " A text with a colon in it has to stand in quotes." if "mapping values" in str(error.problem) else ""
        line = mark.line + first_line if mark else first_line
        raise BadFile(name, f"This is not YAML: {error.problem}.{hint}", line) from error
    except yaml.YAMLError as error:
        line = text.encode()[: getattr(error, "position", 0)].count(b"\n") + first_line
        raise BadFile(name, "This is not YAML: there is a control character. Remove it.", line) from error


def dump_yaml(values: Any) -> str:
    return str(
        yaml.dump(values, Dumper=DUMPER, allow_unicode=True, sort_keys=False, width=110, default_flow_style=False)
    )


class Reader:
    """Builds the values of one document from the parser's events."""

    def __init__(self, name: str, text: str, first_line: int) -> None:
        self.name = name
        self.first_line = first_line
        self.events: Iterator[Any] = yaml.parse(text, Loader=PARSER)

    def document(self) -> Any:
        next(self.events)  # the stream's start
        if isinstance(next(self.events), yaml.StreamEndEvent):
            return None
        value = self.value(next(self.events), 0)
        next(self.events)  # the document's end
        event = next(self.events)
        if not isinstance(event, yaml.StreamEndEvent):
            raise self.error(event, "A second YAML document begins here. Put all into one.")
        return value

    def value(self, event: Any, depth: int) -> Any:
        if isinstance(event, yaml.AliasEvent):
            raise self.error(event, f"The alias *{event.anchor} can't be used here. Write out what it stands for.")
        if event.tag is not None:
            raise self.error(event, f"The tag {event.tag} can't be used here. Leave it out.")
        if depth > MAX_DEPTH:
            raise self.error(event, "This is nested too deeply.")
        if isinstance(event, yaml.ScalarEvent):
            return self.text(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return [self.value(item, depth + 1) for item in self.until(yaml.SequenceEndEvent)]
        return self.entry(event, depth)

    def text(self, event: Any) -> str | None:
        if UNSTORABLE.search(event.value):
            raise self.error(event, "There is a control character, which can't be stored. Remove it.")
        plain = event.implicit[0]
        return None if plain and event.value in NOTHING else str(event.value)

    def entry(self, event: Any, depth: int) -> Entry:
        entry = Entry(self.line(event))
        for start in self.until(yaml.MappingEndEvent):
            key = self.value(start, depth + 1)
            if not isinstance(key, str):
                raise self.error(start, "A key has to be one text.")
            if key in entry:
                raise self.error(start, f"The key `{key}` stands here for the second time. Keep one.")
            entry[key] = self.value(next(self.events), depth + 1)
            entry.lines[key] = self.line(start)
        return entry

    def until(self, end: type[Any]) -> Iterator[Any]:
        while not isinstance(event := next(self.events), end):
            yield event

    def line(self, event: Any) -> int:
        return int(event.start_mark.line) + self.first_line

    def error(self, event: Any, reason: str) -> BadFile:
        return BadFile(self.name, reason, self.line(event))
