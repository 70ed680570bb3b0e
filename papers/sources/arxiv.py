"""arXiv's API: https://info.arxiv.org/help/api/user-manual.html."""

from xml.etree import ElementTree

from papers.errors import BadAnswer, BadIdentifier, PaperNotFound, SourceUnavailable
from papers.identifiers import parse_arxiv_id, parse_doi
from papers.markup import one_line, plain_tex
from papers.models import PaperType, Source
from papers.names import split_name
from papers.recognising import find_repositories
from papers.sources.facts import Facts, date_of, said
from papers.sources.http import PATIENCE, Answer, ask, web_page_instead

ATOM = "{http://www.w3.org/2005/Atom}"
ARXIV = "{http://arxiv.org/schemas/atom}"


def fetch_arxiv(arxiv_id: str, *, patience: float = PATIENCE) -> Facts:
    """Ask arXiv about the latest version of a paper. Raises SourceError."""
    params = {"id_list": arxiv_id, "max_results": "1"}
    return ask(Source.ARXIV, "/api/query", params, lambda answer: read_feed(answer, arxiv_id), patience=patience)


def read_feed(answer: Answer, arxiv_id: str) -> Facts:
    entry = feed_of(answer).find(f"{ATOM}entry")
    address = text_in(entry, f"{ATOM}id")
    if entry is None or not address:  # A paper that isn't known has no entry, or one without an id.
        raise PaperNotFound(f"arXiv doesn't know {arxiv_id}.")
    if "/api/errors" in address:
        said_so = text_in(entry, f"{ATOM}summary")
        if "malformed" in said_so or "incorrect id" in said_so:
            raise PaperNotFound(f"arXiv doesn't know {arxiv_id}.")
        raise BadAnswer(f"arXiv answered with an error: “{said_so[:200]}”.")
    try:
        found = parse_arxiv_id(address)
    except BadIdentifier as error:
        raise BadAnswer("arXiv answered with something that can't be read.") from error
    if found.id != arxiv_id:
        raise BadAnswer(f"arXiv answered with another paper, {found.id}, when asked about {arxiv_id}.")
    return Facts(
        Source.ARXIV,
        values=said(
            {
                "type": PaperType.PREPRINT.value,
                "title": plain_tex(text_in(entry, f"{ATOM}title")),
                "abstract": plain_tex(text_in(entry, f"{ATOM}summary")),
                "arxiv_id": found.id,
                "arxiv_version": found.version,
                "doi": doi_in(entry),
                "issued": date_of(text_in(entry, f"{ATOM}published")[:10]),
            }
        ),
        authors=[split_name(name) for each in entry.iter(f"{ATOM}author") if (name := text_in(each, f"{ATOM}name"))],
        version_on=date_of(text_in(entry, f"{ATOM}updated")[:10]),
        code=find_repositories(f"{text_in(entry, f'{ARXIV}comment')} {text_in(entry, f'{ATOM}summary')}"),
    )


def feed_of(answer: Answer) -> ElementTree.Element:
    """Without a document type, and so without entities that could expand. Raises BadAnswer or SourceUnavailable."""
    if answer.body.strip()[:13] == b"Rate exceeded":
        raise SourceUnavailable("arXiv asks for fewer requests.")
    try:
        text = answer.body.decode("utf-8")
        if "<!DOCTYPE" in text or "<!ENTITY" in text:
            raise web_page_instead(Source.ARXIV, answer)
        feed = ElementTree.fromstring(text)  # noqa: S314  # There is no document type in it.
    except (UnicodeDecodeError, ElementTree.ParseError) as error:
        raise web_page_instead(Source.ARXIV, answer) from error
    if feed.tag != f"{ATOM}feed":
        raise web_page_instead(Source.ARXIV, answer)
    return feed


def text_in(parent: ElementTree.Element | None, tag: str) -> str:
    return one_line(parent.findtext(tag) or "") if parent is not None else ""


def doi_in(entry: ElementTree.Element) -> str:
    """The DOI of the published version, which the author gave, so it may be none."""
    try:
        return parse_doi(text_in(entry, f"{ARXIV}doi").split(" ")[0])
    except BadIdentifier:
        return ""
