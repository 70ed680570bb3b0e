"""Papers as references in a text: APA (7th edition), MLA (9th) and Chicago's author-date (18th).

Titles keep their capitals: which words of a title are names, a program can't know. What a record lacks is left out, with
the style's own words for it where it has them. Titles of works that stand alone are in <cite>, the others in quotes.
"""

import datetime
import re
from urllib.parse import quote

from django.utils import dateformat
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from papers.models import Author, Paper, PaperType

WITHIN = {PaperType.JOURNAL, PaperType.CONFERENCE, PaperType.CHAPTER}  # published within something larger
ALONE = {PaperType.BOOK, PaperType.THESIS, PaperType.REPORT}
MLA_MONTHS = ["Jan.", "Feb.", "Mar.", "Apr.", "May", "June", "July", "Aug.", "Sept.", "Oct.", "Nov.", "Dec."]
MOST_IN_APA = 20  # authors; of more, the first 19 and the last
MOST_IN_CHICAGO = 6  # of more, the first three


def apa(paper: Paper) -> SafeString:
    """Brown, T. B., & Mann, B. (2020). Title. Journal, 33(2), 1877–1901. https://…"""
    authors = [inverted(author, initials=True) for author in paper.authors_in_order()]
    if len(authors) > MOST_IN_APA:
        authors = [*authors[:19], f"… {authors[-1]}"]
        names = ", ".join(authors)
    else:
        names = listed(authors, "& ")
    year = f"({apa_date(paper)})."
    if paper.type in WITHIN:
        title = ended(str(paper))
    else:
        archived = f" (arXiv:{paper.arxiv_id})." if paper.arxiv_id and not paper.doi else "."
        title = format_html("<cite>{}</cite>{}", str(paper), archived)
    opening = [ended(names), year, title] if names else [title, year]
    return spaced(*opening, apa_source(paper), paper_address(paper))


def apa_source(paper: Paper) -> SafeString | str:
    if paper.type == PaperType.JOURNAL and paper.container_title:
        volume = format_html(", <cite>{}</cite>", paper.volume) if paper.volume else ""
        number = f"({paper.number})" if paper.number else ""
        pages = f", {dashed(paper.page)}" if paper.page else ""
        return format_html("<cite>{}</cite>{}{}{}.", paper.container_title, volume, number, pages)
    if paper.type in WITHIN and paper.container_title:
        pages = f" ({numbered_pages(paper)})" if paper.page else ""
        return spaced(format_html("In <cite>{}</cite>{}.", paper.container_title, pages), ended(paper.publisher))
    return ended(paper.publisher or paper.container_title or ("arXiv" if paper.arxiv_id else ""))


def mla(paper: Paper) -> SafeString:
    """Brown, Tom B., and Benjamin Mann. “Title.” Journal, vol. 33, no. 2, 2020, pp. 1877–901, https://…"""
    authors = paper.authors_in_order()
    names = [inverted(author) for author in authors[:1]] + [str(author) for author in authors[1:2]]
    people = f"{names[0]}, et al" if len(authors) > 2 else ", and ".join(names)
    details = [
        format_html("<cite>{}</cite>", container) if (container := mla_container(paper)) else "",
        f"vol. {paper.volume}" if paper.volume else "",
        f"no. {paper.number}" if paper.number else "",
        paper.publisher,
        mla_date(paper),
        numbered_pages(paper),
        paper_address(paper),
    ]
    told = format_html_join(", ", "{}", [(detail,) for detail in details if detail])
    return spaced(ended(people), title_of(paper), format_html("{}.", told) if told else "")


def mla_container(paper: Paper) -> str:
    return paper.container_title or ("arXiv" if paper.type == PaperType.PREPRINT and paper.arxiv_id else "")


def chicago(paper: Paper) -> SafeString:
    """Brown, Tom B., and Benjamin Mann. 2020. “Title.” Journal 33 (2): 1877–1901. https://…"""
    authors = paper.authors_in_order()
    shown = authors if len(authors) <= MOST_IN_CHICAGO else authors[:3]
    names = [inverted(author) for author in shown[:1]] + [str(author) for author in shown[1:]]
    people = ", ".join(names) + ", et al" if len(authors) > len(shown) else listed(names, "and ")
    year = ended(paper.year or "n.d.")
    title = title_of(paper)
    opening = [ended(people), year, title] if people else [title, year]
    return spaced(*opening, chicago_source(paper), paper_address(paper, "."))


