"""Papers as CSL records (https://docs.citationstyles.org/en/stable/specification.html, appendix IV): read and written.

The same shape in YAML and in JSON is what pandoc and Zotero exchange. arXiv identifiers stand in `archive` and
`archive_location`, the variables that CSL has for them.
"""

import datetime
from collections.abc import Mapping
from typing import Any, Literal

from django.core.exceptions import ValidationError
from django.db import transaction

from papers.errors import BadIdentifier, BadRecord
from papers.identifiers import looks_like_arxiv, parse_arxiv_id, parse_doi
from papers.models import EDTF_DATE, Author, Authorship, Paper, PaperType

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
}  # CSL's variable: our field
Name = tuple[str, str, str]  # family, given, suffix


@transaction.atomic
def record_paper(record: Mapping[str, Any]) -> tuple[Paper, Outcome]:
    """Store one CSL record; find the paper by its arXiv identifier or DOI, else by title.

    What the record leaves out stays as it is stored. Raises BadRecord, and then nothing is changed.
    """
    values, names = read_values(record), read_names(record)
    known = find_paper(values)
    paper = known or Paper()
    changed = [name for name, value in values.items() if getattr(paper, name) != value]
    for name in changed:
        setattr(paper, name, values[name])
    if changed:
        save_checked(paper)
    changed_authors = bool(names) and set_authors(paper, names)
    if known is None:
        return paper, "created"
    return paper, "updated" if changed or changed_authors else "unchanged"


def save_checked(paper: Paper) -> None:
    """Save a paper whose fields hold what the models allow. Raises BadRecord."""
    try:
        paper.full_clean(exclude=["slug"])
    except ValidationError as error:
        raise BadRecord(" ".join(f"{name}: {' '.join(texts)}" for name, texts in error.message_dict.items())) from error
    paper.save()


def read_values(record: Mapping[str, Any]) -> dict[str, Any]:
    """Our fields from a record's variables; only those that it has."""
    values: dict[str, Any] = {
        field: " ".join(str(record[name]).split())
        for name, field in TEXT_FIELDS.items()
        if record.get(name) not in (None, "")
    }
    if record.get("type"):
        if record["type"] not in PaperType.values:
            raise BadRecord(f"The type “{record['type']}” is not known. Use one of: {', '.join(PaperType.values)}.")
        values["type"] = str(record["type"])
    if record.get("issued"):
        values["issued"] = read_date(record["issued"])
    try:
        values.update(read_identifiers(record))
    except BadIdentifier as error:
        raise BadRecord(str(error)) from error
    if not (values.get("arxiv_id") or values.get("doi") or values.get("title")):
        raise BadRecord("The record has no arXiv identifier, no DOI and no title. Give it one of them.")
    return values


def read_identifiers(record: Mapping[str, Any]) -> dict[str, Any]:
    """From `DOI`, from `archive_location` where the archive is arXiv, and from an `id` like arXiv:… or doi:…."""
    found: dict[str, Any] = {}
    identifier = str(record.get("id", ""))
    if identifier.lower().startswith("arxiv:"):
        found["arxiv_id"] = parse_arxiv_id(identifier).id
    elif identifier.lower().startswith("doi:"):
        found["doi"] = parse_doi(identifier)
    if record.get("DOI"):
        found["doi"] = parse_doi(str(record["DOI"]))
    if str(record.get("archive", "")).lower() == "arxiv" and record.get("archive_location"):
        parsed = parse_arxiv_id(str(record["archive_location"]))
        found["arxiv_id"] = parsed.id
        if parsed.version:
            found["arxiv_version"] = parsed.version
    return found


def read_date(issued: Any) -> str:
    """An EDTF date, from a string, a date, or CSL's {date-parts: [[2020, 5, 28]]}."""
    if isinstance(issued, Mapping):
        parts = (issued.get("date-parts") or [[]])[0]
        text = "-".join(f"{int(part):04}" if place == 0 else f"{int(part):02}" for place, part in enumerate(parts))
    else:
        text = issued.isoformat() if isinstance(issued, datetime.date) else str(issued)
    if not EDTF_DATE.fullmatch(text):
        raise BadRecord(f"The date “{text}” can't be read. Write it as 2020, 2020-05 or 2020-05-28.")
    return text


def read_names(record: Mapping[str, Any]) -> list[Name]:
    authors = record.get("author") or []
    if not isinstance(authors, list) or not all(isinstance(author, Mapping) for author in authors):
        raise BadRecord("`author` has to be a list of names, each with family and given, or literal.")
    names = []
    for author in authors:
        particle = " ".join(
            str(author[key]) for key in ("dropping-particle", "non-dropping-particle") if author.get(key)
        )
        family = f"{particle} {author.get('family') or author.get('literal') or ''}".strip()
        if not family:
            raise BadRecord("An author has neither `family` nor `literal`.")
        names.append((family, str(author.get("given") or ""), str(author.get("suffix") or "")))
    return names


def find_paper(values: Mapping[str, Any]) -> Paper | None:
    """The stored paper that a record is about. Raises BadRecord if its identifiers belong to two papers."""
    found = {
        paper.pk: paper
        for name in ("arxiv_id", "doi")
        if values.get(name)
        for paper in Paper.objects.filter(**{name: values[name]})
    }
    if len(found) > 1:
        raise BadRecord(
            f"{values['arxiv_id']} and {values['doi']} are stored as two papers. Merge them in the admin first."
        )
    if not found and not values.get("arxiv_id") and not values.get("doi"):
        return Paper.objects.filter(title=values["title"], arxiv_id=None, doi=None).first()
    return next(iter(found.values()), None)


def set_authors(paper: Paper, names: list[Name]) -> bool:
    """Make these, in this order, the paper's authors. Return whether anything changed."""
    current = [(author.family, author.given, author.suffix) for author in paper.authors_in_order()]
    if current == names:
        return False
    paper.authorships.all().delete()
    Authorship.objects.bulk_create(
        Authorship(paper=paper, author=Author.objects.named(*name), position=position)
        for position, name in enumerate(names)
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
    return record


def as_csl_name(author: Author) -> dict[str, str]:
    if not author.given:
        return {"literal": author.family}
    name = {"family": author.family, "given": author.given}
    return name | {"suffix": author.suffix} if author.suffix else name


def paper_by_identifier(identifier: str) -> tuple[Paper, Outcome]:
    """The paper with this arXiv identifier or DOI, made with nothing but that if it isn't stored.

    The slug of a stored paper, which stands for one without either, is taken too. Raises BadIdentifier.
    """
    known = Paper.objects.filter(slug=identifier).first() or Paper.objects.identified_by(identifier).first()
    if known:
        return known, "unchanged"
    paper = Paper(arxiv_id=identifier) if looks_like_arxiv(identifier) else Paper(doi=identifier)
    paper.clean()
    paper.save()
    return paper, "created"
