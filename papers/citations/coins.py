"""Papers as COinS, from which Zotero takes several off one page: ContextObjects in Spans, by ANSI/NISO Z39.88-2004."""

from urllib.parse import urlencode

from papers.models import Paper, PaperType

GENRES = {
    PaperType.JOURNAL: ("journal", "article"),
    PaperType.CONFERENCE: ("book", "proceeding"),
    PaperType.CHAPTER: ("book", "bookitem"),
    PaperType.BOOK: ("book", "book"),
    PaperType.REPORT: ("book", "report"),
    PaperType.THESIS: ("dissertation", "dissertation"),
}
ZOTERO_TYPES = {
    PaperType.PREPRINT: "preprint",
    PaperType.CONFERENCE: "conferencePaper",
    PaperType.REPORT: "report",
    PaperType.CHAPTER: "bookSection",
    PaperType.BOOK: "book",
    PaperType.THESIS: "thesis",
    PaperType.WEBPAGE: "webpage",
    PaperType.DATASET: "dataset",
    PaperType.SOFTWARE: "computerProgram",
    PaperType.DOCUMENT: "document",
}  # for Dublin Core's type, which Zotero takes by its own names


def context_object(paper: Paper) -> str:
    """The keys and encoded values that stand in the span's title. No query after `with_authors()`."""
    kind = PaperType(paper.type)
    keys = described(paper, *GENRES[kind]) if kind in GENRES else described_in_dublin_core(paper, ZOTERO_TYPES[kind])
    identifier = f"info:doi/{paper.doi}" if paper.doi else paper.arxiv_url or paper.url
    authors = paper.authors_in_order()
    if authors and authors[0].given:
        keys |= {"rft.aulast": authors[0].family, "rft.aufirst": authors[0].given}
    pairs = [("ctx_ver", "Z39.88-2004"), *keys.items(), ("rft.date", paper.issued), ("rft_id", identifier)]
    people = [("rft.au", str(author)) for author in authors]
    return urlencode([(key, value) for key, value in pairs + people if value])


def described(paper: Paper, form: str, genre: str) -> dict[str, str]:
    within = genre in {"article", "proceeding", "bookitem"}
    title = "rft.atitle" if within else "rft.title" if form == "dissertation" else "rft.btitle"
    container = {"article": "rft.jtitle", "proceeding": "rft.btitle", "bookitem": "rft.btitle"}.get(genre, "rft.series")
    return {
        "rft_val_fmt": f"info:ofi/fmt:kev:mtx:{form}",
        "rft.genre": genre,
        title: str(paper),
        container: paper.container_title,
        "rft.inst" if form == "dissertation" else "rft.pub": paper.publisher,
        "rft.volume": paper.volume,
        "rft.issue": paper.number,
        "rft.spage": paper.first_page,
        "rft.epage": paper.last_page,
        "rft.isbn": paper.isbn,
    }


def described_in_dublin_core(paper: Paper, zotero_type: str) -> dict[str, str]:
    return {
        "rft_val_fmt": "info:ofi/fmt:kev:mtx:dc",
        "rft.type": zotero_type,
        "rft.title": str(paper),
        "rft.source": paper.container_title,
        "rft.publisher": paper.publisher,
        "rft.identifier": f"urn:doi:{paper.doi}" if paper.doi else paper.arxiv_url or paper.url,
    }
