"""Papers as CSL records (https://docs.citationstyles.org/en/stable/specification.html, appendix IV): read and written.

The same shape in YAML and in JSON is what pandoc and Zotero exchange. arXiv identifiers stand in `archive` and
`archive_location`, the variables that CSL has for them.
"""

import datetime
import re
from collections.abc import Mapping
from typing import Any, Literal

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.text import slugify

from papers.errors import BadIdentifier, BadRecord
from papers.identifiers import looks_like_arxiv, parse_arxiv_id, parse_doi, parse_isbn
from papers.models import Author, Authorship, Name, Paper, PaperType, is_edtf_date
from papers.slugs import free_slug

Outcome = Literal["created", "updated", "unchanged"]
TEXT_FIELDS = {
    "title": "title",
    "abstract": "abstract",
    "container-title": "container_title",
    "publisher": "publisher",
    "volume": "volume",
    "issue": "number",
    "page": "page",
    "URL": "url",
    "ISBN": "isbn",
}  # CSL's variable: our field
MARKUP = re.compile(r"</?(?:i|b|em|strong|sup|sub|sc|span|p|jats:[a-z-]+)(?:\s[^<>]*)?/?>", re.IGNORECASE)


@transaction.atomic
def record_paper(record: Mapping[str, Any]) -> tuple[Paper, Outcome]:
    """Store one CSL record; find the paper by its arXiv identifier or DOI, else by its slug in `id`, or its title.

    What the record leaves out stays as it is stored. A type that papers don't have becomes that of a document, if the
    paper is new. Raises BadRecord, and then nothing is changed.
    """
    values, names = read_values(record), read_names(record)
    known = find_paper(record, values)
    paper = known or new_paper(record, values)
    if known:
        values = without_former_identifiers(known, values)
    changed = [name for name, value in values.items() if getattr(paper, name) != value]
    for name in changed:
        setattr(paper, name, values[name])
    if changed:
        save_checked(paper)
    changed_authors = bool(names) and set_authors(paper, names)
    if known is None:
        return paper, "created"
    return paper, "updated" if changed or changed_authors else "unchanged"


def without_former_identifiers(paper: Paper, values: dict[str, Any]) -> dict[str, Any]:
    """Leave out identifiers by which a paper that was merged into this one is known: it keeps its own."""
    former = {getattr(alias, name) for alias in paper.aliases.all() for name in ("arxiv_id", "doi")} - {None}
    return {name: value for name, value in values.items() if name not in ("arxiv_id", "doi") or value not in former}


def new_paper(record: Mapping[str, Any], values: Mapping[str, Any]) -> Paper:
    """With the slug that `custom` names, as in our own records; `id` is one for a paper that has no identifier."""
    paper = Paper(type=PaperType.DOCUMENT if record.get("type") else PaperType.PREPRINT)
    custom, identifier = record.get("custom"), text_of(record, "id")
    slug = text_of(custom, "slug") if isinstance(custom, Mapping) else ""
    if not slug and not values.get("arxiv_id") and not values.get("doi"):
        slug = identifier
    if slug and slug == slugify(slug):
        paper.slug = free_slug(Paper.objects.all(), slug)
    return paper


def save_checked(paper: Paper) -> None:
    """Save a paper whose fields hold what the models allow. Raises BadRecord."""
    try:
        paper.full_clean(exclude=["slug"])
    except ValidationError as error:
        raise BadRecord(" ".join(f"{name}: {' '.join(texts)}" for name, texts in error.message_dict.items())) from error
    paper.save()


def text_of(record: Mapping[str, Any], name: str) -> str:
    """One variable as a text on one line; of a list, as Crossref has them, the first. Raises BadRecord."""
    value = record.get(name)
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, Mapping | list):
        raise BadRecord(f"`{name}` has to be one text.")
    return "" if value is None else " ".join(str(value).split())


