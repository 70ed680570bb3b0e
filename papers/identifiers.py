"""Identifiers of papers and addresses of resources: recognised in what people paste, and normalised.

Pure functions. The forms are those of https://info.arxiv.org/help/arxiv_identifier.html and
https://www.doi.org/doi-handbook/; what is stored is always the normalised form, so that unique constraints hold.
"""

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from papers.errors import BadIdentifier

ARXIV_NEW = re.compile(
    r"(?P<id>(?P<year>\d\d)(?P<month>\d\d)\.(?P<serial>\d{4,5}))(?:v(?P<version>\d{1,3}))?", re.ASCII
)
ARXIV_OLD = re.compile(
    r"(?P<archive>[a-z]+(?:-[a-z]+)?)(?:\.[A-Z]{2})?/(?P<serial>\d\d(?P<month>\d\d)\d{3})(?:v(?P<version>\d{1,3}))?",
    re.ASCII,
)
ARXIV_PREFIX = re.compile(
    r"^(?:arxiv:\s*|(?:https?://)?(?:www\.|export\.)?arxiv\.org/(?:abs|pdf|html|src)/"
    r"|(?:doi:\s*)?(?:(?:https?://)?(?:www\.|dx\.)?doi\.org/)?10\.48550/arxiv\.)",
    re.IGNORECASE,
)
DOI_PREFIX = re.compile(r"^doi:\s*", re.IGNORECASE)
DOI_ADDRESS = re.compile(r"^(?:https?://)?(?:www\.|dx\.)?doi\.org/", re.IGNORECASE)
DOI = re.compile(r"10\.[0-9]{4,9}/[^\s\x00-\x1f\x7f]+")
ISBN = re.compile(r"(?:ISBN(?:-1[03])?:?\s*)?((?:97[89][- ]?)?(?:\d[- ]?){9}[\dX])", re.IGNORECASE | re.ASCII)
TRACKING_PARAMETER = re.compile(r"(utm_\w+|fbclid|gclid|mc_cid|mc_eid|ref_src)(=|$)", re.IGNORECASE)
LONGEST_DOI = 255  # characters; there are none so long, and a column has to end somewhere
ADDRESS_SAFE = "%/:@!$&'()*+,;=?~[]|"  # what may stand in a path or query as it is, and what is encoded already
DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class ArxivId:
    """An arXiv identifier without its version, and the version that was named with it (None: the latest)."""

    id: str
    version: int | None = None


def parse_arxiv_id(text: str) -> ArxivId:
    """Read an arXiv identifier, old or new style, bare or inside an abs/pdf/html address or an arXiv DOI.

    The subject class of an old identifier is dropped: math.CA/0611800v2 becomes math/0611800, version 2.
    Raises BadIdentifier.
    """
    bare = ARXIV_PREFIX.sub("", text.strip()).split("?")[0].split("#")[0]
    # Without a file's ending, or “[cs.CL]” as on arXiv's pages.
    bare = re.sub(r"\.pdf$|\s*\[[\w.-]+\]$", "", bare, flags=re.IGNORECASE)
    match = ARXIV_NEW.fullmatch(bare)
    if match:
        digits = 4 if match["year"] + match["month"] < "1501" else 5
        identifier = match["id"]
        valid = len(match["serial"]) == digits and match["year"] + match["month"] >= "0704"
    else:
        match = ARXIV_OLD.fullmatch(bare)
        if match is None:
            raise BadIdentifier(f"“{text}” is not an arXiv identifier. Write it like arXiv:2005.14165 or math/0611800.")
        identifier = f"{match['archive']}/{match['serial']}"
        valid = True
    if not valid or not 1 <= int(match["month"]) <= 12:
        raise BadIdentifier(f"“{text}” can't be an arXiv identifier: check its year, month and number of digits.")
    return ArxivId(identifier, int(match["version"]) if match["version"] else None)


