"""Papers as CSL-JSON: an array of items as the schema of CSL 1.0.2 has them, and Zotero takes them."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from papers.csl import as_csl
from papers.models import Paper, PaperType


def write(papers: Iterable[Paper]) -> Iterator[str]:
    """Yield an array, one item to a piece."""
    before = "[\n"
    for paper in papers:
        yield before + as_text(item(paper))
        before = ",\n"
    yield "\n]\n" if before != "[\n" else "[]\n"


def item(paper: Paper, *, abstract: bool = True) -> dict[str, Any]:
    """Our own record, with the date in parts.

    Software is called a document, and what it is under `custom`: Zotero refuses a whole file for one type that it
    doesn't know, and this is the only one of ours.
    """
    record = as_csl(paper)
    record.setdefault("title", str(paper))
    if paper.issued:
        record["issued"] = {"date-parts": [[int(part) for part in paper.issued.split("-")]]}
    if paper.type == PaperType.SOFTWARE:
        record["type"] = PaperType.DOCUMENT.value
        record["custom"] = {**record.get("custom", {}), "type": paper.type}
    if not abstract:
        record.pop("abstract", None)
    return record


def as_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
