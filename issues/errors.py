"""IssuesError
├── BadMarkdown: a text can't be rendered; show the sentence beside the field, keep what was typed.
├── BadImage: a picture is refused; show the sentence beside the field or file.
├── BadFile: a file of a digest can't be read; it is left out, the rest goes on.
├── KeptElsewhere: a draft is kept by another window; say so, keep that one.
├── BadBoard: what was sent is no arrangement of an issue; show the sentence, change nothing.
├── NoSection: a story can't be begun, as it has nowhere to stand; show the sentence.
└── NotReady: a step of publishing is not allowed yet; show the sentences to the editor.
"""

from collections.abc import Sequence


class IssuesError(Exception):
    """Base of what the issues app raises; its text is for the editor."""


class BadMarkdown(IssuesError, ValueError):
    pass


class BadImage(IssuesError, ValueError):
    pass


class KeptElsewhere(IssuesError):
    pass


class BadFile(IssuesError, ValueError):
    """Names the file and, where it is known, the line."""

    def __init__(self, name: str, reason: str, line: int | None = None) -> None:
        place = f"{name}, line {line}" if line else name
        super().__init__(f"{place}: {reason}")


class BadBoard(IssuesError, ValueError):
    pass


class NoSection(IssuesError):
    pass


class NotReady(IssuesError):
    """All that stands in the way, one sentence each."""

    def __init__(self, reasons: Sequence[str]) -> None:
        self.reasons = list(reasons)
        super().__init__(" ".join(reasons))
