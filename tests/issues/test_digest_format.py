"""What stands in a file is what is read, and what is written is read as what it was."""

import contextlib
import datetime
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issues.digest_format import (
    OUTRO_MARK,
    IssueFile,
    ResourceEntry,
    StoryFile,
    read_issue,
    read_story,
    write_issue,
    write_story,
)
from issues.errors import BadFile
from issues.yaml_files import load_yaml

MINIMAL = "---\ntitle: A\nslug: a\nsection: S\n---\nText."

# Texts that YAML, front matter or Markdown might take for something else.
AWKWARD = st.sampled_from(
    ["yes", "No", "null", "~", "1", "1.10", "012", "0x1F", "12:30:45", "2020-01-01", "- item", "-", "--- x", "---", "...",
     "a: b", "a #b", "#41", "'", '"', "“q”", "[x]", "{x}", "*a", "&a", "!x", "%x", "@x", "`x`", "|", ">", "? x", "\\n", "é",
     "研究", "🧠", "a\tb", "\u2028", "\x85", "\ufeff", "x  y", "key:", "<<", "="]
)  # fmt: skip
CHARACTERS = st.characters(exclude_categories=["Cc", "Cs"])
LINE = (AWKWARD | st.text(CHARACTERS, min_size=1, max_size=60)).map(str.strip).filter(bool)
LINES = st.lists(AWKWARD | st.text(CHARACTERS, max_size=40) | st.just(""), min_size=1, max_size=6)
BODY = LINES.map(lambda lines: "\n".join(lines).strip("\n")).filter(str.strip)
DATE = st.dates(datetime.date(1000, 1, 1))
NUMBER = st.integers(1, 999_999_999)


@given(
    story=st.builds(
        StoryFile,
        name=st.just("x.md"),
        title=LINE,
        slug=LINE,
        section=LINE,
        body=BODY,
        issue=st.none() | NUMBER,
        date=st.none() | DATE,
        position=st.none() | NUMBER,
        topics=st.lists(LINE, max_size=3),
        papers=st.lists(LINE, max_size=3),
        resources=st.lists(st.builds(ResourceEntry, title=LINE, url=LINE, kind=LINE), max_size=2),
        summary=st.just("") | LINE,
        state=st.just("approved") | LINE,
        unknown_keys=st.just([]),
    )
)
def test_any_story_that_is_written_is_read_as_it_was(tmp_path_factory, story):
    folder = tmp_path_factory.getbasetemp()
    (folder / "x.md").write_bytes(write_story(story).encode())
    assert read_story(folder, "x.md") == story


def is_no_mark(text):
    return all(line.rstrip(" \t") != OUTRO_MARK for line in text.split("\n"))


@given(
    issue=st.builds(
        IssueFile,
        name=st.just("x.md"),
        number=NUMBER,
        date=DATE,
        title=st.just("") | LINE,
        subject=st.just("") | LINE,
        preheader=st.just("") | LINE,
        summary=st.just("") | LINE,
        state=st.just("") | LINE,
        published_at=st.none() | st.datetimes(timezones=st.just(datetime.UTC)),
        intro=st.just("") | BODY.filter(is_no_mark),
        outro=st.just("") | BODY,
        unknown_keys=st.just([]),
    )
)
def test_any_issue_that_is_written_is_read_as_it_was(tmp_path_factory, issue):
    folder = tmp_path_factory.getbasetemp()
    (folder / "x.md").write_bytes(write_issue(issue).encode())
    assert read_issue(folder, "x.md") == issue


@given(st.text(st.sampled_from("-:[]{}'\"#&*!|>% \n\tab0~?\\\x00\x1b"), max_size=60))
def test_a_text_is_read_or_refused_with_a_sentence_and_nothing_else_happens(text):
    with contextlib.suppress(BadFile):
        load_yaml("x.yaml", text)


@pytest.mark.parametrize(
    ("written", "title"),
    [
        ("No", "No"),
        ("1.10", "1.10"),
        ("2020.10", "2020.10"),
        ("12:30:45", "12:30:45"),
        ("1984", "1984"),
        ("0x10", "0x10"),
        ("2020-01-01", "2020-01-01"),
        ('"null"', "null"),
        ('"A: B"', "A: B"),
        ("|\n  two\n  lines", "two\nlines"),
        ("  padded  ", "padded"),
    ],
)
def test_a_title_is_the_text_that_stands_there_whatever_yaml_would_make_of_it(tmp_path, written, title):
    (tmp_path / "x.md").write_text(MINIMAL.replace("title: A", f"title: {written}"))
    assert read_story(tmp_path, "x.md").title == title


