"""Putting an issue together as an editor does, in a browser: by mouse, and by keyboard alone; preflight; quick add."""

import re

import pytest
from playwright.sync_api import expect

from issues.models import Issue, Story, Waiver
from scripts.browsing import violations
from tests.browser.test_writing import press_until


@pytest.fixture
def issue(make_issue, make_story, make_section):
    """#50 with two stories in Research; two more wait in the queue, one of them for Tools."""
    research, tools = make_section("Research", position=1), make_section("Tools", position=2)
    issue = make_issue(number=50, title="Fifty")
    for title in ("Alpha", "Beta"):
        make_story(title, issue=issue, section=research)
    make_story("Gamma", section=tools)
    make_story("Delta", section=research, body=f"{'word ' * 400}\n\n" * 42, state="in review")
    return issue


def titles():
    return [story.title for story in Issue.objects.get().stories.in_reading_order()]


def open_issue(page, issue):
    page.goto(f"/admin/issues/issue/{issue.pk}/change/")
    expect(email(page).locator("h1")).to_have_text("Fifty")
    return page


def email(page):
    return page.frame_locator("[name=email-preview]")


def card(page, title):
    return page.locator(".card", has_text=title)


def drag(page, title, into):
    """Take the card by its handle and let it go at the top of a list, which moves while other lists make way."""
    handle = card(page, title).locator(".ordering-handle")
    handle.scroll_into_view_if_needed()
    start = handle.bounding_box()
    page.mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)
    page.mouse.down()
    for nudge in (0, 1, 2):
        box = into.bounding_box()
        page.mouse.move(box["x"] + 40, box["y"] + 3 + nudge, steps=10)
    expect(into.locator(".card").first).to_have_class(re.compile("ordering-ghost"))
    page.mouse.up()


def test_an_editor_puts_an_issue_together_by_dragging_and_sees_what_it_becomes(open_as, issue, apart):
    page = open_issue(open_as("editor", viewport={"width": 1280, "height": 1200}), issue)
    expect(page.locator("[data-figure=stories]")).to_have_text("2")
    drag(page, "Gamma", page.get_by_role("list", name="Tools"))
    expect(page.get_by_role("list", name="Tools").locator(".card")).to_have_count(1)
    expect(page.locator("[data-figure=stories]")).to_have_text("3")
    expect(email(page).get_by_role("heading", name="Gamma")).to_be_visible()
    expect(page.locator("[data-unsaved]")).to_be_visible()
    research = page.get_by_role("list", name="Research", exact=True)
    drag(page, "Beta", research)
    expect(research.locator(".card-story > a")).to_have_text(["Beta", "Alpha"])
    drag(page, "Delta", research)
    expect(research.locator(".card-story > a")).to_have_text(["Delta", "Beta", "Alpha"])
    expect(page.locator("[data-size]")).to_have_class(re.compile("is-near"))
    expect(page.get_by_text("Near the limit")).to_be_visible()

    page.get_by_label("Intro").fill("Not *saved* yet.")
    expect(email(page).locator("em", has_text="saved")).to_be_visible()
    page.get_by_label("Dark", exact=True).check()
    dark = "getComputedStyle(document.querySelector('.page')).backgroundColor"
    frame = page.frame("email-preview")
    frame.wait_for_function(f"{dark} === 'rgb(20, 22, 24)'")
    page.get_by_label("Text", exact=True).check()
    expect(email(page).locator("body")).to_contain_text("Not *saved* yet.")
    assert apart(titles) == ["Alpha", "Beta"]

    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.locator(".messagelist")).to_contain_text("was changed successfully")
    assert apart(titles) == ["Delta", "Beta", "Alpha", "Gamma"]


def test_an_editor_puts_an_issue_together_with_the_keyboard_alone(open_as, issue, apart):
    page = open_issue(open_as("editor"), issue)
    said = page.locator("[role=status].visually-hidden")

    def press(name):
        press_until(page, "Tab", page.get_by_role("button", name=name, exact=True))
        page.keyboard.press("Enter")

    press("Move down: Alpha")
    expect(said).to_have_text("Alpha: 2 of 2 in Research.")
    press_until(page, "Shift+Tab", page.get_by_label("Move… Beta"))
    page.keyboard.press("Enter")
    press_until(page, "Tab", page.get_by_label("Section for Beta"))
    page.keyboard.press("ArrowDown")
    press("To section: Beta")
    expect(said).to_have_text("Beta: 1 of 1 in Tools.")
    press("Add to issue: Gamma")
    expect(said).to_have_text("Gamma: 2 of 2 in Tools.")
    expect(card(page, "Gamma").locator(":focus")).to_have_count(1)
    press_until(page, "Shift+Tab", page.get_by_label("Move… Alpha"))
    page.keyboard.press("Enter")
    press("Back to queue: Alpha")
    expect(said).to_contain_text("in The queue.")
    press_until(page, "Tab", page.locator("#id_title"))
    page.keyboard.press("Control+a")
    page.keyboard.type("By hand")
    page.keyboard.press("Enter")  # saves, and presses no button of the board
    expect(page.locator(".messagelist")).to_contain_text("was changed successfully")
    assert apart(titles) == ["Beta", "Gamma"]
    assert apart(lambda: Issue.objects.get().title) == "By hand"


