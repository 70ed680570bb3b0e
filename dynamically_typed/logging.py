"""How log lines look."""

import logging
import re
from typing import Any

# What stands behind these in an address of ours lets whoever has it act for a reader.
TOKEN = re.compile(r"(/(?:unsubscribe|preferences|subscribe/confirm)/(?:confirm-address/)?)[^/\s]+")

# PostgreSQL names the row that broke a rule, and mail servers the reader, in the sentence of an error.
ADDRESS = re.compile(r"[^\s<>()\[\],;:\"'=]+@[^\s<>()\[\],;:\"'=]+")
INDENT = "    "


class OneLineFormatter(logging.Formatter):
    """Escape line breaks in the message, so that nothing a stranger sends can pass for a line of the log.

    The tokens of readers' links are left out, and of a traceback the addresses; its lines are indented.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802, the name is logging's
        message = super().formatMessage(record).replace("\r", "\\r").replace("\n", "\\n")
        return TOKEN.sub(r"\1…", message)

    def formatException(self, ei: Any) -> str:  # noqa: N802, likewise
        traceback = ADDRESS.sub("(address)", TOKEN.sub(r"\1…", super().formatException(ei)))
        return "\n".join(INDENT + line for line in traceback.splitlines())
