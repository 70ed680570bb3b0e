"""Crossref's API: https://api.crossref.org/swagger-ui/index.html."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from django.conf import settings

from papers.errors import BadAnswer, BadIdentifier, PaperNotFound
from papers.identifiers import looks_like_arxiv, parse_arxiv_id, parse_doi, parse_isbn
from papers.markup import plain_markup
from papers.models import Name, PaperType, Source
from papers.sources.facts import Facts, date_of, mapping_of, record_of, rows_of, said, text_of
from papers.sources.http import PATIENCE, Answer, ask

TYPES = {
    "journal-article": PaperType.JOURNAL,
    "proceedings-article": PaperType.CONFERENCE,
    "posted-content": PaperType.PREPRINT,
    "report": PaperType.REPORT,
    "report-component": PaperType.REPORT,
    "book-chapter": PaperType.CHAPTER,
    "book-section": PaperType.CHAPTER,
    "book": PaperType.BOOK,
    "monograph": PaperType.BOOK,
    "edited-book": PaperType.BOOK,
    "reference-book": PaperType.BOOK,
    "dissertation": PaperType.THESIS,
    "dataset": PaperType.DATASET,
}
RETRACTIONS = {"retraction", "withdrawal", "removal", "partial_retraction"}


def fetch_crossref(doi: str, *, patience: float = PATIENCE) -> Facts:
    """Ask Crossref about a DOI. Raises SourceError."""

    def read(answer: Answer) -> Facts:
        work = mapping_of(record_of(Source.CROSSREF, answer).get("message"))
        found = doi_of(work)
        if found != doi:
            raise BadAnswer(
                f"Crossref answered with another paper, {found or 'without a DOI'}, when asked about {doi}."
            )
        return facts_of(work)

    try:
        return ask(Source.CROSSREF, f"/works/{quote(doi, safe='')}", mailto(), read, patience=patience)
    except PaperNotFound as error:
        raise PaperNotFound(f"Crossref doesn't know {doi}.") from error


def fetch_book(isbn: str, *, patience: float = PATIENCE) -> Facts:
    """Ask Crossref for the book, not one of its chapters, with an ISBN of 13 digits. Raises SourceError."""

    def read(answer: Answer) -> Facts:
        message = mapping_of(record_of(Source.CROSSREF, answer).get("message"))
        for work in map(mapping_of, rows_of(message.get("items"))):
            if TYPES.get(text_of(work.get("type"))) == PaperType.BOOK and isbn in isbns_of(work):
                return facts_of(work)
        raise PaperNotFound(f"Crossref knows no book with the ISBN {isbn}.")

    return ask(Source.CROSSREF, "/works", {"filter": f"isbn:{isbn}", "rows": "20", **mailto()}, read, patience=patience)


def mailto() -> dict[str, str]:
    """What brings a request into the polite pool."""
    return {"mailto": settings.CONTACT_EMAIL} if settings.CONTACT_EMAIL else {}


def facts_of(work: Mapping[str, Any]) -> Facts:
    kind = TYPES.get(text_of(work.get("type")))
    retraction, retracted_on = retraction_of(work)
    isbns = isbns_of(work) if kind == PaperType.BOOK else []
    return Facts(
        Source.CROSSREF,
        values=said(
            {
                "type": kind.value if kind else "",
                "title": title_of(work),
                "abstract": plain_markup(text_of(work.get("abstract"))),
                "doi": doi_of(work),
                "arxiv_id": preprint_of(work),
                "isbn": isbns[0] if isbns else "",
                "container_title": plain_markup(text_of(work.get("container-title"))),
                "publisher": plain_markup(text_of(work.get("publisher"))),
                "volume": text_of(work.get("volume")),
                "number": text_of(work.get("issue")),
                "page": text_of(work.get("page")) or text_of(work.get("article-number")),
                "issued": issued_of(work),
            }
        ),
        authors=[name for each in rows_of(work.get("author")) if (name := name_of(mapping_of(each)))],
        retraction=retraction,
        retracted_on=retracted_on,
    )


def title_of(work: Mapping[str, Any]) -> str:
    title, subtitle = plain_markup(text_of(work.get("title"))), plain_markup(text_of(work.get("subtitle")))
    if subtitle and subtitle.casefold() not in title.casefold():
        return f"{title}: {subtitle}"
    return title


def doi_of(work: Mapping[str, Any]) -> str:
    try:
        return parse_doi(text_of(work.get("DOI")))
    except BadIdentifier:
        return ""


def isbns_of(work: Mapping[str, Any]) -> list[str]:
    found = []
    for each in rows_of(work.get("ISBN")):
        try:
            # Older records have http://id.crossref.org/isbn/…
            found.append(parse_isbn(text_of(each).rpartition("/")[2]))
        except BadIdentifier:
            continue
    return found


def preprint_of(work: Mapping[str, Any]) -> str:
    """The arXiv identifier among the preprints that a published work is related to."""
    for relation in rows_of(mapping_of(work.get("relation")).get("has-preprint")):
        identifier = text_of(mapping_of(relation).get("id"))
        if looks_like_arxiv(identifier):
            return parse_arxiv_id(identifier).id
    return ""


def name_of(author: Mapping[str, Any]) -> Name | None:
    """A person, or a group by its `name`; particles stay in the family name, as Crossref has them."""
    family, given = plain_markup(text_of(author.get("family"))), plain_markup(text_of(author.get("given")))
    if not family:
        group = plain_markup(text_of(author.get("name"))) or given
        return (group, "", "") if group else None
    return family, given, plain_markup(text_of(author.get("suffix")))


def issued_of(work: Mapping[str, Any]) -> str:
    for name in ("issued", "published-online", "published-print", "posted"):
        if issued := date_parts_of(work.get(name)):
            return issued
    return ""


def date_parts_of(value: Any) -> str:
    """2020-05 from {"date-parts": [[2020, 5]]}; month and day may lack, and a lacking date is [[null]]."""
    parts = rows_of(rows_of(mapping_of(value).get("date-parts"))[:1] and mapping_of(value)["date-parts"][0])
    numbers = [part for part in parts if isinstance(part, int)]
    return date_of("-".join(f"{number:0{2 if place else 4}}" for place, number in enumerate(numbers)))


def retraction_of(work: Mapping[str, Any]) -> tuple[str, str]:
    """The DOI of the notice that retracts the work, and its date; both empty if there is none."""
    for update in map(mapping_of, rows_of(work.get("updated-by"))):
        if text_of(update.get("type")).lower().replace("-", "_") in RETRACTIONS:
            return doi_of(update) or "yes", date_parts_of(update.get("updated"))
    return "", ""
