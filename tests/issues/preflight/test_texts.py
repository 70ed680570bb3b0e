"""The Markdown of intro, outro and stories: each check, silent and speaking."""

import pytest
from django.core.files.storage import default_storage

from issues.preflight import texts

pytestmark = pytest.mark.django_db
GRID = "![A grid](figures/grid.png)"


@pytest.fixture
def with_body(issue, make_story):
    """The issue, with one story of this text."""

    def make(body):
        issue.stories.all().delete()
        make_story("A story", slug="a-story", issue=issue, body=body)
        return issue

    return make


def test_texts_can_be_rendered(found, with_body):
    assert found(texts.texts_can_be_rendered, with_body("A *text*.")) == []
    [finding] = found(texts.texts_can_be_rendered, with_body("/// comparison\n\n///"))
    assert finding.startswith("E: In the story “A story”: A comparison has fewer than two answers.")


def test_pictures_are_there_with_their_files(found, with_body, make_image):
    [finding] = found(texts.pictures_are_there, with_body(GRID))
    assert finding.startswith("E: In the story “A story”: There is no picture “figures/grid.png”.")
    image = make_image("grid.png")
    assert found(texts.pictures_are_there, with_body(GRID)) == []
    default_storage.delete(image.file.name)
    assert found(texts.pictures_are_there, with_body(GRID)) == [
        "E: The file of the picture “figures/grid.png” is missing, which the story “A story” shows."
    ]


def test_pictures_have_words(found, with_body, make_image):
    make_image("grid.png")
    assert found(texts.pictures_have_words, with_body(f"{GRID} ![decorative](figures/grid.png)")) == []
    [finding] = found(texts.pictures_have_words, with_body("![](figures/grid.png)"))
    assert finding.startswith("E: In the story “A story”: The picture “figures/grid.png” has no alternative text.")


def test_pictures_are_light_one_by_one_and_together(found, with_body, make_image, monkeypatch):
    image, issue = make_image("grid.png"), with_body(GRID)
    size = default_storage.size(image.file.name)
    assert found(texts.pictures_are_light, issue) == []
    monkeypatch.setattr(texts, "HEAVY_PICTURE", size - 1)
    monkeypatch.setattr(texts, "HEAVY_PICTURES", size - 1)
    assert found(texts.pictures_are_light, issue) == [
        "W: The picture “figures/grid.png” in the story “A story” has 0.0 MB as mailed.",
        "W: All pictures together have 0.0 MB as mailed.",
    ]


def test_what_is_shown_otherwise_than_meant_is_told(found, with_body):
    assert found(texts.texts_say_what_they_mean, with_body("A *text* with `<br>`.")) == []
    assert found(texts.texts_say_what_they_mean, with_body("A <br> line.")) == [
        "W: In the story “A story”: Line 1: “<br>” is shown as text. Write it in Markdown."
    ]


@pytest.mark.parametrize(
    ("text", "placeholders"),
    [
        ("By TK authors, TKTK of them.", ["TK", "TKTK"]),
        ("TODO: more. Lorem ipsum.", ["TODO", "Lorem ipsum"]),
        ("Tk is a toolkit, a todo list is one, and `TK` is code.\n\n```\n# TODO\n```\n", []),
        ("STK and TKO are words.", []),
    ],
)
def test_placeholders_are_told_from_words_and_code(text, placeholders):
    assert texts.placeholders(text) == placeholders


def test_nothing_is_still_to_come_in_any_field(found, with_body):
    issue = with_body("Finished.")
    assert found(texts.nothing_is_to_come, issue) == []
    issue.subject, issue.intro = "DT #50: TK", "TK words"
    story = issue.stories.get()
    story.summary = "TKTK"
    story.save()
    assert found(texts.nothing_is_to_come, issue) == [
        "E: The issue’s subject still has “TK”.",
        "E: The summary of “A story” still has “TKTK”.",
        "E: The intro still has “TK”.",
    ]


def test_references_lead_to_what_readers_can_see(found, with_body, make_story):
    make_story(slug="waiting")
    assert found(texts.references_lead_somewhere, with_body("[[a-story]] in DT #50")) == []
    assert found(texts.references_lead_somewhere, with_body("As in [[waiting]] and DT #7.")) == [
        "E: The story “A story” refers to [[waiting]], which is no story that readers can see.",
        "W: The story “A story” refers to issue #7, which readers can’t see.",
    ]


def test_links_have_words(found, with_body, make_image):
    make_image("grid.png")
    good = f"[words](https://example.org/a) and [{GRID}](https://example.org/b)"
    assert found(texts.links_have_words, with_body(good)) == []
    assert found(texts.links_have_words, with_body("[](https://example.org/c) here")) == [
        "W: In the story “A story”, the link to https://example.org/c has no words."
    ]


def test_headings_have_a_text_under_them(found, with_body):
    assert found(texts.headings_have_a_text, with_body("# One\n\nText.\n\n# Two\n\n### Deeper\n\nText.")) == []
    assert found(texts.headings_have_a_text, with_body("### Deep\n\n# Two\n\nText.\n\n# Three")) == [
        "W: In the story “A story”, nothing stands under the heading “Deep”.",
        "W: In the story “A story”, nothing stands under the heading “Three”.",
    ]
