"""CSV files as programs and spreadsheets write them: encoding and delimiter found out, sizes limited, read row by row."""

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from subscribers.errors import BadFile

MOST_BYTES = 1_000_000_000
MOST_ROWS = 5_000_000
MOST_COLUMNS = 500
LONGEST_HEADER = 65_536  # bytes
DELIMITERS = ",;\t"
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# What a spreadsheet would take for a formula (OWASP: CSV injection), also behind our own quotes.
FORMULA = re.compile(r"'*[=+\-@\t\r]")


def harmless(cell: str) -> str:
    """Return the cell with a ' before it if a spreadsheet would run it."""
    return f"'{cell}" if FORMULA.match(cell) else cell


def as_written(cell: str) -> str:
    """Take back what `harmless` did."""
    return cell[1:] if cell[:1] == "'" and FORMULA.match(cell) else cell


def csv_line(cells: Iterable[str]) -> str:
    """One line of a CSV file that spreadsheets can open without harm, with its line break."""
    line = io.StringIO()
    csv.writer(line).writerow(map(harmless, cells))
    return line.getvalue()


class CsvFile:
    """A file whose first row names the columns. Raises BadFile if it is no such file, or too large."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = _size(path)
        self.encoding = _encoding(path)
        self._raw: IO[bytes] | None = None
        self.delimiter = max(DELIMITERS, key=self._first_line().count)
        self.header = next((row for _, row in self._read()), [])
        if len(self.header) > MOST_COLUMNS:
            raise BadFile(f"The file has {len(self.header)} columns; at most {MOST_COLUMNS} are read.")

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield each row after the header with the number of its first line; empty ones are left out.

        A field holds at most 131,072 characters, the csv module's own limit. Raises BadFile where reading has to stop.
        """
        rows = self._read()
        next(rows, None)
        return rows

    @property
    def bytes_read(self) -> int:
        return self.size if self._raw is None or self._raw.closed else self._raw.tell()

    def _read(self) -> Iterator[tuple[int, list[str]]]:
        line = 1
        with self.path.open("rb") as self._raw, io.TextIOWrapper(self._raw, encoding=self.encoding, newline="") as text:
            reader = csv.reader(text, delimiter=self.delimiter)
            try:
                for number, row in enumerate(reader):
                    if any(row):
                        yield line, row
                    line = reader.line_num + 1
                    if number >= MOST_ROWS:
                        raise BadFile(f"The file has more than {MOST_ROWS:,} rows. Split it.")
            except csv.Error as error:
                raise BadFile(
                    f"Line {line} can’t be read: {error}. Is a quote opened there and never closed?"
                ) from error
            except UnicodeDecodeError as error:
                raise BadFile(
                    f"After line {line} a letter can’t be read as {self.encoding}. Save the file as UTF-8."
                ) from error

    def _first_line(self) -> str:
        with self.path.open("rb") as raw:
            beginning = raw.read(LONGEST_HEADER)
        text = codecs.getincrementaldecoder(self.encoding)(errors="replace").decode(beginning)
        return next(iter(text.splitlines()), "")


def _size(path: Path) -> int:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise BadFile(f"{path} can’t be read: {error.strerror}.") from error
    if not path.is_file():
        raise BadFile(f"{path} is no file.")
    if size > MOST_BYTES:
        raise BadFile(f"The file has {size:,} bytes; at most {MOST_BYTES:,} are read. Split it.")
    return size


def _encoding(path: Path) -> str:
    """UTF-8 or UTF-16, by their marks or by trying; else Windows' Western European. Reads the file once."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as raw:
            beginning = raw.read(1000)
            for mark, encoding in BYTE_ORDER_MARKS.items():
                if beginning.startswith(mark):
                    return encoding
            if b"\0" in beginning:
                return "utf-16-be" if beginning[0] == 0 else "utf-16-le"
            decoder.decode(beginning)
            while chunk := raw.read(1 << 20):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252"
    except OSError as error:
        raise BadFile(f"{path} can’t be read: {error.strerror}.") from error
    return "utf-8"
