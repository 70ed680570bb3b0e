"""Writing a story as a writer and an editor do, in a browser: by keyboard, with pictures, drafts, papers, and two at once."""

import base64
import io
import re

import pytest
from django.utils import timezone
from PIL import Image as PillowImage
from playwright.sync_api import expect

from issues.models import Draft, Story
from issues.writing import save_story
from papers.models import Lookup, Paper, Resource
from scripts.browsing import violations

ADD = "/admin/issues/story/add/"


def preview(page):
    return page.frame_locator("[data-preview]").locator("body")


def press_until(page, key, focused, times=80):
    """Go on with a key until an element has the focus, as people do who use no mouse."""
    for _ in range(times):
        if focused.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press(key)
    raise AssertionError(f"{focused} is not reached by {key}.")


def test_from_an_empty_story_to_an_approved_one_by_keyboard_alone(open_as, make_section):
    make_section()
    page = open_as("writer")
    page.goto(ADD)
    press_until(page, "Tab", page.get_by_label("Title", exact=True))
    page.keyboard.type("On grids")
    text = page.get_by_label("Text", exact=True)
    press_until(page, "Tab", text)
    page.keyboard.type("Two kinds, TK:\n\n- large\nsmall\n\n")
    page.keyboard.press("Control+b")
    page.keyboard.type("bold")
    expect(text).to_have_value("Two kinds, TK:\n\n- large\n- small\n\n**bold**")
    expect(preview(page).locator("li")).to_have_text(["large", "small"])
    expect(preview(page).locator("strong")).to_have_text("bold")
    expect(page.locator("[data-words]")).to_have_text("6 words · 1 min read")
    press_until(page, "Tab", page.get_by_role("button", name="Line 1"))
    page.keyboard.press("Enter")
    expect(text).to_be_focused()
    assert text.evaluate("field => field.value.slice(field.selectionStart, field.selectionEnd)") == "Two kinds, TK:"
    press_until(page, "Tab", page.get_by_label("Section"))
    page.keyboard.press("ArrowDown")
    press_until(page, "Tab", page.get_by_label("Comment"))
    page.keyboard.type("Is it clear?")
    press_until(page, "Tab", page.get_by_role("button", name="Send to review"))
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    page.keyboard.press("Enter")
    expect(page.locator(".desk-state .state")).to_have_text("In review")
    expect(page.locator(".comment-text")).to_have_text("Is it clear?")

    editor = open_as("editor")
    editor.goto(page.url)
    press_until(editor, "Tab", editor.get_by_label("Comment"))
    editor.keyboard.type("It is.")
    press_until(editor, "Tab", editor.get_by_role("button", name="Approve"))
    editor.keyboard.press("Enter")
    expect(editor.locator(".desk-state .state")).to_have_text("Approved")
    assert Story.objects.get().slug == "on-grids"

    page.reload()  # What is approved, a writer reads.
    expect(page.locator("#id_body")).to_have_count(0)
    expect(page.locator(".comment-text")).to_have_text(["Is it clear?", "It is."])


PUT_IN = """(field, [data, way]) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], "My grid.png", { type: "image/png" }));
  const event = way === "paste"
    ? new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true, cancelable: true })
    : new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true });
  field.dispatchEvent(event);
}"""


def picture(colour):
    data = io.BytesIO()
    PillowImage.new("RGB", (300, 150), colour).save(data, "PNG")
    return base64.b64encode(data.getvalue()).decode()