def read_values(record: Mapping[str, Any]) -> dict[str, Any]:
    """Our fields from a record's variables, without markup; only those that it has."""
    texts = {field: MARKUP.sub("", text_of(record, name)).strip() for name, field in TEXT_FIELDS.items()}
    values: dict[str, Any] = {field: text for field, text in texts.items() if text}
    if record.get("type") in PaperType.values:
        values["type"] = str(record["type"])
    if issued := read_date(record.get("issued")):
        values["issued"] = issued
    try:
        if isbn := values.get("isbn"):
            values["isbn"] = read_isbn(isbn)
        values.update(read_identifiers(record))
    except BadIdentifier as error:
        raise BadRecord(str(error)) from error
    if not (values.get("arxiv_id") or values.get("doi") or values.get("title")):
        raise BadRecord("The record has no arXiv identifier, no DOI and no title. Give it one of them.")
    return values


def read_isbn(text: str) -> str:
    """The first of those in `ISBN`, as Zotero puts all that a book has there. Raises BadIdentifier if none is one."""
    several = re.split(r"[,;]\s*|\s+(?=97[89])", text)
    for each in several[:-1]:
        try:
            return parse_isbn(each)
        except BadIdentifier:
            continue
    return parse_isbn(several[-1])


def read_identifiers(record: Mapping[str, Any]) -> dict[str, Any]:
    """The arXiv identifier, its version, and the DOI. Raises BadIdentifier."""
    found: dict[str, Any] = {}
    for text in identifiers_in(record):
        if looks_like_arxiv(text) or text.lower().startswith("arxiv:"):
            parsed = parse_arxiv_id(text)
            if found.setdefault("arxiv_id", parsed.id) == parsed.id and parsed.version:
                found["arxiv_version"] = parsed.version
        else:
            found.setdefault("doi", parse_doi(text))
    return found


def identifiers_in(record: Mapping[str, Any]) -> list[str]:
    """From `id`, from `DOI`, from `archive_location` if the archive is arXiv, and from `number` and `URL` (Zotero)."""
    identifier, doi = text_of(record, "id"), text_of(record, "DOI")
    location = text_of(record, "archive_location") if text_of(record, "archive").lower() == "arxiv" else ""
    named = looks_like_arxiv(identifier) or identifier.lower().startswith(("arxiv:", "doi:", "10."))
    others = [text for name in ("number", "URL") if looks_like_arxiv(text := text_of(record, name))]
    return [text for text in (identifier if named else "", doi, location, *others) if text]


def read_date(issued: Any) -> str:
    """An EDTF date; empty if there is none.

    From a text, a date, CSL's {date-parts: [[2020, 5, 28]]}, or {year: 2020, month: 5}, be it in a list, as Better
    BibTeX and older pandoc write it. Of a range, the beginning. Raises BadRecord.
    """
    if isinstance(issued, list):
        issued = issued[0] if issued else None
    if isinstance(issued, Mapping):
        text = read_date_parts(issued) or text_of(issued, "raw") or text_of(issued, "literal")
    elif issued is None or isinstance(issued, list):
        text = ""
    else:
        text = issued.isoformat() if isinstance(issued, datetime.date) else str(issued).strip()
    text = re.split("[T/]", text)[0]
    if text and not is_edtf_date(text):
        raise BadRecord(f"The date “{text}” can't be read. Write it as 2020, 2020-05 or 2020-05-28.")
    return text


def read_date_parts(issued: Mapping[str, Any]) -> str:
    parts = issued.get("date-parts") or [[issued.get(name) for name in ("year", "month", "day")]]
    try:
        numbers = [int(part) for part in parts[0] if part not in (None, "")]
    except (TypeError, ValueError, IndexError, KeyError) as error:
        raise BadRecord("`date-parts` has to be a list like [[2020, 5, 28]].") from error
    return "-".join(f"{number:0{2 if place else 4}}" for place, number in enumerate(numbers))


