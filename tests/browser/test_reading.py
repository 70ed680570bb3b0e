"""What readers see of a page that no test of HTML can tell: where things stand, and in which colours."""

import re

import pytest
from django.utils import timezone
from playwright.sync_api import expect

pytestmark = pytest.mark.once
LIGHT, DARK = "rgb(255, 255, 255)", "rgb(20, 22, 24)"
NOTED = "The first paragraph has a note[^1] and goes on for some words more.\n\nThe second.\n\n[^1]: The *note*."


@pytest.fixture
def story(apart, make_issue, make_story):
    return apart(lambda: make_story(issue=make_issue(published_at=timezone.now()), body=NOTED))


def expect_background(page, colour):
    expect(page.locator("body")).to_have_css("background-color", colour)


def test_a_note_stands_in_the_margin_beside_its_paragraph(new_page, story):
    page = new_page(viewport={"width": 1280, "height": 800})
    page.goto(story.get_absolute_url())
    text, note = page.get_by_text("The first paragraph").bounding_box(), page.get_by_role("note").bounding_box()
    assert note["x"] > text["x"] + text["width"]
    assert note["x"] + note["width"] <= 1280
    assert abs(note["y"] - text["y"]) < 12


@pytest.mark.parametrize("block", ["- The item[^1] of a list.", "> The quote[^1].\n>\n> — Somebody"])
def test_a_note_stands_at_the_first_line_of_a_list_or_quote(new_page, apart, make_issue, make_story, block):
    body = f"Some text.\n\n{block}\n\nMore text.\n\n[^1]: The note."
    story = apart(lambda: make_story(issue=make_issue(published_at=timezone.now()), body=body))
    page = new_page(viewport={"width": 1280, "height": 800})
    page.goto(story.get_absolute_url())
    text = page.locator(".prose :is(li, blockquote p)", has_text="The").first.bounding_box()
    note = page.get_by_role("note").bounding_box()
    assert note["x"] > text["x"] + text["width"]
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
    expect(page.locator(".sidenote:target")).to_have_text(re.compile("^1"))
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("sup:target")).to_have_count(1)


def test_colours_are_the_system_s_until_a_reader_chooses_and_then_from_the_first_moment_on(new_page, publication):
    page = new_page(color_scheme="dark")
    page.goto("/")
    expect_background(page, DARK)
    button = page.get_by_role("button", name="Colours")
    button.click()
    expect(button).to_have_text(re.compile("Light$"))
    expect_background(page, LIGHT)
    page.goto("/issues/", wait_until="commit")
    page.wait_for_selector(".masthead")
    expect_background(page, LIGHT)
    page.get_by_role("button", name="Colours: Light").click()
    expect_background(page, DARK)
    page.get_by_role("button", name="Colours: Dark").click()
    page.emulate_media(color_scheme="light")
    expect_background(page, LIGHT)


def test_without_scripts_a_page_has_the_system_s_colours_and_no_dead_button(new_page, publication):
    page = new_page(color_scheme="dark", java_script_enabled=False)
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_role("button", name="Colours")).to_have_count(0)


def test_a_story_with_italics_takes_four_requests_beside_the_site_s_icon(page, story):
    asked = []
    page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    page.goto(story.get_absolute_url(), wait_until="networkidle")
    names = {name.partition(".")[0] for name in asked} - {"favicon"}
    assert names == {"", "site", "stix-two-text", "stix-two-text-italic"}


def test_a_field_keeps_its_room_beside_a_long_button(new_page, publication):
    page = new_page(viewport={"width": 320, "height": 800})
    page.goto("/subscribe/")
    for label in ("Your email address", "The address that gets the issues"):
        assert page.get_by_label(label).bounding_box()["width"] > 150
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