@pytest.mark.parametrize(
    ("date", "day"),
    [
        ("2020-06-07", 7),
        ('"2020-06-07"', 7),
        ("2020-06-07T23:30:00-05:00", 7),
        ("2020-06-07 10:00:00 +0200", 7),
    ],
)
def test_a_date_may_have_a_time_as_other_programs_write_it(tmp_path, date, day):
    (tmp_path / "x.md").write_text(MINIMAL.replace("title: A", f"title: A\ndate: {date}"))
    assert read_story(tmp_path, "x.md").date == datetime.date(2020, 6, day)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_a_file_is_the_same_with_the_newlines_and_the_byte_order_mark_of_other_systems(tmp_path, encoding, newline):
    text = "---\ntitle: Ünï\nslug: a\nsection: S\n---\n\nOne.\n\nTwo.\n"
    (tmp_path / "x.md").write_bytes(text.replace("\n", newline).encode(encoding))
    story = read_story(tmp_path, "x.md")
    assert (story.title, story.body) == ("Ünï", "One.\n\nTwo.")


def test_a_rule_in_the_body_does_not_end_it(tmp_path):
    (tmp_path / "x.md").write_text(MINIMAL + "\n\n---\n\nMore.\n")
    assert read_story(tmp_path, "x.md").body == "Text.\n\n---\n\nMore."


def test_an_outro_begins_after_a_line_of_its_own(tmp_path):
    (tmp_path / "x.md").write_text(
        "---\nnumber: 1\ndate: 2020-01-01\n---\n`<!-- outro -->` is no end.\n\n<!-- outro -->  \nBye.\n"
    )
    issue = read_issue(tmp_path, "x.md")
    assert (issue.intro, issue.outro) == ("`<!-- outro -->` is no end.", "Bye.")
    assert (issue.lines["intro"], issue.lines["outro"]) == (5, 8)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: b: c", 1, "has to stand in quotes"),
        ("a: 1\nb: [1, 2\nc: 3\nd: 4\n", 2, "not YAML"),
        ('a: "open\nb: 1\n', 1, "not YAML"),
        ("a: 1\n\tb: 2", 2, "not YAML"),
        ("a: 1\nb: @x", 2, "not YAML"),
        ("a: 1\nb: 2\na: 3", 3, "`a` stands here for the second time"),
        ("a: 1\nb: !!python/object/apply:os.system [id]", 2, "tag"),
        ("a: !mine x", 1, "tag"),
        ("a: &x [1]\nb: *x", 2, "alias"),
        ("a: 1\n? [b]\n: 2", 2, "key"),
        ("a: 1\n---\nb: 2", 2, "second YAML document"),
        ('a: 1\nb: "\\0"', 2, "control character"),
        ('a: 1\nb: "\\uD800"', 2, "character"),
        ("a: 1\nb: \x07", 2, "control character"),
        ("a: " + "[" * 100_000, 1, "nested too deeply"),
    ],
)
def test_what_is_no_plain_yaml_is_refused_with_its_line(text, line, words):
    with pytest.raises(BadFile) as refusal:
        load_yaml("x.yaml", text)
    assert str(refusal.value).startswith(f"x.yaml, line {line}: ")
    assert words in str(refusal.value)


def test_a_few_lines_of_aliases_cannot_fill_the_memory():
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{after}: &{after} [{', '.join([f'*{before}'] * 9)}]\n"
        for before, after in zip("abcdefghi", "bcdefghij", strict=True)
    )
    with pytest.raises(BadFile, match=r"x.yaml, line 2: The alias \*a"):
        load_yaml("x.yaml", bomb + "number: *j")


def test_a_pipe_in_the_folder_does_not_make_the_reader_wait(tmp_path):
    os.mkfifo(tmp_path / "x.md")
    with pytest.raises(BadFile, match="not a file"):
        read_story(tmp_path, "x.md")
