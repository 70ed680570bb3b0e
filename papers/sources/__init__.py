"""The services of paper metadata. Each module asks one of them and gives back `Facts`; `fetch` keeps answers a day."""

from datetime import timedelta

from django.utils import timezone

from papers.models import Source, SourceAnswer
from papers.sources.arxiv import fetch_arxiv
from papers.sources.crossref import fetch_book, fetch_crossref
from papers.sources.facts import Facts
from papers.sources.http import PATIENCE
from papers.sources.openalex import fetch_openalex

__all__ = ["Facts", "Source", "fetch", "forget_old_answers"]

KEPT = timedelta(days=1)  # arXiv's metadata changes once a day


def fetch(source: Source, identifier: str, *, patience: float = PATIENCE) -> Facts:
    """What a service says about an identifier in our normalised form: asked at most once a day, if it answered.

    arXiv takes its own identifiers, Crossref DOIs and `isbn:…`, OpenAlex DOIs. `patience` is how many seconds may pass
    until it is our turn to ask. Raises SourceError.
    """
    kept = SourceAnswer.objects.filter(
        source=source, identifier=identifier, fetched_at__gt=timezone.now() - KEPT
    ).first()
    if kept:
        return Facts.from_json(source, kept.facts)
    if source == Source.ARXIV:
        facts = fetch_arxiv(identifier, patience=patience)
    elif source == Source.OPENALEX:
        facts = fetch_openalex(identifier, patience=patience)
    elif identifier.startswith("isbn:"):
        facts = fetch_book(identifier.removeprefix("isbn:"), patience=patience)
    else:
        facts = fetch_crossref(identifier, patience=patience)
    SourceAnswer.objects.update_or_create(
        source=source, identifier=identifier, defaults={"facts": facts.as_json(), "fetched_at": timezone.now()}
    )
    return facts


def forget_old_answers() -> None:
    """Those that `fetch` would not take any more."""
    SourceAnswer.objects.filter(fetched_at__lte=timezone.now() - KEPT).delete()
