"""Looking again at papers that stories are about: what happened since becomes a line that an editor accepts or refuses."""

from datetime import date, timedelta

from django.db import models
from django.utils import dateformat, timezone

from papers.gathering import Gathered
from papers.models import Paper, PaperQuerySet, PaperType, PaperUpdate, Resource, UpdateKind
from papers.sources import Facts, Source

LOOKED_AT_EVERY = timedelta(days=7)
AT_A_TIME = 10  # papers in an hour: 1,680 in the week, at three or so requests each


def due(limit: int = AT_A_TIME) -> PaperQuerySet:
    """Papers of stories in issues, public or to come, that weren't looked up for a week, the longest ago first."""
    week_ago = timezone.now() - LOOKED_AT_EVERY
    return (
        Paper.objects.filter(stories__issue__isnull=False)
        .exclude(arxiv_id=None, doi=None)
        .annotate(looked_up_at=models.Max("lookups__requested_at"))
        .filter(models.Q(looked_up_at=None) | models.Q(looked_up_at__lt=week_ago))
        .order_by(models.F("looked_up_at").asc(nulls_first=True), "pk")[:limit]
    )


def propose_updates(paper: Paper, gathered: Gathered) -> list[PaperUpdate]:
    """Store what happened since the first public story about the paper; each event once, whatever was decided of it.

    Of a paper that no public story is about yet, only that it was retracted: its story shouldn't come out unaware.
    """
    covered_at = Paper.objects.filter(pk=paper.pk).aggregate(at=models.Min("stories__issue__published_at"))["at"]
    new = [retraction(list(gathered.facts.values()))]
    if covered_at is not None and covered_at <= timezone.now():
        since = covered_at.date()
        for facts in gathered.facts.values():
            new += [new_version(facts, since), publication(facts, since), *released_code(paper, facts, since)]
    updates = [update for update in new if update is not None]
    for update in updates:
        PaperUpdate.objects.get_or_create(
            paper=paper,
            kind=update.kind,
            key=update.key,
            defaults={"text": update.text, "url": update.url, "happened_on": update.happened_on},
        )
    return updates


def new_version(facts: Facts, since: date) -> PaperUpdate | None:
    version, day = facts.values.get("arxiv_version"), exact(facts.version_on)
    if facts.source != Source.ARXIV or not version or version < 2 or day is None or day <= since:
        return None
    return PaperUpdate(
        kind=UpdateKind.NEW_VERSION,
        key=f"v{version}",
        text=f"The authors put version {version} of the paper on arXiv on {in_words(day)}.",
        url=f"https://arxiv.org/abs/{facts.values['arxiv_id']}v{version}",
        happened_on=day,
    )


def released_code(paper: Paper, facts: Facts, since: date) -> list[PaperUpdate]:
    """Repositories that the authors name in a version put up since, and that neither paper nor stories link to yet."""
    day = exact(facts.version_on)
    if not facts.code or day is None or day <= since:
        return []
    linked = Resource.objects.filter(models.Q(papers=paper) | models.Q(stories__papers=paper))
    known = {url.lower().rstrip("/") for url in linked.values_list("url", flat=True)}
    return [
        PaperUpdate(
            kind=UpdateKind.CODE,
            key=url.lower()[:255],
            text=f"The authors name their code in the version of {in_words(day)}: {url.removeprefix('https://')}"[:500],
            url=url,
            happened_on=day,
        )
        for url in facts.code
        if url.lower() not in known
    ]


def publication(facts: Facts, since: date) -> PaperUpdate | None:
    """Only of an exact day or month, as a bare year may lie before the story as well as after it."""
    venue, doi = facts.values.get("container_title"), facts.values.get("doi")
    is_published = facts.values.get("type") in {PaperType.JOURNAL, PaperType.CONFERENCE}
    day = exact(facts.values.get("issued", ""))
    if facts.source != Source.CROSSREF or not (is_published and venue and doi) or day is None or day <= since:
        return None
    return PaperUpdate(
        kind=UpdateKind.PUBLISHED,
        key=doi,
        text=f"The paper was published in {venue[:300]} on {in_words(day)}.",
        url=f"https://doi.org/{doi}",
        happened_on=day,
    )


def retraction(all_facts: list[Facts]) -> PaperUpdate | None:
    """One, whoever says so: Crossref names the notice, OpenAlex doesn't."""
    saying = [facts for facts in all_facts if facts.retraction]
    if not saying:
        return None
    facts = next((each for each in saying if each.retraction != "yes"), saying[0])
    day = exact(facts.retracted_on)
    notice = facts.retraction if facts.retraction != "yes" else facts.values.get("doi", "")
    return PaperUpdate(
        kind=UpdateKind.RETRACTED,
        key="retraction",
        text=f"The paper was retracted{f' on {in_words(day)}' if day else ''}.",
        url=f"https://doi.org/{notice}" if notice else "",
        happened_on=day or timezone.localdate(),
    )


def exact(text: str) -> date | None:
    return date.fromisoformat(text) if len(text) == 10 else None


def in_words(day: date) -> str:
    return dateformat.format(day, "j F Y")
