"""What a check finds."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    ERROR = "error"  # keeps the issue from being approved
    WARNING = "warning"  # is passed with a written reason


@dataclass(frozen=True)
class Finding:
    """`sentence` says what is wrong, `advice` what to do, `address` where that is done.

    `what` is what makes it this finding, where the sentence changes with what doesn't matter, such as a rising number.
    """

    severity: Severity
    sentence: str
    advice: str
    address: str
    what: str = ""
    check: str = ""  # the name of the check, filled in by whoever runs it

    @property
    def key(self) -> str:
        """The same for the same finding at the same place, and another for any other."""
        text = "\n".join([self.address, self.what or self.sentence])
        return f"{self.check}-{hashlib.sha256(text.encode()).hexdigest()[:20]}"

    @property
    def blocks(self) -> bool:
        return self.severity == Severity.ERROR


def error(sentence: str, advice: str, address: str, *, what: str = "") -> Finding:
    return Finding(Severity.ERROR, sentence, advice, address, what)


def warning(sentence: str, advice: str, address: str, *, what: str = "") -> Finding:
    return Finding(Severity.WARNING, sentence, advice, address, what)
