"""Storing many records: papers that are new in a dozen queries for all of them, the others one by one."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from papers.csl import Outcome, new_paper, read_names, read_values, record_paper
from papers.errors import BadRecord
from papers.models import Author, Authorship, Name, Paper, PaperAlias
from papers.slugs import free_slugs

Values = dict[str, Any]
Record = Mapping[str, Any]


def store(records: Sequence[Record]) -> list[Outcome | BadRecord]:
    """Do what `record_paper` does for each record, in fewer queries; return what became of each, in their order."""
    outcomes: dict[int, Outcome | BadRecord] = {}
    new: dict[int, tuple[Paper, list[Name]]] = {}
    read: dict[int, tuple[Values, list[Name]]] = {}
    for number, record in enumerate(records):
        try:
            read[number] = read_values(record), read_names(record)
        except BadRecord as error:
            outcomes[number] = error
    for number in new_ones({number: values for number, (values, _) in read.items()}, records):
        values, names = read[number]
        try:
            new[number] = checked(records[number], values), names
        except BadRecord as error:
            outcomes[number] = error
    try:
        with transaction.atomic():
            create(list(new.values()))
        outcomes |= dict.fromkeys(new, "created")
    except IntegrityError:
        pass  # Somebody stored one of them at this moment: then one by one.
    for number, record in enumerate(records):
        if number not in outcomes:
            try:
                outcomes[number] = record_paper(record)[1]
            except BadRecord as error:
                outcomes[number] = error
    return [outcomes[number] for number in range(len(records))]


def new_ones(values: Mapping[int, Values], records: Sequence[Record]) -> list[int]:
    """The records with an identifier that nothing stored has or had, and no earlier record. Four queries.

    Those without one, and those that name an address of their own, are left to `record_paper`.
    """
    known: set[tuple[str, str]] = set()
    for name in ("arxiv_id", "doi"):
        wanted = [each[name] for each in values.values() if each.get(name)]
        for rows in (Paper.objects.all(), PaperAlias.objects.all()):
            known |= {(name, value) for value in rows.filter(**{f"{name}__in": wanted}).values_list(name, flat=True)}
    new = []
    for number, each in values.items():
        keys = {(name, each[name]) for name in ("arxiv_id", "doi") if each.get(name)}
        if keys and not keys & known and "custom" not in records[number]:
            new.append(number)
        known |= keys
    return new


def checked(record: Record, values: Values) -> Paper:
    """A paper that may be saved but for its slug and what is unique. Raises BadRecord."""
    paper = new_paper(record, values)
    for name, value in values.items():
        setattr(paper, name, value)
    paper.slug = paper.usual_slug
    try:
        paper.full_clean(exclude=["slug"], validate_unique=False, validate_constraints=False)
    except ValidationError as error:
        raise BadRecord(" ".join(f"{name}: {' '.join(texts)}" for name, texts in error.message_dict.items())) from error
    return paper


def create(papers: Sequence[tuple[Paper, list[Name]]]) -> None:
    """Store new papers with their authors. Ten queries or so."""
    slugs = free_slugs([paper.slug for paper, _ in papers], Paper.objects.all(), PaperAlias.objects.all())
    for (paper, _), slug in zip(papers, slugs, strict=True):
        paper.slug = slug
    Paper.objects.bulk_create(paper for paper, _ in papers)
    authors = Author.objects.all_named(name for _, names in papers for name in names)
    Authorship.objects.bulk_create(
        Authorship(paper=paper, author=authors[name], position=position)
        for paper, names in papers
        for position, name in enumerate(names)
    )
