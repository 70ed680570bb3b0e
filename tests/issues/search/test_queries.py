import random

import pytest

from issues.search import Query, parse

PIECES = [
    '"', "“", "”", "-", "–", "--", "*", "**", "OR", "|", "AND", "NOT", "NEAR(", ")", "(", "'", "''", "\\", "\\'", ":", "::", "&",
    "!", "<->", "<2>", "%", "_", ";", "--;", "^", "{", "}", "{title}:", "[", "]", "+", "#", "/*", "$$", "\x00", "\x01", "\ud800",
    "\u202e", "\u0301", "é", "ß", "İ", "ﬁ", "½", "日本語", "🤖", "\n", "\t", " ", "  ", "topic:", "author:", "section:", "year:",
    "issue:", "kind:", "TOPIC:", "rowid:", "text:", "year:2019..", "year:..", "year:99999999999999999999", "issue:-1",
    "kind:*", "a", "the", "model", "gpt-3", "x" * 50, "0", "1e9", "trans*", '"state of', "NULL", "<script>", "&amp;", "?", "~",
]  # fmt: skip


def hostile_queries(count):
    """The same ones on every run."""
    chance = random.Random(8)
    for _ in range(count):
        pieces = chance.choices(PIECES, k=chance.randint(1, 12))
        yield chance.choice(["", " "]).join(pieces)


def shape(query):
    return [[(item.field, item.words, item.excluded, item.prefix) for item in clause] for clause in query.clauses()]


def test_words_stand_for_themselves_and_all_have_to_be_there():
    assert shape(parse("few shots")) == [[(None, ("few",), False, False)], [(None, ("shots",), False, False)]]


def test_or_joins_what_stands_beside_it():
    assert [[str(item) for item in clause] for clause in parse("a b OR c | d e").clauses()] == [
        ["a"],
        ["b", "c", "d"],
        ["e"],
    ]


@pytest.mark.parametrize("text", ["OR", "| |", "OR a", "a OR", "a OR -b"])
def test_an_or_with_nothing_to_join_is_left_out(text):
    assert "OR" not in parse(text).text


def test_two_values_of_what_a_thing_has_one_of_mean_either():
    assert [len(clause) for clause in parse("year:2019 gpt year:2020").clauses()] == [2, 1]
    assert [len(clause) for clause in parse("topic:a topic:b").clauses()] == [1, 1]


def test_an_unknown_field_is_words():
    assert shape(parse("arxiv:2005.14165")) == [[(None, ("arxiv", "2005", "14165"), False, False)]]


def test_an_open_quote_ends_with_the_text():
    assert shape(parse('topic:"language models')) == [[("topic", ("language", "models"), False, False)]]


def test_a_query_is_its_own_address():
    query = parse('gpt-3 -topic:"AI ethics"').ordered_by("date")
    assert query.params == {"q": 'gpt-3 -topic:"AI ethics"', "sort": "date"}
    assert Query.from_params(query.params) == query
    assert query.encoded == "q=gpt-3+-topic%3A%22AI+ethics%22&sort=date"


def test_an_unknown_order_is_none():
    assert Query.from_params({"q": "a", "sort": "'; DROP TABLE"}).order == ""


def test_filters_are_added_once_and_taken_away():
    query = parse("gpt").with_filter("topic", "AI ethics").with_filter("topic", "AI ethics")
    assert query.text == 'gpt topic:"AI ethics"'
    assert query.without(query.items[1]).text == "gpt"
    assert parse("a OR b OR c").without(parse("a OR b OR c").items[0]).text == "a OR b OR c"
    query = parse("a OR b OR c")
    assert [query.without(item).text for item in query.items] == ["b OR c", "a OR c", "a OR b"]


def test_quotes_in_a_value_do_not_end_it():
    assert parse("").with_filter("topic", 'the "new" thing').text == 'topic:"the  new  thing"'


def test_what_is_too_long_is_cut_and_said():
    assert parse("word " * 1000).cut
    assert len(parse("word " * 1000).items) == 20
    assert not parse("word").cut


def test_every_text_is_a_query_that_reads_back_as_itself():
    for text in hostile_queries(10_000):
        query = parse(text)
        assert shape(parse(query.text)) == shape(query), text
        assert parse(query.text).text == query.text, text
