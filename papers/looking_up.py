"""Looking papers up: empty fields are filled, and whatever differs from a field that has a value is proposed.

So nothing that was typed is ever overwritten by itself; an editor accepts or refuses each difference.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from papers.csl import set_authors
from papers.errors import BadRecord, NothingToLookUp
from papers.gathering import Gathered, Said, gather, letters
from papers.models import Decision, FieldProposal, Lookup, LookupState, Paper
from papers.sources.http import PATIENCE
from papers.watching import propose_updates

FIELDS = (
    "title", "type", "authors", "issued", "container_title", "publisher", "volume", "number", "page", "doi", "arxiv_id",
    "arxiv_version", "isbn", "abstract",
)  # fmt: skip
KEPT_LOOKUPS = 5  # of a paper
FORGOTTEN_AFTER = timedelta(minutes=10)  # a task may be lost with its worker
GIVEN_UP_AFTER = timedelta(days=1)


@dataclass
class Plan:
    """What a lookup fills in, what it proposes, and notes for the editor."""

    filled: dict[str, Said] = field(default_factory=dict)
    proposed: dict[str, Said] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def in_words(self) -> str:
        sentences = []
        if self.filled:
            sentences.append(f"Filled in: {in_words(self.filled)}.")
        if self.proposed:
            sentences.append(f"To be decided: {in_words(self.proposed)}.")
        if not sentences:
            sentences.append("Nothing new.")
        return " ".join([*sentences, *self.notes])


def open_lookup(paper: Paper, by: User | None = None) -> Lookup:
    """The lookup of the paper that waits for a worker, made if there is none. Raises NothingToLookUp."""
    if not (paper.arxiv_id or paper.doi or paper.isbn):
        raise NothingToLookUp(
            "The paper has no arXiv identifier, DOI or ISBN to look it up by. Give it one and save first."
        )
    lookup, _ = Lookup.objects.get_or_create(paper=paper, state=LookupState.WAITING, defaults={"requested_by": by})
    return lookup


def run(lookup_id: int, *, patience: float = PATIENCE) -> None:
    """Look the paper up and finish the lookup. Safe to call twice. Raises NotOurTurn, and then it waits on."""
    lookup = Lookup.objects.select_related("paper").filter(pk=lookup_id, state=LookupState.WAITING).first()
    if lookup is None:
        return
    paper = lookup.paper
    gathered = gather(arxiv_id=paper.arxiv_id, doi=paper.doi, isbn=paper.isbn, patience=patience)
    with transaction.atomic():
        locked = Paper.objects.select_for_update().filter(pk=paper.pk).first()
        if locked is None or not locked.lookups.filter(pk=lookup_id, state=LookupState.WAITING).exists():
            return  # Another worker was faster, or the paper was deleted or merged meanwhile.
        paper = locked
        plan = carry_out(paper, gathered) if gathered.facts else None
        lookup.state = LookupState.FOUND if plan else LookupState.FAILED
        lookup.message = plan.in_words() if plan else " ".join([*gathered.troubles, *gathered.unknown])
        lookup.finished_at = timezone.now()
        lookup.save(update_fields=["state", "message", "finished_at"])
        newest = list(paper.lookups.values_list("pk", flat=True)[:KEPT_LOOKUPS])
        paper.lookups.exclude(pk__in=newest).delete()


def carry_out(paper: Paper, gathered: Gathered) -> Plan:
    """Fill empty fields, and renew the proposals for the others. In a transaction that has locked the paper."""
    plan = plan_for(paper, gathered)
    for name, (value, _) in plan.filled.items():
        set_value(paper, name, value)
    if plan.filled:
        paper.save(update_fields=[*(name for name in plan.filled if name != "authors"), "updated_at"])
    paper.field_proposals.filter(state=Decision.PROPOSED).delete()
    FieldProposal.objects.bulk_create(
        FieldProposal(paper=paper, field=name, value=value, source=source)
        for name, (value, source) in plan.proposed.items()
    )
    propose_updates(paper, gathered)
    return plan


def plan_for(paper: Paper, gathered: Gathered) -> Plan:
    """Compare a stored paper with what was gathered. Nothing is changed; up to five queries."""
    plan = Plan(notes=[*gathered.troubles])
    best = {name: Said(fitting(name, said.value), said.source) for name, said in gathered.best().items()}
    refused = {
        (name, repr(value))
        for name, value in paper.field_proposals.filter(state=Decision.REFUSED).values_list("field", "value")
    }
    is_bare = not paper.title
    for name in [each for each in FIELDS if each in best]:
        current, value = current_value(paper, name), best[name].value
        if name in {"doi", "arxiv_id"} and (other := Paper.objects.exclude(pk=paper.pk).known_by(name, value).first()):
            plan.notes.append(f"Its {label(name)} {value} is that of another stored paper, “{other}”: merge the two.")
        elif not current or (name == "type" and is_bare):
            plan.filled[name] = best[name]
        elif not agree(name, current, value) and (name, repr(value)) not in refused:
            plan.proposed[name] = best[name]
    return plan


def fitting(name: str, value: Any) -> Any:
    """Cut to what the column holds."""
    longest = getattr(Paper._meta.get_field(name), "max_length", None)
    return f"{value[: longest - 1]}…" if isinstance(value, str) and longest and len(value) > longest else value


def current_value(paper: Paper, name: str) -> Any:
    if name == "authors":
        return [[author.family, author.given, author.suffix] for author in paper.authors_in_order()]
    return getattr(paper, name)


def agree(name: str, current: Any, found: Any) -> bool:
    """Whether what was found is the same but for case and punctuation, or a less exact date."""
    if name == "issued":
        return bool(current.startswith(found))
    if isinstance(current, str):
        return letters(current) == letters(found)
    return bool(current == found)


def set_value(paper: Paper, name: str, value: Any) -> None:
    """Authors are stored at once, other fields when the paper is saved. A name that is too long is cut."""
    if name == "authors":
        set_authors(paper, [(family[:200], given[:200], suffix[:20]) for family, given, suffix in value])
    else:
        setattr(paper, name, value)


def in_words(names: Iterable[str]) -> str:
    return ", ".join(map(label, names))


def label(name: str) -> str:
    return "authors" if name == "authors" else str(getattr(Paper._meta.get_field(name), "verbose_name", name))


@transaction.atomic
def decide(proposal: FieldProposal, decision: Decision, by: User | None) -> bool:
    """Accept or refuse a proposed value; return False if that was decided already.

    Raises BadRecord if the paper can't have the value, and then it stays proposed.
    """
    open_proposal = FieldProposal.objects.filter(pk=proposal.pk, state=Decision.PROPOSED)
    if not open_proposal.update(state=decision, decided_by=by, decided_at=timezone.now()):
        return False
    if decision == Decision.ACCEPTED:
        paper = Paper.objects.select_for_update().get(pk=proposal.paper_id)
        set_value(paper, proposal.field, proposal.value)
        try:
            paper.full_clean(exclude=["slug"])
        except ValidationError as error:
            raise BadRecord(" ".join(error.messages)) from error
        fields = [] if proposal.field == "authors" else [proposal.field]
        paper.save(update_fields=[*fields, "updated_at"])
    return True


def waiting_too_long() -> list[int]:
    """The oldest lookups whose task was lost. Those that waited a day are given up, with a sentence."""
    now = timezone.now()
    waiting = Lookup.objects.filter(state=LookupState.WAITING)
    waiting.filter(requested_at__lt=now - GIVEN_UP_AFTER).update(
        state=LookupState.FAILED, message="The services could not be asked for a day.", finished_at=now
    )
    lost = waiting.filter(requested_at__lt=now - FORGOTTEN_AFTER).order_by("requested_at", "pk")
    return list(lost.values_list("pk", flat=True)[:20])
