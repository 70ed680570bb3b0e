from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q
from tqdm import tqdm

from papers import looking_up
from papers.errors import NotOurTurn, PapersError
from papers.gathering import gather
from papers.models import LookupState, Paper
from papers.pasting import paper_pasted

PATIENCE = 600.0  # seconds until it is our turn: nobody else waits for this command


class Command(BaseCommand):
    help = (
        "Look papers up at arXiv, Crossref and OpenAlex. Empty fields are filled; what differs from a field that has a "
        "value waits for a decision on the paper's page in the admin. arXiv allows one request in three seconds."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "identifiers", nargs="*", metavar="IDENTIFIER", help="arXiv identifier, DOI, ISBN or address"
        )
        parser.add_argument(
            "--missing", action="store_true", help="stored papers that lack title, authors, date or abstract"
        )
        parser.add_argument("--dry-run", action="store_true", help="ask the services and report, but change nothing")

    def handle(self, *, identifiers: list[str], missing: bool, dry_run: bool, **options: Any) -> None:
        if not identifiers and not missing:
            raise CommandError("Name one or more papers by arXiv identifier, DOI, ISBN or address, or give --missing.")
        self.refused: list[str] = []
        papers = [paper for text in identifiers if (paper := self.paper_named(text, dry_run))]
        papers += lacking_papers() if missing else []
        counts: Counter[str] = Counter()
        for paper in tqdm(papers, unit="paper", disable=None, leave=False):
            state, message = report_on(paper) if dry_run else look_up(paper)
            counts[state] += 1
            tqdm.write(f"{paper.identifier or paper}: {message}", file=self.stdout)
        self.stdout.write("Nothing was changed: this was a dry run.\n" if dry_run else "", ending="")
        rows = [(str(state.label).lower(), counts[state]) for state in LookupState if state != LookupState.WAITING]
        self.stdout.write("\n".join(f"{name:24}{count:6}" for name, count in [*rows, ("refused", len(self.refused))]))
        for refusal in self.refused:
            self.stderr.write(self.style.ERROR(f"refused: {refusal}"))
        if self.refused or counts[LookupState.FAILED]:
            raise CommandError("Not everything was found. Try again later, or fill in those papers by hand.")

    def paper_named(self, text: str, dry_run: bool) -> Paper | None:
        """The stored paper, or a new one, which a dry run doesn't store."""
        try:
            return paper_pasted(text, save=not dry_run)[0]
        except PapersError as error:
            self.refused.append(f"{text}: {error}")
            return None


def lacking_papers() -> list[Paper]:
    known = ~Q(arxiv_id=None) | ~Q(doi=None) | ~Q(isbn="")
    lacks = Q(title="") | Q(abstract="") | Q(issued="") | Q(authorships=None)
    return list(Paper.objects.filter(known & lacks).distinct().order_by("pk"))


def look_up(paper: Paper) -> tuple[str, str]:
    lookup = looking_up.open_lookup(paper)
    try:
        looking_up.run(lookup.pk, patience=PATIENCE)
    except NotOurTurn as error:
        return LookupState.FAILED, f"{error} A worker goes on with it."
    lookup.refresh_from_db()
    return lookup.state, lookup.message


def report_on(paper: Paper) -> tuple[str, str]:
    try:
        gathered = gather(arxiv_id=paper.arxiv_id, doi=paper.doi, isbn=paper.isbn, patience=PATIENCE)
    except NotOurTurn as error:
        return LookupState.FAILED, str(error)
    if not gathered.facts:
        return LookupState.FAILED, " ".join([*gathered.troubles, *gathered.unknown])
    if paper._state.adding:
        return LookupState.FOUND, f"It would be stored, with {looking_up.in_words(gathered.best())}."
    return LookupState.FOUND, looking_up.plan_for(paper, gathered).in_words()
