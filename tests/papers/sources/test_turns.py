"""One request at a time and a pause after each, over all workers."""

import itertools
import threading
import time
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from papers.errors import NotOurTurn
from papers.models import Source, SourceTurn
from papers.sources import fetch
from papers.sources.arxiv import fetch_arxiv
from papers.sources.turns import turn_at
from tests.papers.sources.server import after, changed, recorded

ARXIV, DOI = "2005.14165", "10.1000/few.shot"


def in_threads(number, work):
    def run():
        try:
            work()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.django_db(transaction=True)
def test_workers_ask_arxiv_one_after_the_other_with_a_pause(services, settings):
    settings.METADATA_INTERVALS = {**settings.METADATA_INTERVALS, "arxiv": 0.3}
    services.arxiv(ARXIV, after(0.1, recorded("arxiv-2005.14165.xml")))

    def work():
        for _ in range(2):
            fetch_arxiv(ARXIV, patience=30)

    in_threads(3, work)
    times = sorted((came, answered) for came, answered, *_ in services.requests)
    assert len(times) == 6
    assert services.at_once == 1
    pauses = [later[0] - earlier[1] for earlier, later in itertools.pairwise(times)]
    assert min(pauses) >= 0.29


@pytest.mark.django_db(transaction=True)
def test_only_one_of_many_wins_a_turn(settings):
    won = []

    def work():
        try:
            with turn_at(Source.ARXIV, patience=0):
                won.append(1)
                time.sleep(1)
        except NotOurTurn:
            pass

    SourceTurn.objects.create(source=Source.ARXIV, free_at=timezone.now() - timedelta(days=1))
    in_threads(8, work)
    assert won == [1]


@pytest.mark.django_db
def test_who_does_not_want_to_wait_is_told_how_long_it_would_be(settings):
    with turn_at(Source.ARXIV, patience=0.1):
        pass
    with pytest.raises(NotOurTurn) as refusal, turn_at(Source.ARXIV, patience=0.1):
        pass
    assert 2.5 < refusal.value.seconds <= 3.0


@pytest.mark.django_db
def test_the_turn_of_a_worker_that_died_ends_by_itself(settings):
    settings.METADATA_TIMEOUTS = {"connect": 1, "read": 1, "whole": -4.9}  # a lease of a tenth of a second
    turn_at(Source.ARXIV, patience=1).__enter__()
    with turn_at(Source.ARXIV, patience=5):
        pass


@pytest.mark.django_db
def test_one_service_does_not_wait_for_another(settings):
    with turn_at(Source.ARXIV, patience=1), turn_at(Source.CROSSREF, patience=1):
        pass


@pytest.mark.django_db
def test_crossrefs_rate_headers_are_obeyed(services):
    headers = {"x_rate_limit_limit": "2", "x_rate_limit_interval": "1s"}
    answer = changed("crossref-few-shot.json")

    def with_headers(handler):
        send, handler.send_header = handler.send_header, lambda name, value: None
        handler.send_header = lambda name, value: (
            send(name, value),
            [send(key.replace("_", "-"), text) for key, text in headers.items()] if name == "Content-Type" else None,
        )
        answer(handler)

    services.crossref(DOI, with_headers)
    fetch(Source.CROSSREF, DOI)
    free_at = SourceTurn.objects.get(source=Source.CROSSREF).free_at
    assert 0.2 < (free_at - timezone.now()).total_seconds() <= 0.5


@pytest.mark.django_db
def test_arxivs_pause_is_three_seconds_by_default(settings):
    assert settings.METADATA_INTERVALS["arxiv"] == 3.0


@pytest.mark.django_db
def test_a_turn_is_a_few_queries(django_assert_max_num_queries):
    with turn_at(Source.OPENALEX, patience=1):
        pass
    SourceTurn.objects.update(free_at=timezone.now() - timedelta(seconds=1))
    with django_assert_max_num_queries(2), turn_at(Source.OPENALEX, patience=1):
        pass
