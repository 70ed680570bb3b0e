"""How log lines look."""

import logging


class OneLineFormatter(logging.Formatter):
    """Escape line breaks in the message, so that nothing a stranger sends can pass for a line of the log."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802, the name is logging's
        return super().formatMessage(record).replace("\r", "\\r").replace("\n", "\\n")
