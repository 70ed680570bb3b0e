"""OpenAlex's API: https://docs.openalex.org/api-entities/works. It fills what the others leave open."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from django.conf import settings

from papers.errors import BadAnswer, BadIdentifier, PaperNotFound
from papers.identifiers import looks_like_arxiv, parse_arxiv_id, parse_doi
from papers.markup import plain_markup
from papers.models import Name, PaperType, Source
from papers.names import split_name
from papers.sources.facts import Facts, date_of, mapping_of, record_of, rows_of, said, text_of
from papers.sources.http import PATIENCE, Answer, ask

FIELDS = "id,doi,title,publication_date,type,authorships,biblio,primary_location,locations,abstract_inverted_index,is_retracted"
TYPES = {
    "article": PaperType.JOURNAL,
    "preprint": PaperType.PREPRINT,
    "book": PaperType.BOOK,
    "book-chapter": PaperType.CHAPTER,
    "dissertation": PaperType.THESIS,
    "report": PaperType.REPORT,
    "dataset": PaperType.DATASET,
}
MAX_WORDS = 20_000  # of an abstract; a position far off would otherwise ask for as many


def fetch_openalex(doi: str, *, patience: float = PATIENCE) -> Facts:
    """Ask OpenAlex about a DOI, arXiv's own among them. Raises SourceError."""

    def read(answer: Answer) -> Facts:
        work = record_of(Source.OPENALEX, answer)
        if not looks_like_arxiv(doi) and doi_of(work) != doi:
            raise BadAnswer(f"OpenAlex answered with another paper when asked about {doi}.")
        return facts_of(work)

    params = {"select": FIELDS}
    params |= {"mailto": settings.CONTACT_EMAIL} if settings.CONTACT_EMAIL else {}
    params |= {"api_key": settings.OPENALEX_API_KEY} if settings.OPENALEX_API_KEY else {}
    try:
        return ask(Source.OPENALEX, f"/works/doi:{quote(doi, safe='')}", params, read, patience=patience)
    except PaperNotFound as error:
        raise PaperNotFound(f"OpenAlex doesn't know {doi}.") from error


def facts_of(work: Mapping[str, Any]) -> Facts:
    venue = mapping_of(mapping_of(work.get("primary_location")).get("source"))
    is_repository = text_of(venue.get("type")) == "repository"
    kind = PaperType.PREPRINT if is_repository else TYPES.get(text_of(work.get("type")))
    biblio = mapping_of(work.get("biblio"))
    return Facts(
        Source.OPENALEX,
        values=said(
            {
                "type": kind.value if kind else "",
                "title": plain_markup(text_of(work.get("title"))),
                "abstract": abstract_of(mapping_of(work.get("abstract_inverted_index"))),
                "doi": doi_of(work),
                "arxiv_id": arxiv_id_of(work),
                "container_title": "" if is_repository else plain_markup(text_of(venue.get("display_name"))),
                "volume": text_of(biblio.get("volume")),
                "number": text_of(biblio.get("issue")),
                "page": "–".join(said({key: text_of(biblio.get(key)) for key in ("first_page", "last_page")}).values()),
                "issued": date_of(text_of(work.get("publication_date"))),
            }
        ),
        authors=[name for each in rows_of(work.get("authorships")) if (name := name_of(mapping_of(each)))],
        retraction="yes" if work.get("is_retracted") is True else "",
    )


def doi_of(work: Mapping[str, Any]) -> str:
    """The published DOI; arXiv's own is no DOI of ours."""
    text = text_of(work.get("doi"))
    try:
        return "" if looks_like_arxiv(text) else parse_doi(text)
    except BadIdentifier:
        return ""


def arxiv_id_of(work: Mapping[str, Any]) -> str:
    places = [mapping_of(each) for each in rows_of(work.get("locations"))]
    for text in (text_of(work.get("doi")), *(text_of(place.get("landing_page_url")) for place in places)):
        if looks_like_arxiv(text):
            return parse_arxiv_id(text).id
    return ""


def name_of(authorship: Mapping[str, Any]) -> Name | None:
    name = text_of(mapping_of(authorship.get("author")).get("display_name")) or text_of(
        authorship.get("raw_author_name")
    )
    return split_name(name) if name else None


def abstract_of(index: Mapping[str, Any]) -> str:
    """From OpenAlex's inverted index, which maps each word to the places where it stands."""
    words = {
        place: word
        for word, places in index.items()
        for place in rows_of(places)
        if isinstance(place, int) and 0 <= place < MAX_WORDS
    }
    return plain_markup(" ".join(words[place] for place in sorted(words)))