def parse_doi(text: str) -> str:
    """Return the DOI in `text`, lower-cased as DOIs are compared, without prefix and trailing punctuation.

    A closing bracket at the end goes only where the DOI has no opening one; in an address, what is percent-encoded is
    decoded, and a query is dropped. Raises BadIdentifier.
    """
    doi = DOI_PREFIX.sub("", text.strip())
    bare = DOI_ADDRESS.sub("", doi)
    if bare != doi:
        doi = unquote(re.split("[?#]", bare)[0])
    doi, before = doi.lower(), ""
    while doi != before:
        before, doi = doi, doi.rstrip(".,;:")
        for opening, closing in ("()", "{}", "[]"):
            if doi.endswith(closing) and opening not in doi:
                doi = doi[:-1]
    if not DOI.fullmatch(doi) or len(doi) > LONGEST_DOI:
        raise BadIdentifier(f"“{text}” is not a DOI. Write it like doi:10.1038/s41586-021-03819-2.")
    return doi


def parse_isbn(text: str) -> str:
    """Return an ISBN in its form of 13 digits, without hyphens. Raises BadIdentifier if the check digit is wrong."""
    match = ISBN.fullmatch(text.strip())
    digits = re.sub("[- ]", "", match[1]).upper() if match else ""
    if len(digits) == 10 and isbn_10_check(digits[:9]) == digits[9]:
        return f"978{digits[:9]}{isbn_13_check(f'978{digits[:9]}')}"
    if len(digits) == 13 and isbn_13_check(digits[:12]) == digits[12]:
        return digits
    if len(digits) in {10, 13}:
        raise BadIdentifier(f"“{text}” can't be an ISBN: its last digit doesn't fit the others. Type it again.")
    raise BadIdentifier(f"“{text}” is not an ISBN. Write it like 978-0-306-40615-7 or 0-306-40615-2.")


def isbn_10_check(nine: str) -> str:
    rest = -sum(int(digit) * weight for digit, weight in zip(nine, range(10, 1, -1), strict=True)) % 11
    return "X" if rest == 10 else str(rest)


def isbn_13_check(twelve: str) -> str:
    return str(-sum(int(digit) * weight for digit, weight in zip(twelve, (1, 3) * 6, strict=True)) % 10)


def looks_like_arxiv(text: str) -> bool:
    """Whether `text` names an arXiv paper; arXiv's own DOIs (10.48550/arXiv.…) count as such."""
    try:
        parse_arxiv_id(text)
    except BadIdentifier:
        return False
    return True


def normalise_address(address: str) -> str:
    """Return the one form under which an address is stored: host in lower case and ASCII, no fragment, no tracking.

    A trailing slash is kept, since servers may answer differently without it. Raises BadIdentifier for anything but
    an http(s) address with a host, and for one with a user's name or password.
    """
    address = address.strip()
    try:
        parts = urlsplit(address)
        scheme, host, port = parts.scheme.lower(), parts.hostname or "", parts.port
    except ValueError as error:
        raise BadIdentifier(f"“{address}” is not an address that can be read: {error}.") from error
    if scheme not in DEFAULT_PORTS or not host or re.search(r"[\s\x00-\x1f\x7f<>\"\\]", address):
        raise BadIdentifier(
            f"“{address}” is not a web address. It has to begin with https:// or http:// and name a host."
        )
    if "@" in parts.netloc:
        raise BadIdentifier(f"“{address}” holds a user's name or password, which would be public. Leave it out.")
    netloc = ascii_host(host)
    if port and port != DEFAULT_PORTS[scheme]:
        netloc += f":{port}"
    query = "&".join(pair for pair in parts.query.split("&") if not TRACKING_PARAMETER.match(pair))
    return urlunsplit(
        (scheme, netloc, quote(parts.path or "/", safe=ADDRESS_SAFE), quote(query, safe=ADDRESS_SAFE), "")
    )


def ascii_host(host: str) -> str:
    """The host in the form that the DNS knows (xn--…), in which look-alikes show. Raises BadIdentifier."""
    if ":" in host:
        return f"[{host}]"
    try:
        name = host.rstrip(".").encode("idna").decode("ascii")
    except UnicodeError as error:
        raise BadIdentifier(f"“{host}” is not the name of a host. Copy the address again.") from error
    if not re.fullmatch(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*", name):
        raise BadIdentifier(f"“{host}” is not the name of a host. Copy the address again.")
    return name
