"""The rows that an import refused, in a file of the same columns and one more, to be mended and imported as it is."""

import csv
import os
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from subscribers.csv_files import CsvFile, harmless

REASON = "reason"
MOST_SHOWN = 20


class RefusedRows:
    """Writes in UTF-8, with the delimiter of the file that was read, for the eyes of its owner only (mode 600)."""

    def __init__(self, path: Path | None, file: CsvFile) -> None:
        self.first: list[tuple[int, str]] = []
        self._path = path
        self._delimiter = file.delimiter
        self._header = file.header
        # A file that was refused once has the column; its old reasons give way.
        self._width = len(file.header) - (file.header[-1:] == [REASON])
        self._open: IO[str] | None = None
        self._writer: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._open is not None:
            self._open.close()

    def add(self, line: int, row: list[str], reason: str) -> None:
        if len(self.first) < MOST_SHOWN:
            self.first.append((line, reason))
        if self._path is None:
            return
        if self._open is None:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            self._open = os.fdopen(descriptor, "w", encoding="utf-8-sig", newline="")
            self._writer = csv.writer(self._open, delimiter=self._delimiter)
            self._writer.writerow([*map(harmless, self._header[: self._width]), REASON])
        cells = row[: self._width] + [""] * (self._width - len(row))
        too_many = row[len(self._header) :]
        self._writer.writerow(map(harmless, [*cells, reason, *too_many]))
