"""BibTeX and BibLaTeX files as CSL records. Writing BibTeX is elsewhere: papers/citations."""

import logging
import re
from collections.abc import Iterator, Mapping
from typing import Any

from bibtexparser.entrypoint import parse_string
from bibtexparser.middlewares import RemoveEnclosingMiddleware, ResolveStringReferencesMiddleware
from bibtexparser.middlewares.names import split_multiple_persons_names
from bibtexparser.model import DuplicateBlockKeyBlock, DuplicateFieldKeyBlock, Entry, ParsingFailedBlock

from papers.errors import BadRecord
from papers.identifiers import looks_like_arxiv
from papers.markup import plain_tex
from papers.models import PaperType
from papers.names import split_name

TYPES = {
    "article": PaperType.JOURNAL,
    "inproceedings": PaperType.CONFERENCE,
    "conference": PaperType.CONFERENCE,
    "incollection": PaperType.CHAPTER,
    "inbook": PaperType.CHAPTER,
    "book": PaperType.BOOK,
    "collection": PaperType.BOOK,
    "proceedings": PaperType.BOOK,
    "techreport": PaperType.REPORT,
    "report": PaperType.REPORT,
    "phdthesis": PaperType.THESIS,
    "mastersthesis": PaperType.THESIS,
    "thesis": PaperType.THESIS,
    "online": PaperType.WEBPAGE,
    "dataset": PaperType.DATASET,
    "software": PaperType.SOFTWARE,
}
# CSL's variable, and the fields that may hold it, best first. Addresses and identifiers are not TeX.
TEXTS = {
    "title": ["title"],
    "abstract": ["abstract"],
    "container-title": ["journaltitle", "journal", "booktitle", "series"],
    "publisher": ["publisher", "institution", "school", "organization"],
    "volume": ["volume"],
    "issue": ["number", "issue"],
    "page": ["pages", "eid"],
}
AS_THEY_ARE = {"DOI": "doi", "URL": "url", "ISBN": "isbn"}
MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
PARSE_STACK = (ResolveStringReferencesMiddleware(True), RemoveEnclosingMiddleware(True))
Fields = Mapping[str, str]

logging.getLogger("bibtexparser").setLevel(logging.CRITICAL)  # What it warns of is in our report, by line.


def read_bibtex(text: str) -> tuple[int, Iterator[tuple[str, dict[str, Any] | BadRecord]]]:
    """How many entries there are, and each with its place: its CSL record, or what is wrong with it."""
    library = parse_string(text, parse_stack=PARSE_STACK)
    blocks = sorted([*library.entries, *library.failed_blocks], key=lambda block: block.start_line or 0)
    return len(blocks), (read_block(block) for block in blocks)


def read_block(block: Any) -> tuple[str, dict[str, Any] | BadRecord]:
    place = f"line {(block.start_line or 0) + 1}"
    if isinstance(block, DuplicateBlockKeyBlock):  # Two papers under one key are two papers all the same.
        block = block.ignore_error_block
    if isinstance(block, DuplicateFieldKeyBlock):
        return place, BadRecord(f"The entry has {', '.join(sorted(block.duplicate_keys))} twice. Delete one.")
    if isinstance(block, ParsingFailedBlock) or not isinstance(block, Entry):
        return place, BadRecord("The entry can't be read. Check that its braces, quotes and commas match.")
    try:
        return f"{place} ({block.key})", as_record(block)
    except BadRecord as error:
        return f"{place} ({block.key})", error


def as_record(entry: Entry) -> dict[str, Any]:
    fields = {field.key.lower(): str(field.value) for field in entry.fields}
    record: dict[str, Any] = {"type": type_of(entry.entry_type.lower(), fields)}
    for variable, names in TEXTS.items():
        if text := next((fields[name] for name in names if fields.get(name, "").strip()), ""):
            record[variable] = plain_tex(text)
    record |= {variable: plain_address(fields[name]) for variable, name in AS_THEY_ARE.items() if fields.get(name)}
    if authors := [as_csl_name(name) for name in split_multiple_persons_names(fields.get("author", ""))]:
        record["author"] = [name for name in authors if name]
    if issued := date_of(fields):
        record["issued"] = issued
    if eprint := arxiv_id_of(fields):
        record |= {"archive": "arXiv", "archive_location": eprint}
    return record


def type_of(kind: str, fields: Fields) -> str:
    """An arXiv paper without a journal is a preprint, whatever it is called."""
    is_published = bool(fields.get("journal") or fields.get("journaltitle"))
    if kind in {"article", "misc", "unpublished", "online"} and not is_published and arxiv_id_of(fields):
        return PaperType.PREPRINT.value
    return TYPES.get(kind, PaperType.WEBPAGE if fields.get("url") and kind == "misc" else PaperType.DOCUMENT).value


def plain_address(text: str) -> str:
    r"""Without \url{…} and the backslashes that some put before _, %, & and #."""
    return re.sub(r"\\([_%&#~])", r"\1", re.sub(r"^\\url\{(.*)\}$", r"\1", text.strip()))


def as_csl_name(text: str) -> dict[str, str]:
    family, given, suffix = split_name(text)
    if family == "others" and not given:  # “and others” is nobody.
        return {}
    if not given and not suffix:
        return {"literal": family} if family else {}
    return {key: part for key, part in (("family", family), ("given", given), ("suffix", suffix)) if part}


def date_of(fields: Fields) -> str:
    """From BibLaTeX's date, or from year, month and day; empty if the year is no number."""
    if fields.get("date"):
        return fields["date"].split("/")[0]
    year = re.search(r"\d{4}", fields.get("year", ""))
    if not year:
        return ""
    month = fields.get("month", "").strip('{}" ').lower()
    number = MONTHS.index(month[:3]) + 1 if month[:3] in MONTHS else int(month) if month.isdecimal() else 0
    if not 1 <= number <= 12:
        return year[0]
    day = fields.get("day", "").strip()
    return f"{year[0]}-{number:02}" + (f"-{int(day):02}" if day.isdecimal() else "")


def arxiv_id_of(fields: Fields) -> str:
    archive = fields.get("archiveprefix") or fields.get("eprinttype") or ""
    eprint = fields.get("eprint", "").strip()
    return eprint if eprint and archive.lower() in {"arxiv", ""} and looks_like_arxiv(eprint) else ""
