"""What readers see of a page that no test of HTML can tell: where things stand, and in which colours."""

import pytest
from django.utils import timezone

LIGHT, DARK = "rgb(255, 255, 255)", "rgb(20, 22, 24)"
NOTED = "The first paragraph has a note[^1] and goes on for some words more.\n\nThe second.\n\n[^1]: The *note*."


@pytest.fixture
def story(apart, make_issue, make_story):
    return apart(lambda: make_story(issue=make_issue(published_at=timezone.now()), body=NOTED))


def background(page):
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


def test_a_note_stands_in_the_margin_beside_its_paragraph(new_page, story):
    page = new_page(viewport={"width": 1280, "height": 800})
    page.goto(story.get_absolute_url())
    text, note = page.get_by_text("The first paragraph").bounding_box(), page.get_by_role("note").bounding_box()
    assert note["x"] > text["x"] + text["width"]
    assert note["x"] + note["width"] <= 1280
    assert abs(note["y"] - text["y"]) < 12


@pytest.mark.parametrize("width", [320, 768, 1100])
def test_a_note_follows_its_paragraph_where_there_is_no_room(new_page, story, width):
    page = new_page(viewport={"width": width, "height": 800})
    page.goto(story.get_absolute_url())
    tops = [page.get_by_text(words).bounding_box()["y"] for words in ("The first paragraph", "The note", "The second.")]
    assert tops == sorted(tops)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_number_in_the_text_leads_to_the_note_by_keyboard_and_back(page, story):
    page.goto(story.get_absolute_url())
    page.locator(".footnote-ref").focus()
    page.keyboard.press("Enter")
    assert page.locator(".sidenote:target").inner_text().startswith("1")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.locator("sup:target").count() == 1


def test_colours_are_the_system_s_until_a_reader_chooses_and_then_from_the_first_moment_on(new_page, publication):
    page = new_page(color_scheme="dark")
    page.goto("/")
    assert background(page) == DARK
    button = page.get_by_role("button", name="Colours")
    button.click()
    assert button.inner_text().endswith("Light")
    assert background(page) == LIGHT
    page.goto("/issues/", wait_until="commit")
    page.wait_for_selector(".masthead")
    assert background(page) == LIGHT
    page.get_by_role("button", name="Colours: Light").click()
    assert background(page) == DARK
    page.get_by_role("button", name="Colours: Dark").click()
    page.emulate_media(color_scheme="light")
    assert background(page) == LIGHT


def test_without_scripts_a_page_has_the_system_s_colours_and_no_dead_button(new_page, publication):
    page = new_page(color_scheme="dark", java_script_enabled=False)
    page.goto("/")
    assert page.get_by_role("button", name="Colours").count() == 0
    assert page.get_by_role("heading", level=1).is_visible()