def read_names(record: Mapping[str, Any]) -> list[Name]:
    authors = record.get("author") or []
    if not isinstance(authors, list) or not all(isinstance(author, Mapping) for author in authors):
        raise BadRecord("`author` has to be a list of names, each with family and given, or literal.")
    return [read_name(author) for author in authors]


def read_name(author: Mapping[str, Any]) -> Name:
    parts = "dropping-particle", "non-dropping-particle", "family"
    family = " ".join(text for part in parts if (text := text_of(author, part))) or text_of(author, "literal")
    if not family:
        raise BadRecord("An author has neither `family` nor `literal`.")
    name = Author(family=family, given=text_of(author, "given"), suffix=text_of(author, "suffix"))
    try:
        name.clean_fields(exclude=["slug"])
    except ValidationError as error:
        raise BadRecord(f"The author “{family[:60]}”: {' '.join(error.messages)}") from error
    return name.family, name.given, name.suffix


def find_paper(record: Mapping[str, Any], values: Mapping[str, Any]) -> Paper | None:
    """The stored paper that a record is about. Raises BadRecord if its identifiers belong to two papers."""
    found = {
        paper.pk: paper
        for name in ("arxiv_id", "doi")
        if values.get(name)
        for paper in Paper.objects.known_by(name, values[name])
    }
    if len(found) > 1:
        raise BadRecord(
            f"{values['arxiv_id']} and {values['doi']} are stored as two papers. Merge them in the admin first."
        )
    if values.get("arxiv_id") or values.get("doi"):
        return next(iter(found.values()), None)
    unidentified = Paper.objects.filter(arxiv_id=None, doi=None)
    slug = text_of(record, "id")
    return unidentified.filter(slug=slug).first() or unidentified.filter(title=values["title"]).first()


def set_authors(paper: Paper, names: list[Name]) -> bool:
    """Make these, in this order, the paper's authors. Return whether anything changed. Twelve queries at most."""
    current = paper.authorships.values_list("author__family", "author__given", "author__suffix")
    if list(current) == names:
        return False
    authors = Author.objects.all_named(names)
    paper.authorships.all().delete()
    Authorship.objects.bulk_create(
        Authorship(paper=paper, author=authors[name], position=position) for position, name in enumerate(names)
    )
    return True


def as_csl(paper: Paper) -> dict[str, Any]:
    """Return the CSL record of a paper. No query after `with_authors()`."""
    record: dict[str, Any] = {"id": paper.identifier or paper.slug, "type": paper.type}
    record |= {name: getattr(paper, field) for name, field in TEXT_FIELDS.items() if getattr(paper, field)}
    if authors := [as_csl_name(author) for author in paper.authors_in_order()]:
        record["author"] = authors
    if paper.issued:
        record["issued"] = paper.issued
    if paper.doi:
        record["DOI"] = paper.doi
    if paper.arxiv_id:
        version = f"v{paper.arxiv_version}" if paper.arxiv_version else ""
        record |= {"archive": "arXiv", "archive_location": paper.arxiv_id + version}
    if paper.slug not in {paper.usual_slug, record["id"]}:
        record["custom"] = {"slug": paper.slug}
    return record


def as_csl_name(author: Author) -> dict[str, str]:
    if not author.given and not author.suffix:
        return {"literal": author.family}
    name = {"family": author.family, "given": author.given, "suffix": author.suffix}
    return {part: text for part, text in name.items() if text}


def paper_by_identifier(identifier: str) -> tuple[Paper, Outcome]:
    """The paper with this arXiv identifier or DOI, made with nothing but that if it isn't stored.

    The slug of a stored paper, which stands for one without either, is taken too. Raises BadIdentifier.
    """
    try:
        known = Paper.objects.identified_by(identifier).first()
    except BadIdentifier:
        if known := Paper.objects.filter(slug=identifier).first():
            return known, "unchanged"
        raise
    if known:
        return known, "unchanged"
    paper = Paper(arxiv_id=identifier) if looks_like_arxiv(identifier) else Paper(doi=identifier)
    paper.clean()
    paper.save()
    return paper, "created"
