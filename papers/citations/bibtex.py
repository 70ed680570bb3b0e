r"""Papers as BibTeX entries in UTF-8, by the rules of Zotero's exporter.

TeX's special characters are escaped, words with capitals are protected from styles that lower them, and what stands
between dollars stays a formula. BibTeX itself counts braces and doesn't know \{, so one without a partner is a macro.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator

from papers.models import Author, Paper, PaperType

ENTRY_TYPES = {
    PaperType.JOURNAL: "article",
    PaperType.CONFERENCE: "inproceedings",
    PaperType.REPORT: "techreport",
    PaperType.CHAPTER: "incollection",
    PaperType.BOOK: "book",
    PaperType.THESIS: "phdthesis",
}  # all others: misc
CONTAINERS = {"article": "journal", "inproceedings": "booktitle", "incollection": "booktitle", "misc": "howpublished"}
PUBLISHERS = {"techreport": "institution", "phdthesis": "school"}
MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]  # macros: no braces
ESCAPES = {character: f"\\{character}" for character in "#$%&_"} | {
    "|": r"{\textbar}",
    "<": r"{\textless}",
    ">": r"{\textgreater}",
    "~": r"{\textasciitilde}",
    "^": r"{\textasciicircum}",
    "\\": r"{\textbackslash}",
}
PAIRED = {"{": r"\{", "}": r"\}"}
UNPAIRED = {"{": r"{\textbraceleft}", "}": r"{\textbraceright}"}
UNESCAPED = re.compile(r"(?<!\\)[#%&]")
FORMULA = re.compile(r"(?<![\\$])(\$[^\s$](?:[^$]*[^\s$\\])?\$)(?![\d$])")  # not “from $5 to $10”
WORD = re.compile(r"[^\W_]+")
PASSED_OVER = {"a", "an", "the", "some", "from", "on", "in", "to", "of", "do", "with", "at", "by", "for", "and", "or"}
LETTERS = str.maketrans({"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"})


def write(papers: Iterable[Paper]) -> Iterator[str]:
    """Yield one entry after the other. Of equal keys, the second gets -1, the third -2; only their counts are kept."""
    seen: Counter[str] = Counter()
    for paper in papers:
        key = citation_key(paper)
        yield entry(paper, f"{key}-{seen[key]}" if seen[key] else key) + "\n"
        seen[key] += 1


def entry(paper: Paper, key: str = "", *, abstract: bool = True) -> str:
    """One entry with a line break at its end; with the usual key, if none is given."""
    kind = ENTRY_TYPES.get(PaperType(paper.type), "misc")
    lines = [f"\t{name} = {value}" for name, value in fields(paper, kind).items() if abstract or name != "abstract"]
    return f"@{kind}{{{key or citation_key(paper)},\n" + ",\n".join(lines) + "\n}\n"


def fields(paper: Paper, kind: str) -> dict[str, str]:
    """The values with their braces, in the order of an entry; none that is empty."""
    texts = {
        "author": " and ".join(name(author) for author in paper.authors_in_order()),
        "title": with_formulas(str(paper), protect=True),
        CONTAINERS.get(kind, "series"): with_formulas(paper.container_title, protect=kind != "article"),
        PUBLISHERS.get(kind, "publisher"): escape(paper.publisher),
        "volume": escape(paper.volume),
        "number": escape(paper.number),
        "pages": re.sub("[-‐-―]+", "--", escape(paper.page)),
        "year": paper.year,
        "month": MONTHS[int(paper.issued[5:7]) - 1] if len(paper.issued) >= 7 else "",
        "day": paper.issued[8:10].lstrip("0"),
        "isbn": paper.isbn,
        "doi": without_braces(paper.doi or ""),
        "eprint": paper.arxiv_id or "",
        "archivePrefix": "arXiv" if paper.arxiv_id else "",
        "url": without_braces(paper.url),
        "abstract": with_formulas(" ".join(paper.abstract.split())),
    }
    return {field: text if field == "month" else f"{{{text}}}" for field, text in texts.items() if text}


def name(author: Author) -> str:
    """`von Last, Jr., First`, or a group in braces, which keep BibTeX from looking for its parts."""
    if not author.given and not author.suffix:
        return f"{{{escape(author.family)}}}"
    family, suffix, given = (
        re.sub(r"\band\b", "{and}", escape(part).replace(",", "{,}"), flags=re.IGNORECASE)
        for part in (author.family, author.suffix, author.given)
    )
    return f"{family}, {suffix}, {given}" if suffix else f"{family}, {given}"


def escape(text: str) -> str:
    escapes = ESCAPES | (PAIRED if balanced(text) else UNPAIRED)
    return "".join(escapes.get(character, character) for character in text)


def without_braces(address: str) -> str:
    """An address stands as it is, but for unbalanced braces, which would end its field."""
    return address if balanced(address) else address.replace("{", "%7B").replace("}", "%7D")


def balanced(text: str) -> bool:
    depth = 0
    for character in text:
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth < 0:
            return False
    return depth == 0


def with_formulas(text: str, *, protect: bool = False) -> str:
    pieces = []
    for place, piece in enumerate(FORMULA.split(text)):
        if place % 2 and balanced(piece):
            formula = UNESCAPED.sub(lambda character: "\\" + character[0], piece)
            pieces.append(f"{{{formula}}}")
        else:
            escaped = escape(piece)
            pieces.append(WORD.sub(protected, escaped) if protect else escaped)
    return "".join(pieces)


def protected(word: re.Match[str]) -> str:
    """A word with its capitals in braces; the first word may lose its initial, as a sentence's does."""
    looked_at = word[0][1:] if word.start() == 0 else word[0]
    return f"{{{word[0]}}}" if looked_at != looked_at.lower() else word[0]


def citation_key(paper: Paper) -> str:
    """surname_firstword_year, of a–z, 0–9, _ and - only, as Zotero makes it."""
    authors = paper.authors_in_order()
    words = [plain(word) for word in WORD.findall(FORMULA.sub(" ", paper.title))]
    word = next((word for word in words if word and word not in PASSED_OVER), "")
    surname = plain(authors[0].family.replace(" ", "_")) if authors else ""
    return f"{surname[:40] or 'noauthor'}_{word or 'notitle'}_{paper.year or 'nodate'}"


def plain(text: str) -> str:
    """In lower case, without accents and whatever a key can't hold."""
    letters = unicodedata.normalize("NFKD", text.lower().translate(LETTERS))
    return re.sub(r"[^a-z0-9_-]", "", letters)