def test_a_pasted_picture_asks_for_its_words_and_is_a_figure_in_web_and_email(open_as, make_story):
    story = make_story("Grids", body="Before.", state="draft")
    page = open_as("writer")
    page.goto(f"/admin/issues/story/{story.pk}/change/")
    text = page.get_by_label("Text", exact=True)
    text.press("Control+End")
    text.evaluate(PUT_IN, [picture("navy"), "paste"])
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Insert it").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Say what is to be seen")
    dialog.get_by_label("For those who can’t see it").fill("A blue grid")
    dialog.get_by_label("Caption").fill('Called "blue"')
    dialog.get_by_role("button", name="Insert it").click()
    expect(text).to_have_value('Before.\n\n![A blue grid](figures/my-grid.png "Called ”blue”")\n\n')
    expect(preview(page).locator("figure img")).to_have_attribute("alt", "A blue grid")
    expect(preview(page).locator("figcaption")).to_have_text("Called ”blue”")
    page.keyboard.press("Control+Shift+E")
    expect(preview(page).get_by_text("Unsubscribe")).to_be_visible()
    expect(preview(page).get_by_role("img", name="A blue grid")).to_be_visible()

    text.evaluate(PUT_IN, [picture("red"), "drop"])
    dialog.get_by_label("It only decorates").check()
    dialog.get_by_role("button", name="Insert it").click()
    expect(text).to_have_value(re.compile(r"!\[decorative\]\(figures/my-grid-\w+\.png\)\n\n$"))
    text.evaluate(PUT_IN, [base64.b64encode(b"<svg>").decode(), "drop"])
    expect(page.locator("[data-editor-status]")).to_contain_text("can't be read as a PNG or JPEG picture")
    expect(page.locator("[data-kept]")).to_contain_text("Draft kept at")


def test_what_was_typed_is_there_again_after_the_window_was_lost(open_as, make_story):
    story = make_story("Grids", body="Saved.", state="draft")
    page = open_as("writer")
    page.goto(f"/admin/issues/story/{story.pk}/change/")
    page.get_by_label("Text", exact=True).fill("Typed and not saved.")
    page.get_by_label("Summary").fill("A summary.")
    expect(page.locator("[data-kept]")).to_contain_text("Draft kept at")
    page.reload()
    expect(page.get_by_label("Text", exact=True)).to_have_value("Saved.")
    page.get_by_role("link", name="Restore the draft").click()
    expect(page.get_by_label("Text", exact=True)).to_have_value("Typed and not saved.")
    expect(page.get_by_label("Summary")).to_have_value("A summary.")
    page.keyboard.press("Control+s")
    expect(page.locator(".messagelist")).to_contain_text("was changed successfully")
    story.refresh_from_db()
    assert (story.body, story.summary) == ("Typed and not saved.", "A summary.")
    assert not Draft.objects.exists()


def test_of_two_who_save_at_once_neither_loses_anything(open_as, make_story):
    story = make_story("Grids", body="An old text.", state="draft")
    address = f"/admin/issues/story/{story.pk}/change/"
    writer, editor = open_as("writer"), open_as("editor")
    for page, typed in ((writer, "A text by the writer."), (editor, "A text by the editor.")):
        page.goto(address)
        page.get_by_label("Text", exact=True).fill(typed)
    writer.get_by_label("Summary").fill("By the writer.")
    writer.locator(".desk-bar").get_by_role("button", name="Save", exact=True).click()
    expect(writer.locator(".messagelist")).to_contain_text("was changed successfully")

    editor.get_by_label("Text", exact=True).press("End")
    editor.keyboard.type(" More.")
    expect(editor.locator("[data-conflict]")).to_contain_text("a-writer has saved this story while you were writing")
    editor.locator(".desk-bar").get_by_role("button", name="Save", exact=True).click()
    expect(editor.locator(".desk-conflict h2")).to_have_text("a-writer saved this story while you were writing")
    expect(editor.locator(".diff del")).to_have_text(["writer."])
    expect(editor.locator(".diff ins")).to_have_text(["editor. More."])
    expect(editor.get_by_label("Text", exact=True)).to_have_value("A text by the editor. More.")
    expect(editor.get_by_label("Summary")).to_have_value("By the writer.")
    editor.get_by_label("Text", exact=True).fill("A text by the writer and the editor. More.")
    editor.locator(".desk-bar").get_by_role("button", name="Save", exact=True).click()
    expect(editor.locator(".messagelist")).to_contain_text("was changed successfully")
    editor.get_by_role("link", name="Revisions").click()
    editor.get_by_role("link", name="What changed in revision 3").click()
    expect(editor.locator(".diff ins")).to_have_text("writer and the editor. More.")
    story.refresh_from_db()
    assert (story.body, story.summary) == ("A text by the writer and the editor. More.", "By the writer.")
    assert [each.snapshot["body"] for each in story.revisions.order_by("number")] == [
        "An old text.",
        "A text by the writer.",
        "A text by the writer and the editor. More.",
    ]


