"""From what an editor pastes to a paper's record."""

from typing import Any

from django.db import IntegrityError, transaction

from papers.errors import NothingToLookUp
from papers.models import Paper, PaperQuerySet, PaperType
from papers.recognising import Recognised, recognise


def paper_pasted(text: str, *, save: bool = True) -> tuple[Paper, bool]:
    """The paper that a text names, and whether it was made for that, with nothing but its identifier.

    Raises BadIdentifier, or NothingToLookUp for a plain address that no stored paper has.
    """
    found = recognise(text)
    if known := named_by(found).first():
        return known, False
    if found.kind == "address":
        raise NothingToLookUp(
            "No arXiv identifier or DOI is in this address, so it can't be looked up. Fill in the form by hand.",
            address=found.value,
        )
    paper = Paper(**fields_of(found))
    paper.clean()
    if not save:
        return paper, True
    try:
        with transaction.atomic():
            paper.save()
    except IntegrityError:  # Somebody pasted the same at the same moment.
        return named_by(found).get(), False
    return paper, True


def fields_of(found: Recognised) -> dict[str, Any]:
    if found.kind == "arxiv":
        return {"arxiv_id": found.value, "arxiv_version": found.version}
    if found.kind == "doi":
        return {"doi": found.value}
    return {"isbn": found.value, "type": PaperType.BOOK}


def named_by(found: Recognised) -> PaperQuerySet:
    if found.kind in {"arxiv", "doi"}:
        return Paper.objects.identified_by(found.value)
    return Paper.objects.filter(**{"isbn" if found.kind == "isbn" else "url": found.value})