def test_the_board_works_without_a_script(open_as, issue, apart):
    page = open_as("editor", java_script_enabled=False)
    page.goto(f"/admin/issues/issue/{issue.pk}/change/")
    page.get_by_label("Intro").fill("Typed.")
    page.get_by_role("button", name="Move up: Beta").click()
    research = page.get_by_role("list", name="Research", exact=True).locator(".card-story > a")
    expect(research).to_have_text(["Beta", "Alpha"])
    expect(page).to_have_url(re.compile(r"#story-\d+$"))
    assert apart(titles) == ["Beta", "Alpha"]
    page.get_by_role("button", name="Add to issue: Gamma").click()
    expect(page.get_by_role("list", name="Tools").locator(".card")).to_have_count(1)
    assert apart(titles) == ["Beta", "Alpha", "Gamma"]
    expect(page.get_by_label("Intro")).to_have_value("Typed.")


def test_an_error_blocks_approval_and_a_warning_is_passed_with_a_reason(open_as, issue, apart):
    def spoil():
        Story.objects.filter(title="Beta").update(state="in review", summary="")

    apart(spoil)
    page = open_issue(open_as("editor"), issue)
    page.get_by_role("button", name="Approve and freeze").click()
    expect(page.locator(".messagelist")).to_contain_text("“Beta” is not approved: it is in review.")
    page.locator(".preflight-summary summary").click()
    page.get_by_role("link", name="Pass warnings with a reason").click()
    expect(page.locator(".verdict")).to_contain_text("1 error and 1 warning")
    page.get_by_label("It is all right, because").fill("Its title says it all.")
    page.get_by_role("button", name="Pass: The story “Beta” has no summary.").click()
    expect(page.locator(".finding.is-passed")).to_contain_text("“Its title says it all.” a-editor")
    page.get_by_role("link", name="Go there: The story “Beta” is not approved").click()
    page.get_by_role("button", name="Approve", exact=True).click()
    expect(page.locator(".desk-state .state")).to_have_text("Approved")
    page.goto(f"/admin/issues/issue/{issue.pk}/change/")
    expect(page.locator(".verdict")).to_contain_text("Ready. 1 warning passed with a reason.")
    page.get_by_role("button", name="Approve and freeze").click()
    expect(page.locator(".messagelist")).to_contain_text("Approved.")
    assert apart(lambda: Waiver.objects.get().reason) == "Its title says it all."


def test_quick_add_files_an_idea_from_the_desk_and_from_any_page(open_as, issue, apart):
    page = open_as("writer")
    page.goto("/admin/")
    page.get_by_label("A title, an address").fill("Why do models forget?")
    page.keyboard.press("Enter")
    expect(page.locator(".messagelist")).to_contain_text("The story idea Why do models forget? is filed.")
    page.get_by_role("link", name="A bookmarklet for it").click()
    code = page.get_by_role("link", name="Add to DT").get_attribute("href")
    page.goto("/")
    with page.expect_popup() as opened:
        page.evaluate(code.removeprefix("javascript:"))
    form = opened.value
    expect(form.get_by_label("A title, an address")).to_have_value(re.compile(r"^http://.*/$"))
    form.get_by_label("A title, an address").fill("https://example.org/post")
    form.get_by_label("Begin a story about it").check()
    form.get_by_role("button", name="File it").click()
    expect(form.locator(".messagelist li")).to_have_count(2)
    assert apart(lambda: Story.objects.filter(state="draft", issue=None).count()) == 2


@pytest.mark.once
@pytest.mark.parametrize(("width", "scheme"), [(320, "dark"), (1280, "light")])
def test_axe_finds_nothing_on_these_pages_and_none_is_wider_than_its_window(open_as, issue, width, scheme):
    # axe tries styles of its own, which the policy refuses; the other tests hold the pages to that.
    page = open_as("editor", viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True)
    found = {}
    change = f"/admin/issues/issue/{issue.pk}/change/"
    for path in ("/admin/", change, change.replace("change", "preflight"), "/admin/issues/story/quick-add/"):
        page.goto(path)
        # The frame has no script, so axe can't look inside; the email has audits of its own.
        found[path] = violations(page, iframes=False)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    assert not any(found.values()), found