def chicago_source(paper: Paper) -> SafeString | str:
    pages = dashed(paper.page)
    if paper.type == PaperType.JOURNAL and paper.container_title:
        volume = f" {paper.volume}" if paper.volume else ""
        number = f" ({paper.number})" if paper.number else ""
        return format_html(
            "<cite>{}</cite>{}{}{}.", paper.container_title, volume, number, f": {pages}" if pages else ""
        )
    if paper.type in WITHIN and paper.container_title:
        within = format_html("In <cite>{}</cite>{}.", paper.container_title, f", {pages}" if pages else "")
        return spaced(within, ended(paper.publisher))
    if paper.type == PaperType.PREPRINT:
        parts = "Preprint", mla_container(paper) or paper.publisher, issued(paper, "F", "F j", "")
        return ended(", ".join(part for part in parts if part))
    return ended(paper.publisher or paper.container_title)


STYLES = {"APA": apa, "MLA": mla, "Chicago": chicago}


# Pieces


def inverted(author: Author, *, initials: bool = False) -> str:
    """Family name first; a group as it is."""
    given = initials_of(author.given) if initials else author.given
    return ", ".join(part for part in (author.family, given, author.suffix) if part)


def initials_of(given: str) -> str:
    """J.-P. for Jean-Pierre, T. B. for Tom B."""
    return " ".join("-".join(f"{part[0]}." for part in word.split("-") if part) for word in given.split())


def listed(names: list[str], last: str) -> str:
    """a, b, and c: a comma before the last one even of two, since the first has its own."""
    return ", ".join(names) if len(names) < 2 else f"{', '.join(names[:-1])}, {last}{names[-1]}"


def stop(text: str) -> str:
    return "" if text.endswith((".", "?", "!", "…")) else "."


def ended(text: str) -> str:
    return text + stop(text) if text else ""


def title_of(paper: Paper) -> SafeString:
    """As MLA and Chicago write it: of a work that stands alone as such, else in double quotes, its own in single ones."""
    title = str(paper)
    if paper.type in ALONE:
        return format_html("<cite>{}</cite>{}", title, stop(title))
    title = re.sub(r'"([^"]*)"', r"‘\1’", title.translate({ord("“"): "‘", ord("”"): "’"}))
    return format_html("“{}{}”", title, stop(title))


def dashed(pages: str) -> str:
    """Pages with the dash that typographers set: 1877–1901."""
    return re.sub(r"\s*[-‐-―]+\s*", "–", pages)


def numbered_pages(paper: Paper) -> str:
    pages = dashed(paper.page)
    return f"{'pp.' if '–' in pages else 'p.'} {pages}" if pages else ""


def apa_date(paper: Paper) -> str:
    if paper.type in {PaperType.WEBPAGE, PaperType.DOCUMENT}:
        return issued(paper, "Y, F", "Y, F j") or "n.d."
    return paper.year or "n.d."


def mla_date(paper: Paper) -> str:
    if paper.type in WITHIN | {PaperType.BOOK} or len(paper.issued) <= 4:
        return paper.year
    month = MLA_MONTHS[int(paper.issued[5:7]) - 1]
    return f"{issued(paper, '', 'j ')}{month} {paper.year}"


def issued(paper: Paper, month: str, day: str, year: str = "Y") -> str:
    """The date in Django's format for a year, a month or a day: as exact as it is known."""
    if not paper.issued:
        return ""
    first_day = datetime.date.fromisoformat(paper.issued + "-01-01"[len(paper.issued) - 4 :])
    return dateformat.format(first_day, {4: year, 7: month, 10: day}[len(paper.issued)])


def paper_address(paper: Paper, end: str = "") -> str:
    """Where the paper is: its DOI, else arXiv, else its own address."""
    address = f"https://doi.org/{quote(paper.doi, safe='/:;()._-')}" if paper.doi else paper.arxiv_url or paper.url
    return address + end if address else ""


def spaced(*pieces: str) -> SafeString:
    return mark_safe(" ".join(format_html("{}", piece) for piece in pieces if piece))
