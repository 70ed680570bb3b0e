"""Asking the services about one paper, each once, and putting what they say together."""

import re
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from papers.errors import NotOurTurn, PaperNotFound, SourceError
from papers.sources import Facts, Source, fetch
from papers.sources.http import PATIENCE

# Where the services disagree, the first that knows a fact is believed: Crossref describes what was published, arXiv the
# preprint. Only abstracts come from arXiv first, as there they are as their authors wrote them.
PREFERENCE = (Source.CROSSREF, Source.ARXIV, Source.OPENALEX)
PREFERENCE_OF_ABSTRACTS = (Source.ARXIV, Source.CROSSREF, Source.OPENALEX)
SAME_TITLE = 0.8  # of SequenceMatcher's ratio, which is 1 for equal titles
SIMILAR_TITLE = 0.4  # enough if the first author is the same, as titles change between preprint and journal


class Said(NamedTuple):
    value: Any
    source: Source


@dataclass
class Gathered:
    """What each service said, and sentences about those that said nothing."""

    facts: dict[Source, Facts] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)  # who doesn't know the paper: only of interest if nobody does

    def ask(self, source: Source, identifier: str, *, patience: float, is_ours: bool = False) -> None:
        """Of an identifier that is not the paper's own, the answer has to be about the same paper as the others.

        Raises NotOurTurn.
        """
        try:
            facts = fetch(source, identifier, patience=patience)
        except NotOurTurn:
            raise
        except PaperNotFound as error:
            self.unknown.append(str(error))
        except SourceError as error:
            self.troubles.append(str(error))
        else:
            if is_ours or all(is_same_work(facts, other) for other in self.facts.values()):
                self.facts[source] = facts
            else:
                title = facts.values.get("title", "")
                self.troubles.append(f"{source.label}'s record of {identifier}, “{title}”, is of another paper.")
                self.forget(identifier)

    def forget(self, identifier: str) -> None:
        """Nobody's word counts for an identifier that turned out to be of another paper."""
        for facts in self.facts.values():
            for name in [name for name, value in facts.values.items() if value == identifier]:
                del facts.values[name]

    def best(self) -> dict[str, Said]:
        """For each of our fields, and `authors`, the word of the service that counts most. Authors are lists."""
        best: dict[str, Said] = {}
        for source in reversed(PREFERENCE):
            if facts := self.facts.get(source):
                best |= {name: Said(value, source) for name, value in facts.values.items()}
                if facts.authors:
                    best["authors"] = Said([list(name) for name in facts.authors], source)
        for source in reversed(PREFERENCE_OF_ABSTRACTS):
            if source in self.facts and "abstract" in self.facts[source].values:
                best["abstract"] = Said(self.facts[source].values["abstract"], source)
        return best

    def said_of(self, name: str) -> str:
        return str(next((facts.values[name] for facts in self.facts.values() if name in facts.values), ""))


def gather(*, arxiv_id: str | None, doi: str | None, isbn: str = "", patience: float = PATIENCE) -> Gathered:
    """Ask all that know papers by these identifiers, and go on to what these say is the same paper.

    `patience` is in seconds, for each request. Raises NotOurTurn; what was found until then is kept for the next time.
    """
    gathered = Gathered()
    if arxiv_id:
        gathered.ask(Source.ARXIV, arxiv_id, is_ours=True, patience=patience)
    if doi:
        gathered.ask(Source.CROSSREF, doi, is_ours=True, patience=patience)
    elif isbn:
        gathered.ask(Source.CROSSREF, f"isbn:{isbn}", is_ours=True, patience=patience)
    author_given = gathered.said_of("doi")
    if author_given and Source.CROSSREF not in gathered.facts and not doi:
        gathered.ask(Source.CROSSREF, author_given, patience=patience)
    if any_doi := doi or (f"10.48550/arxiv.{arxiv_id}" if arxiv_id else author_given):
        gathered.ask(Source.OPENALEX, any_doi, patience=patience)
    published = gathered.said_of("doi")
    if published not in {"", doi, author_given} and Source.CROSSREF not in gathered.facts:
        gathered.ask(Source.CROSSREF, published, patience=patience)
    preprint = gathered.said_of("arxiv_id")
    if preprint and not arxiv_id:
        gathered.ask(Source.ARXIV, preprint, patience=patience)
    return gathered


def is_same_work(one: Facts, other: Facts) -> bool:
    """Whether title and first author agree, as far as they are known."""
    title, other_title = (letters(facts.values.get("title", "")) for facts in (one, other))
    if not title or not other_title:
        return True
    likeness = SequenceMatcher(None, title, other_title, autojunk=False).ratio()
    firsts = [letters(facts.authors[0][0]) if facts.authors else "" for facts in (one, other)]
    return likeness >= SAME_TITLE or (likeness >= SIMILAR_TITLE and bool(firsts[0]) and firsts[0] == firsts[1])


def letters(text: str) -> str:
    """What is left of a text for comparing: letters and digits, case folded."""
    return re.sub(r"[\W_]+", "", text.casefold())
