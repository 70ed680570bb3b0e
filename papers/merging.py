"""Making one row of two or more that are the same thing. Whatever refers to a duplicate then refers to the row that stays.

`chosen` says for each field from which of the rows its value is taken; fields that it leaves out keep theirs. Each merge
is one transaction, and raises ValidationError, with nothing changed, if the values don't go together.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from django.db import models, transaction

from papers.models import Author, AuthorAlias, Paper, PaperAlias, Resource, ResourceAlias

Row = TypeVar("Row", bound=models.Model)
IDENTIFIERS = "arxiv_id", "doi"


@transaction.atomic
def merge_papers(kept: Paper, duplicates: Sequence[Paper], chosen: Mapping[str, Paper]) -> None:
    """Also for `authors`: the whole list is one paper's. Former slugs and identifiers go on leading to the paper."""
    rows = [kept, *duplicates]
    values = chosen_values(chosen, leaving_out="authors")
    if arxiv := chosen.get("arxiv_id"):
        values["arxiv_version"] = arxiv.arxiv_version
    author_list = chosen.get("authors", kept)
    for row in rows:
        if row != author_list:
            row.authorships.all().delete()
    author_list.authorships.update(paper=kept)
    dropped = {name: dropped_values(rows, name, values.get(name, getattr(kept, name))) for name in IDENTIFIERS}
    for duplicate in duplicates:
        slug = duplicate.slug
        absorb(kept, duplicate)
        PaperAlias.objects.create(paper=kept, slug=slug, **{name: next(dropped[name], None) for name in IDENTIFIERS})
    save_with(kept, values)


def dropped_values(rows: Sequence[models.Model], name: str, final: Any) -> Iterator[Any]:
    """The identifiers that the merged row won't have itself: no more of them than there are duplicates."""
    return iter([value for row in rows if (value := getattr(row, name)) not in (None, final)])


@transaction.atomic
def merge_authors(kept: Author, duplicates: Sequence[Author], chosen: Mapping[str, Author]) -> None:
    """A paper that names two of them names the one that stays once, at the first place. Former names find the author."""
    values = chosen_values(chosen)
    rows = [kept, *duplicates]
    former = [(row.family, row.given, row.suffix, row.slug) for row in rows]
    for duplicate in duplicates:
        drop_second_mentions(kept, duplicate)
        absorb(kept, duplicate)
    save_with(kept, values)
    for family, given, suffix, slug in former:
        names = {"family": family, "given": given, "suffix": suffix}
        if slug != kept.slug:
            AuthorAlias.objects.filter(models.Q(**names) | models.Q(slug=slug)).delete()
            AuthorAlias.objects.create(author=kept, slug=slug, **names)


def drop_second_mentions(kept: Author, duplicate: Author) -> None:
    for authorship in duplicate.authorships.filter(paper__in=kept.papers.values("pk")):
        both = kept.authorships.filter(paper=authorship.paper_id) | duplicate.authorships.filter(
            paper=authorship.paper_id
        )
        both.exclude(pk=both.order_by("position").values("pk")[:1]).delete()


@transaction.atomic
def merge_resources(kept: Resource, duplicates: Sequence[Resource], chosen: Mapping[str, Resource]) -> None:
    """Former addresses find the resource when they are imported again."""
    values = chosen_values(chosen)
    addresses = {row.url for row in (kept, *duplicates)} - {values.get("url", kept.url)}
    if checked := chosen.get("url"):
        for name in ("state", "checked_at", "failing_since", "finding", "final_url"):
            values[name] = getattr(checked, name)
    for duplicate in duplicates:
        absorb(kept, duplicate)
    save_with(kept, values)
    for address in sorted(addresses):
        ResourceAlias.objects.update_or_create(url=address, defaults={"resource": kept})


# What all merges have in common


def chosen_values(chosen: Mapping[str, models.Model], *, leaving_out: str = "") -> dict[str, Any]:
    return {name: getattr(row, name) for name, row in chosen.items() if name != leaving_out}


def save_with(row: models.Model, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        setattr(row, name, value)
    row.full_clean()
    row.save()


def absorb(kept: Row, duplicate: Row) -> None:
    """Make what refers to the duplicate refer to the row that stays, and delete the duplicate."""
    for relation in related(type(duplicate)):
        move_rows(relation.related_model, relation.field.name, kept, duplicate)
    duplicate.delete()


def related(model: type[models.Model]) -> Iterator[Any]:
    """The foreign keys to a model, those of its many-to-many tables among them."""
    for relation in model._meta.get_fields(include_hidden=True):
        if relation.auto_created and not relation.concrete and (relation.one_to_many or relation.one_to_one):
            yield relation


def move_rows(model: type[models.Model], name: str, kept: models.Model, duplicate: models.Model) -> None:
    """Rows that the one that stays has already, in the sense of a unique constraint, go with the duplicate."""
    every = model._base_manager.all()
    rows = every.filter(**{name: duplicate})
    for others, condition in unique_together_with(model, name):
        same = every.filter(condition, **{name: kept}, **{other: models.OuterRef(other) for other in others})
        rows.filter(condition).filter(models.Exists(same)).delete()
    rows.update(**{name: kept})


def unique_together_with(model: type[models.Model], name: str) -> Iterator[tuple[list[str], models.Q]]:
    """The other fields of each unique constraint that holds the field, and the rows for which it holds."""
    if getattr(model._meta.get_field(name), "unique", False):
        yield [], models.Q()
    together: list[tuple[Sequence[str], models.Q]] = [(fields, models.Q()) for fields in model._meta.unique_together]
    together += [
        (constraint.fields, constraint.condition or models.Q())
        for constraint in model._meta.constraints
        if isinstance(constraint, models.UniqueConstraint)
    ]
    for fields, condition in together:
        if name in fields:
            yield [field for field in fields if field != name], condition
