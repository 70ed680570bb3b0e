"""From a query to what it finds."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.utils.safestring import SafeString

from issues.models import SearchEntry, SearchKind, Story, Topic
from issues.search.documents import date_of, kind_of
from issues.search.engines import engine
from issues.search.expressions import EVERYTHING, Expression, Found, Phrase
from issues.search.facets import Facet, facets
from issues.search.filters import labels_of_filter, similar_values
from issues.search.queries import Item, Query
from issues.search.snippets import Reading
from issues.search.spelling import Correction, corrected
from issues.search.words import STOP_WORDS, plain_and_stem
from papers.models import Paper, Resource

PAGE_SIZE = 20
MOST = 1000  # things that are counted, ranked and paged through: the newest, if more match
MOST_COMPLETIONS = 50  # words that a prefix stands for, most common first
MOST_COMPLETIONS_IN_A_ROW = 8  # at the end of several words in a row, of which each is looked for in all texts
PREFERENCE = {SearchKind.STORY: 1.5, SearchKind.TOPIC: 1.5, SearchKind.PAPER: 1.2, SearchKind.RESOURCE: 0.6}
FEW = 3  # results, up to which another spelling is offered
LOOSER = 3  # queries that are offered instead of one that finds nothing
MOST_LOOSENED = 6  # items of a query of which each is left out in turn to see what would be found: as many searches


@dataclass(frozen=True)
class Hit:
    """A thing found, with what a list shows of it: `object` is a Story or a Paper `for_list()`, a Topic or a Resource."""

    kind: SearchKind
    object: Any
    date: datetime.date
    title: SafeString
    snippet: SafeString
    url: str  # with a text fragment that marks the words on the page


@dataclass(frozen=True)
class Results:
    """What a query found; `query` is the one that was answered, which a correction may have changed."""

    query: Query
    found: list[Found] = field(default_factory=list)  # all of them, in order
    hits: list[Hit] = field(default_factory=list)  # those of the page
    page: int = 1
    size: int = PAGE_SIZE
    more: bool = False  # than are counted here: these are the newest
    facets: list[Facet] = field(default_factory=list)
    correction: Correction | None = None
    unknown: list[Item] = field(default_factory=list)  # filters for what there is not

    @property
    def total(self) -> int:
        return len(self.found)

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // self.size))

    @property
    def older(self) -> int | None:
        """The number of the next page."""
        return self.page + 1 if self.page < self.pages else None

    @property
    def newer(self) -> int | None:
        """The number of the page before."""
        return self.page - 1 if self.page > 1 else None

    def ids(self, kind: SearchKind) -> list[int]:
        """The keys of all things of a kind that were found, in order: of stories for a feed, of papers for a bibliography.

        One query.
        """
        ids = [each.id for each in self.found]
        keys = dict(SearchEntry.objects.filter(kind=kind, pk__in=ids).values_list("pk", "object_id"))
        return [keys[each] for each in ids if each in keys]


def search(query: Query, *, page: int = 1, size: int = PAGE_SIZE, with_hits: bool = True) -> Results:
    """Find what a query asks for among what readers may see. Never raises for what was typed.

    Without `with_hits` there are no hits, facets or corrections: for feeds, which take `ids()`. The number of queries
    doesn't grow with the results.
    """
    results = find(query)
    if not with_hits:
        return results
    correction = None
    if results.total <= FEW and query.has_words:
        results, correction = with_correction(results)
    page = min(page, -(-results.total // size) or 1)
    shown = results.found[(page - 1) * size : page * size]
    return replace(
        results,
        hits=hits_of(shown, to_mark(results.query)),
        page=page,
        size=size,
        facets=facets(results.query, [each.labels for each in results.found]),
        correction=correction,
    )


def find(query: Query) -> Results:
    """The entries that match, without what is shown of them."""
    asked = expression_of(query)
    if asked.expression is None:
        return Results(query, unknown=asked.unknown)
    by_relevance = query.effective_order == "relevance"
    found, complete = engine().newest(asked.expression, asked.words if by_relevance else (), MOST + 1)
    more, found = len(found) > MOST or not complete, found[:MOST]
    if by_relevance:
        found.sort(key=lambda each: (-each.rank * PREFERENCE[kind_of(each.id)], -each.id))
    return Results(query, found, more=more, unknown=asked.unknown)


def with_correction(results: Results) -> tuple[Results, Correction | None]:
    """The results of another spelling where there are none; where there are few, another spelling to ask about."""
    other = corrected(results.query)
    if other is None:
        return results, None
    others = find(other)
    if others.total <= results.total:
        return results, None
    return (results if results.total else others), Correction(other, applied=not results.total)


@dataclass
class Asked:
    """A query as it is put to the database; without an expression nothing can match."""

    expression: Expression | None
    words: list[Phrase]
    unknown: list[Item]


def expression_of(query: Query) -> Asked:
    """One query for each filter and each prefix."""
    required: list[tuple[Phrase, ...]] = [(Phrase.of(EVERYTHING),)]
    excluded: list[Phrase] = []
    words: list[Phrase] = []
    phrases = {item: phrases_of(item) for item in query.items}
    unknown = [item for item in query.items if item.field and not phrases[item]]
    for clause in without_stop_words(query.clauses()):
        alternatives = [phrase for item in clause for phrase in phrases[item]]
        if clause[0].excluded:
            excluded += alternatives
            continue
        if not alternatives:
            return Asked(None, [], unknown)
        required.append(tuple(alternatives))
        words += [phrase for item in clause if not item.field for phrase in phrases[item]]
    if len(required) > 1:
        del required[0]
    return Asked(Expression(tuple(required), tuple(excluded)), words, unknown)


def without_stop_words(clauses: list[list[Item]]) -> list[list[Item]]:
    """Without words such as “the”, if there is another word to look for."""
    telling = [clause for clause in clauses if not all(is_stop_word(item) for item in clause)]
    return telling if any(not item.field and not item.excluded for clause in telling for item in clause) else clauses


def is_stop_word(item: Item) -> bool:
    unadorned = not (item.field or item.excluded or item.quoted or item.prefix)
    return unadorned and len(item.words) == 1 and item.words[0] in STOP_WORDS


def phrases_of(item: Item) -> list[Phrase]:
    """What stands for an item in the index; nothing for a filter that names what there is not."""
    if item.field:
        labels = labels_of_filter(item.field, item.value)
        return [Phrase.of(*labels)] if labels else []
    steps: list[tuple[str, ...]] = [(plain_and_stem(word)[1],) for word in item.words]
    if item.prefix:
        most = MOST_COMPLETIONS if len(steps) == 1 else MOST_COMPLETIONS_IN_A_ROW
        completions = engine().completions(item.words[-1], most)
        steps[-1] = tuple(dict.fromkeys([*steps[-1], *completions]))
    return [Phrase(tuple(steps))]


def to_mark(query: Query) -> list[Phrase]:
    """What is marked where it was found: stop words only if there are no others."""
    words = [item for item in query.items if not item.field and not item.excluded]
    telling = [item for item in words if not is_stop_word(item)]
    return [phrase for item in telling or words for phrase in phrases_of(item)]


def hits_of(found: Sequence[Found], phrases: Sequence[Phrase]) -> list[Hit]:
    """One query for the texts, and one for each kind of thing."""
    entries = SearchEntry.objects.select_related("text_row").in_bulk([each.id for each in found])
    by_kind: dict[SearchKind, list[int]] = {}
    for entry in entries.values():
        by_kind.setdefault(SearchKind(entry.kind), []).append(entry.object_id)
    objects = {kind: ROWS[kind]().in_bulk(pks) for kind, pks in by_kind.items()}
    hits = []
    for entry in (entries[each.id] for each in found if each.id in entries):
        kind = SearchKind(entry.kind)
        thing = objects[kind].get(entry.object_id)
        if thing is not None and (kind != SearchKind.STORY or thing.is_public):
            hits.append(hit_of(kind, thing, entry, phrases))
    return hits


def hit_of(kind: SearchKind, thing: Any, entry: SearchEntry, phrases: Sequence[Phrase]) -> Hit:
    title, _, text = entry.text_row.text.partition("\n")
    reading = Reading(text, phrases)
    url = thing.url if kind == SearchKind.RESOURCE else thing.get_absolute_url() + reading.fragment()
    return Hit(kind, thing, date_of(entry.pk), Reading(title, phrases).whole(), reading.snippet(), url)


ROWS: dict[SearchKind, Any] = {
    SearchKind.STORY: lambda: Story.objects.for_list(),
    SearchKind.PAPER: lambda: Paper.objects.for_list().with_authors(),
    SearchKind.TOPIC: lambda: Topic.objects.all(),
    SearchKind.RESOURCE: lambda: Resource.objects.all(),
}


@dataclass(frozen=True)
class Help:
    """For a query that found nothing: looser queries with what they would find, and values that filters may have meant."""

    looser: list[tuple[Query, Results]]
    meant: list[Query]
    topics: list[Facet]


def help_with(results: Results) -> Help:
    """A search for each item of a short query, one of everything, and one query for each filter that stands for nothing."""
    query = results.query
    may_be_shorter = 1 < len(query.items) <= MOST_LOOSENED
    shorter = [query.without(item).ordered_by("date") for item in query.items] if may_be_shorter else []
    looser = [(each, found) for each in dict.fromkeys(shorter) if (found := find(each)).total]
    meant = [
        replace(query, items=tuple(replace(each, value=value) if each is item else each for each in query.items))
        for item in results.unknown[:LOOSER]
        for value in similar_values(item.field, item.value)
    ]
    everything = facets(Query(), [each.labels for each in find(Query()).found])
    topics = [facet for facet in everything if facet.field == "topic"]
    return Help(sorted(looser, key=lambda each: -each[1].total)[:LOOSER], meant, topics)
