"""What somebody pasted: an identifier, an address, or a text with one of them in it."""

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote

from papers.errors import BadIdentifier
from papers.identifiers import ISBN, normalise_address, parse_arxiv_id, parse_doi, parse_isbn

# In a longer text an identifier needs its prefix, its host or its usual form to be one.
ARXIV_INSIDE = re.compile(
    r"(?:arxiv:\s*|arxiv\.org/(?:abs|pdf|html|src)/|10\.48550/arxiv\.)"
    r"(?:\d{4}\.\d{4,5}|[a-z]+(?:-[a-z]+)?(?:\.[A-Z]{2})?/\d{7})(?:v\d{1,3})?(?!\d)",
    re.IGNORECASE | re.ASCII,
)
# At the end of a publisher's address stands what it shows of the paper; bioRxiv puts a version before that.
DOI_IN_ADDRESS = re.compile(
    r"https?://\S*?(?<![\w.])(10\.[0-9]{4,9}(?:/|%2F)[^\s?#&\"<>{}|]+?)(?:(?<=\d)v\d+)?"
    r"(?:[./](?:abstract|e?pdf|full|html|meta|short))*/?(?=[\s?#&\"<>{}|]|$)",
    re.IGNORECASE,
)
DOI_INSIDE = re.compile(r"(?<![\w.])10\.[0-9]{4,9}/[^\s\x00-\x1f\x7f\"<>{}|]+")
ISBN_INSIDE = re.compile(rf"ISBN(?:-1[03])?:?\s*{ISBN.pattern}", re.IGNORECASE | re.ASCII)
# An owner and a name, at hosts that hold little but code; what follows them is a page within it.
REPOSITORY_INSIDE = re.compile(
    r"(?<![\w.@/-])(?:https?://)?(?:www\.)?"
    r"(github\.com|gitlab\.com|codeberg\.org|bitbucket\.org)/([\w-][\w.-]*)/([\w-](?:[\w.-]*[\w-])?)",
    re.IGNORECASE | re.ASCII,
)
ADDRESS_INSIDE = re.compile(r"https?://[^\s<>\"{}|]+", re.IGNORECASE)


@dataclass(frozen=True)
class Recognised:
    """In the normalised form of its kind; of an arXiv paper also the version that was named."""

    kind: Literal["arxiv", "doi", "isbn", "address"]
    value: str
    version: int | None = None


def recognise(text: str) -> Recognised:
    """Find an arXiv identifier, a DOI, an ISBN or an address, in this order: the text itself, else in it.

    So a reference may be pasted as it stands in a paper, or a publisher's address that has the DOI in it. Raises
    BadIdentifier.
    """
    text = text.strip()
    if found := recognise_whole(text):
        return found
    for candidate in candidates(text):
        if found := recognise_whole(candidate):
            return found
    if match := ADDRESS_INSIDE.search(text):
        return Recognised("address", normalise_address(match[0] if match[0] == text else match[0].rstrip(".,;:)]")))
    if ISBN.fullmatch(text):
        parse_isbn(text)
    if re.match(r"arxiv|\d{4}\.\d", text, re.IGNORECASE):
        parse_arxiv_id(text)
    raise BadIdentifier(
        "There is no arXiv identifier, DOI, ISBN or address in this. "
        "Write one like arXiv:2005.14165, 10.1038/s41586-021-03819-2 or https://arxiv.org/abs/2005.14165."
    )


def find_repositories(text: str) -> list[str]:
    """The addresses of the code repositories that a text names, each once, in its order."""
    found = (
        f"https://{host.lower()}/{owner}/{name.removesuffix('.git')}"
        for host, owner, name in REPOSITORY_INSIDE.findall(text)
    )
    return list(dict.fromkeys(found))


def recognise_whole(text: str) -> Recognised | None:
    try:
        arxiv = parse_arxiv_id(text)
    except BadIdentifier:
        pass
    else:
        return Recognised("arxiv", arxiv.id, arxiv.version)
    try:
        return Recognised("doi", parse_doi(text))
    except BadIdentifier:
        pass
    try:
        return Recognised("isbn", parse_isbn(text))
    except BadIdentifier:
        return None


def candidates(text: str) -> list[str]:
    return [
        *(match[0] for match in ARXIV_INSIDE.finditer(text)),
        *(unquote(match[1]) for match in DOI_IN_ADDRESS.finditer(text)),
        *(match[0] for match in DOI_INSIDE.finditer(text)),
        *(match[0] for match in ISBN_INSIDE.finditer(text)),
    ]
