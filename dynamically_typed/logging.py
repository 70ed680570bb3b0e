"""How log lines look."""

import logging
import re

# What stands behind these in an address of ours lets whoever has it act for a reader.
TOKEN = re.compile(r"(/(?:unsubscribe|preferences|subscribe/confirm)/(?:confirm-address/)?)[^/\s]+")


class OneLineFormatter(logging.Formatter):
    """Escape line breaks in the message, so that nothing a stranger sends can pass for a line of the log.

    The tokens of readers' links are left out.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802, the name is logging's
        message = super().formatMessage(record).replace("\r", "\\r").replace("\n", "\\n")
        return TOKEN.sub(r"\1…", message)