def looked_up():
    """What a worker does."""
    Paper.objects.filter(arxiv_id="2005.14165").update(title="Language Models are Few-Shot Learners")
    Lookup.objects.update(state="found", finished_at=timezone.now())


def test_pasted_papers_and_links_are_looked_up_and_put_in_order_by_keyboard_and_by_dragging(
    open_as, apart, make_story, make_paper, make_issue
):
    grids = make_paper("On Grids")
    make_story("Earlier", papers=[grids], issue=make_issue(number=41))
    story = make_story("Grids", state="draft")
    page = open_as("writer")
    page.goto(f"/admin/issues/story/{story.pk}/change/")
    pasted = page.get_by_label("Add papers and resources")
    pasted.fill(f"{grids.identifier}\nhttps://arxiv.org/abs/2005.14165\nhttps://github.com/openai/gpt-3\nnonsense")
    pasted.press("Enter")
    expect(page.locator("#papers")).to_contain_text("Already covered in DT #41")
    expect(page.locator("#papers")).to_contain_text("Being looked up")
    expect(page.get_by_label("Title of https://github.com/openai/gpt-3")).to_have_value("openai/gpt-3")
    expect(page.get_by_label("Kind of https://github.com/openai/gpt-3")).to_have_value("code")
    expect(pasted).to_have_value("nonsense")
    apart(looked_up)
    names = page.locator("#papers .source-what > a")
    expect(names).to_have_text(["On Grids", "Language Models are Few-Shot Learners"])
    page.get_by_role("button", name="Move down: On Grids").press("Enter")
    expect(names).to_have_text(["Language Models are Few-Shot Learners", "On Grids"])
    expect(page.get_by_text("On Grids: 2 of 2 in the papers.")).to_be_attached()
    handles = page.locator("#papers .ordering-handle")
    drag(page, handles.nth(1), page.locator("#papers .source-row").first)
    expect(names).to_have_text(["On Grids", "Language Models are Few-Shot Learners"])
    pasted.fill("")
    page.locator(".desk-bar").get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".messagelist")).to_contain_text("was changed successfully")
    assert [str(row.paper) for row in story.story_papers.all()] == ["On Grids", "Language Models are Few-Shot Learners"]
    assert [row.title for row in story.story_resources.all()] == ["openai/gpt-3"]


def test_what_is_typed_while_a_pasted_line_is_added_stays(open_as, make_story, make_paper):
    grids = make_paper("On Grids")
    story = make_story("Grids", state="draft")
    page = open_as("writer")
    page.goto(f"/admin/issues/story/{story.pk}/change/")
    held = []
    page.route("**/story/source/", lambda route: held.append(route))
    pasted = page.get_by_label("Add papers and resources")
    pasted.fill(grids.identifier)
    with page.expect_request("**/story/source/"):
        pasted.press("Enter")
    pasted.press("Shift+Enter")
    pasted.press_sequentially("nonsense")
    held[0].continue_()
    expect(page.locator("#papers")).to_contain_text("On Grids")
    expect(pasted).to_have_value("nonsense")


def drag(page, handle, onto):
    """As a hand does: SortableJS follows the pointer on its way."""
    start, end = handle.bounding_box(), onto.bounding_box()
    page.mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)
    page.mouse.down()
    page.mouse.move(end["x"] + 20, end["y"] + 2, steps=10)
    page.mouse.move(end["x"] + 22, end["y"] + 1, steps=3)
    page.mouse.up()


@pytest.mark.once
def test_axe_finds_nothing_on_the_pages_of_writing_and_none_is_wider_than_its_window(open_as, make_story, make_paper):
    resource = Resource.objects.create(url="https://example.org/", title="Code")
    story = make_story("Grids", body="TK", papers=[make_paper()], resources=[resource], state="draft")
    story.body = "Another text."
    save_story(story)
    page = open_as("editor", color_scheme="dark")
    for path in ("add/", f"{story.pk}/change/", f"{story.pk}/revisions/", f"{story.pk}/revisions/2/"):
        page.goto(f"/admin/issues/story/{path}")
        if path.endswith(("add/", "change/")):
            expect(page.locator("[data-words]")).to_contain_text("min read")
        assert violations(page, preload=False, iframes=False, rules={}) == [], path
        for width in (1280, 768, 320):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (path, width)
