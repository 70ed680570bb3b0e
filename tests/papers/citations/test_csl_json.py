import json
import re

from papers.citations.csl_json import item, write
from papers.csl import record_paper
from papers.models import Paper

# What the schema of CSL 1.0.2 allows of what we write.
TYPES = {
    "article",
    "article-journal",
    "paper-conference",
    "report",
    "chapter",
    "book",
    "thesis",
    "webpage",
    "dataset",
    "document",
}
TEXTS = {
    "title",
    "abstract",
    "container-title",
    "publisher",
    "volume",
    "issue",
    "page",
    "URL",
    "DOI",
    "ISBN",
    "archive",
    "archive_location",
    "id",
    "type",
}
KEYS = TEXTS | {"author", "issued", "custom"}


def test_every_item_is_what_the_schema_allows(papers):
    items = json.loads("".join(write(papers)))
    assert len(items) == len(papers)
    assert len({each["id"] for each in items}) == len(papers)
    for each in items:
        assert each["type"] in TYPES
        assert set(each) <= KEYS
        assert all(isinstance(each[key], str) and each[key] for key in TEXTS & set(each))
        for name in each.get("author", []):
            assert set(name) <= {"family", "given", "suffix", "literal"}
            assert name.get("literal") or name.get("family")
        for part, least in zip(each.get("issued", {}).get("date-parts", [[]])[0], (1, 1, 1), strict=False):
            assert isinstance(part, int)
            assert part >= least


def test_what_was_written_is_read_back_equal(papers):
    before = [
        item(paper) | ({"abstract": " ".join(paper.abstract.split())} if paper.abstract else {}) for paper in papers
    ]
    text = "".join(write(papers))
    Paper.objects.all().delete()
    for each in json.loads(text):
        record_paper(each)
    after = {each["id"]: each for each in map(item, Paper.objects.with_authors())}
    for each in before:
        if each["type"] == "document":  # software: the one type that Zotero doesn't know
            continue
        assert after[each["id"]] == each


def test_software_says_what_it_is_where_zotero_does_not_look(paper):
    assert item(paper("software"))["custom"]["type"] == "software"


def test_no_paper_makes_an_empty_array():
    assert json.loads("".join(write([]))) == []


def test_characters_stand_as_they_are(paper):
    text = "".join(write([paper("particles, suffixes, groups")]))
    assert "Łukasiewicz" in text
    assert not re.search(r"\\u[0-9a-f]{4}", text)
