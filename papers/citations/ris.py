"""Papers as RIS, one record after the other (Research Information Systems, RIS Format Specifications, 2011)."""

from collections.abc import Iterable, Iterator

from papers.models import Author, Paper, PaperType

TYPES = {
    PaperType.PREPRINT: "UNPB",
    PaperType.JOURNAL: "JOUR",
    PaperType.CONFERENCE: "CPAPER",
    PaperType.REPORT: "RPRT",
    PaperType.CHAPTER: "CHAP",
    PaperType.BOOK: "BOOK",
    PaperType.THESIS: "THES",
    PaperType.WEBPAGE: "ELEC",
    PaperType.DATASET: "DATA",
    PaperType.SOFTWARE: "COMP",
    PaperType.DOCUMENT: "GEN",
}


def write(papers: Iterable[Paper]) -> Iterator[str]:
    """Yield one record after the other, each with an empty line after it."""
    for paper in papers:
        yield record(paper) + "\r\n"


def record(paper: Paper, *, abstract: bool = True) -> str:
    """One record, its lines ended by CR LF as the format asks."""
    lines = [
        ("TY", TYPES[PaperType(paper.type)]),
        *(("AU", name(author)) for author in paper.authors_in_order()),
        ("TI", str(paper)),
        ("T2", paper.container_title),
        ("PB", paper.publisher),
        ("VL", paper.volume),
        ("IS", paper.number),
        ("SP", paper.first_page),
        ("EP", paper.last_page),
        ("PY", paper.year),
        ("DA", date(paper.issued)),
        ("SN", paper.isbn),
        ("DO", paper.doi),
        ("DB", "arXiv" if paper.arxiv_id else ""),
        ("AN", paper.arxiv_id),
        ("UR", paper.url or paper.arxiv_url),
        ("L1", f"https://arxiv.org/pdf/{paper.arxiv_id}" if paper.arxiv_id else ""),
        ("AB", paper.abstract if abstract else ""),
    ]
    written = [f"{tag}  - {' '.join(text.split())}\r\n" for tag, text in lines if text]
    return "".join(written) + "ER  - \r\n"


def name(author: Author) -> str:
    """`Last, First, Suffix`; a group has no comma."""
    given = f", {author.given}" if author.given or author.suffix else ""
    return author.family + given + (f", {author.suffix}" if author.suffix else "")


def date(issued: str) -> str:
    """YYYY/MM/DD/ with what is not known left empty between the slashes; nothing for a year, which PY has."""
    if len(issued) <= 4:
        return ""
    return f"{issued[:4]}/{issued[5:7]}/{issued[8:10]}/"
