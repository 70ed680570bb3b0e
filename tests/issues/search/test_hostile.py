import pytest

from issues.search import parse, search
from issues.search.searching import expression_of, help_with
from tests.issues.search.test_queries import hostile_queries


def test_ten_thousand_broken_queries_are_all_answered(archive):
    for text in hostile_queries(10_000):
        search(parse(text), with_hits=False)


def test_broken_queries_have_a_page(archive, client):
    for text in hostile_queries(150):
        response = client.get("/search/", {"q": text.replace("\0", "").encode("utf-8", "replace")})
        assert response.status_code == 200, text


@pytest.mark.parametrize("page", ["0", "-1", "2", "99999", "x", "1e3", "²", "%00", ""])
def test_every_page_number_shows_a_page(archive, client, page):
    assert client.get("/search/", {"q": "transformer", "page": page}).status_code == 200


@pytest.mark.parametrize(
    "text",
    [
        " ".join(f"topic:{number}" for number in range(50)),
        "year:1..9999",
        "a* b* c* d* e*",
        "-a -b -c -d",
        "the of and",
    ],
)
def test_large_queries_are_answered(archive, client, text):
    assert client.get("/search/", {"q": text}).status_code == 200


def test_only_a_short_search_that_finds_nothing_is_tried_without_each_of_its_parts(archive):
    assert help_with(search(parse("qwertz transformer"))).looser
    assert not help_with(search(parse("qwertz transformer openai model gpt clip attention"))).looser


def test_words_in_a_row_that_end_with_a_beginning_stand_for_few(archive):
    [phrase] = expression_of(parse("openai-t*")).words
    assert 1 < len(phrase.steps[1]) <= 9
