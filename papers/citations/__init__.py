"""How papers are cited: as files that other programs read, and as text.

Each writer takes papers from `with_authors()`, makes no query, and yields its file in pieces, so that a bibliography of
any length can be streamed.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from papers.citations import bibtex, csl_json, ris
from papers.models import Paper


@dataclass(frozen=True)
class Format:
    name: str
    content_type: str
    write: Callable[[Iterable[Paper]], Iterator[str]]


FORMATS = {
    "bib": Format("BibTeX", "application/x-bibtex; charset=utf-8", bibtex.write),
    "ris": Format("RIS", "application/x-research-info-systems; charset=utf-8", ris.write),
    "json": Format("CSL-JSON", "application/vnd.citationstyles.csl+json; charset=utf-8", csl_json.write),
}  # by the ending of a file's name
