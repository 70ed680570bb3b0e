"""Names of authors as services and BibTeX files write them, taken apart into family name, given names and suffix."""

import re

from bibtexparser.middlewares.names import InvalidNameError, parse_single_name_into_parts

from papers.markup import plain_tex
from papers.models import Name

SUFFIX = re.compile(r"(?P<name>.+?),?\s+(?P<suffix>(?:Jr|Sr)\.?|I{2,3}|IV)")
GROUP = re.compile(
    r"\b(?:association|centre|center|collaborations?|committee|community|consortium|council|foundation|group|inc|"
    r"initiative|institute|laborator(?:y|ies)|network|project|society|team|university|working group)\b",
    re.IGNORECASE,
)


def split_name(text: str) -> Name:
    """Take a name apart by BibTeX's rules: Laurens van der Maaten · van der Maaten, Laurens · King, Jr., Martin Luther.

    TeX is read after that, so that {OpenAI Team} stays one name. A particle stays with the family name, as in
    `Author`. A group's name, or one in braces, is kept whole.
    """
    text = " ".join(text.split())
    if is_braced(text) or ("," not in text and GROUP.search(text)):
        return plain_tex(text), "", ""
    suffix = ""
    if "," not in text and (match := SUFFIX.fullmatch(text)):
        text, suffix = match["name"], match["suffix"]
    try:
        parts = parse_single_name_into_parts(text, strict=False)
    except InvalidNameError:
        return plain_tex(text), "", suffix
    family = plain_tex(" ".join([*parts.von, *parts.last]))
    given = plain_tex(" ".join(parts.first))
    if not family:
        return given, "", suffix
    return family, given, suffix or plain_tex(" ".join(parts.jr))


def is_braced(text: str) -> bool:
    """Whether one pair of braces holds it all."""
    return bool(re.fullmatch(r"\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}", text))
