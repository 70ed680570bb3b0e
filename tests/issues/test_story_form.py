"""Writing a story: previews, drafts, two people at once, papers and links, and the way to approval."""

import io
import uuid
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from PIL import Image as PillowImage

from audit.models import Action, Entry
from issues.models import Comment, Draft, Image, Issue, Story
from issues.writing import save_story
from papers.models import Lookup, Paper, Resource
from tests.admin_forms import change, errors, fill, member_of, messages

ADD = "/admin/issues/story/add/"


def autosave(story):
    return reverse("admin:issues_story_autosave", args=[story.pk])


def live(client, **typed):
    return client.post("/admin/issues/story/live/", {"title": "Grids", "slug": "grids", **typed}).json()


# The preview


def test_the_preview_is_rendered_as_the_page_and_as_the_email(writer, make_section, make_image):
    image = make_image("grid.png")
    body = "A *grid*.\n\n![Squares](figures/grid.png)"
    web = live(writer, body=body, section=make_section().pk)["document"]
    assert "<em>grid</em>" in web
    assert image.file.url.replace(".png", "-480.webp") in web
    email = live(writer, body=body, medium="email")["document"]
    assert "<em" in email
    assert 'src="http' in email
    assert "Unsubscribe" in email


def test_the_preview_shows_papers_and_links_as_they_stand_in_the_form(writer, make_paper):
    paper, resource = make_paper("On Grids"), Resource.objects.create(url="https://example.org/", title="Code")
    typed = {"papers": [paper.pk], "resources": [resource.pk], f"resources-title-{resource.pk}": "The code"}
    for medium in ("web", "email"):
        document = live(writer, body="A text.", medium=medium, **typed)["document"]
        assert "On Grids" in document
        assert "The code" in document


@pytest.mark.parametrize("medium", ["web", "email"])
@pytest.mark.parametrize("slug", ["half typed", "über"])
def test_the_preview_does_not_wait_for_an_address_that_can_be_used(writer, publication, slug, medium):
    assert "A text." in live(writer, body="A text.", slug=slug, medium=medium)["document"]


def test_words_and_minutes_and_all_findings_come_with_their_lines(writer, publication):
    body = "One TK two.\n\n[](https://example.org/)\n\nSee [[nowhere]] and DT #999.\n\n![](figures/none.png)\n\n<div>"
    answer = live(writer, body=body)
    assert [(each["line"], each["text"].split("”")[0]) for each in answer["findings"]] == [
        (1, "“TK"),
        (3, "The link “[](https://example.org/)"),
        (5, "“[[nowhere]]"),
        (5, "“DT #999"),
        (7, "There is no picture “figures/none.png"),
        (9, "“<div>"),
    ]
    assert (answer["words"], answer["minutes"]) == (11, 1)


def test_what_stands_in_code_is_no_finding(writer):
    assert live(writer, body="`TK` and\n\n```\n[[nowhere]]\n```\n")["findings"] == []


def test_what_cannot_be_rendered_is_said_in_a_sentence(writer):
    assert "square brackets" in live(writer, body="[" * 2000)["error"]


def test_the_frame_of_the_preview_runs_nothing(writer):
    page = writer.get("/admin/issues/story/frame/")
    assert "default-src 'none'" in page["Content-Security-Policy"]
    assert "script-src" not in page["Content-Security-Policy"]


@pytest.mark.parametrize("name", ["live", "picture", "source", "autosave", "discard"])
def test_what_serves_writing_is_for_writers_and_acts_by_post_only(client, name, db):
    client.force_login(member_of("writer"))
    assert client.get(f"/admin/issues/story/{name}/").status_code == 405
    stranger = member_of("publisher")
    stranger.groups.clear()
    client.force_login(stranger)
    assert client.post(f"/admin/issues/story/{name}/").status_code == 403


# Drafts


def test_what_is_typed_is_kept_beside_the_story_and_restored(writer, make_story, make_paper):
    story, paper = make_story("Grids", body="Saved.", state="draft"), make_paper("On Grids")
    typed = fill(writer.get(change(story)), body="Typed.", papers=[paper.pk], comment="Look here.")
    assert writer.post(autosave(story), typed).json()["conflict"] == ""
    story.refresh_from_db()
    assert story.body == "Saved."
    assert "that was not saved" in writer.get(change(story)).content.decode()
    restored = writer.get(f"{change(story)}?draft=1")
    assert restored.context["adminform"].form["body"].value() == "Typed."
    assert restored.context["adminform"].form["comment"].value() == "Look here."
    assert "On Grids" in restored.content.decode()
    writer.post(change(story), fill(restored))
    story.refresh_from_db()
    assert story.body == "Typed."
    assert [row.paper for row in story.story_papers.all()] == [paper]
    assert not Draft.objects.exists()


def test_a_new_story_has_a_draft_too(writer, make_section):
    typed = fill(writer.get(ADD), title="Grids", body="Typed.")
    writer.post("/admin/issues/story/autosave/", typed)
    assert not Story.objects.exists()
    restored = writer.get(f"{ADD}?draft=1")
    writer.post(f"{ADD}?draft=1", fill(restored, slug="grids", section=make_section().pk))
    assert Story.objects.get().body == "Typed."
    assert not Draft.objects.exists()


def test_a_draft_is_discarded_and_the_story_stays(writer, make_story):
    story = make_story(body="Saved.", state="draft")
    writer.post(autosave(story), fill(writer.get(change(story)), body="Typed."))
    writer.post(reverse("admin:issues_story_discard", args=[story.pk]))
    assert not Draft.objects.exists()
    story.refresh_from_db()
    assert story.body == "Saved."


def test_a_second_window_does_not_write_over_the_draft_of_the_first(writer, make_story):
    story = make_story(state="draft")
    writer.post(autosave(story), fill(writer.get(change(story)), body="In the first."))
    answer = writer.post(autosave(story), fill(writer.get(change(story)), body="In the second."))
    assert answer.status_code == 409
    assert "Another window of yours" in answer.json()["error"]
    assert Draft.objects.get().fields["body"] == "In the first."


def test_everybody_has_a_draft_of_their_own(client, make_story):
    story = make_story(state="draft")
    for group in ("writer", "editor"):
        client.force_login(member_of(group))
        client.post(autosave(story), fill(client.get(change(story)), body=f"By the {group}."))
    assert {draft.fields["body"] for draft in Draft.objects.all()} == {"By the writer.", "By the editor."}


def test_a_draft_says_when_the_story_has_moved_on_and_is_kept_all_the_same(writer, make_story):
    story = make_story(body="Saved.", state="draft")
    typed = fill(writer.get(change(story)), body="Typed.")
    story.body = "Saved by another."
    save_story(story)
    assert "has saved this story while you were writing" in writer.post(autosave(story), typed).json()["conflict"]
    assert Draft.objects.get().fields["body"] == "Typed."
    story.refresh_from_db()
    assert story.body == "Saved by another."


def test_what_a_writer_typed_while_the_story_was_approved_becomes_a_draft(writer, make_story):
    story = make_story(body="Saved.", state="in review")
    typed = fill(writer.get(change(story)), body="Typed.")
    story.state = "approved"
    save_story(story)
    page = writer.post(change(story), typed, follow=True)
    assert "was approved while you were writing" in " ".join(messages(page))
    assert "Typed." in page.content.decode()
    assert Draft.objects.get().fields["body"] == "Typed."


# Two people at once


@pytest.fixture
def both_changed(editor, make_story, make_topic):
    """What an editor sends after somebody else has saved the same story: the text and title by both, the rest by one."""
    story = make_story("Grids", body="The old text.\n\nAn end.", summary="Old summary.", state="draft")
    typed = fill(
        editor.get(change(story)), title="My grids", body="My new text.\n\nAn end.", topics=[make_topic("mine").pk]
    )
    story.title, story.body, story.summary = "Their grids", "Their new text.\n\nAn end.", "Their summary."
    save_story(story, editor=member_of("writer"), note="Theirs")
    return story, typed


def test_a_save_over_somebody_elses_is_stopped_with_both_versions_side_by_side(editor, both_changed):
    story, typed = both_changed
    page = editor.post(change(story), typed)
    html = page.content.decode()
    assert "a-writer saved this story while you were writing" in html
    assert "<del>Their </del>" in html
    assert "<ins>My </ins>" in html
    form = page.context["adminform"].form
    assert form["body"].value() == "My new text.\n\nAn end."
    assert form["summary"].value() == "Their summary."  # which only they have changed
    assert form["topics"].value() == typed["topics"] or list(map(int, form["topics"].value())) == typed["topics"]
    story.refresh_from_db()
    assert story.body == "Their new text.\n\nAn end."


def sent_again(page, **changes):
    """What the page of a conflict sends: the form as it was drawn."""
    return fill(page, **changes)


def test_mine_is_kept_when_it_is_saved_again_and_theirs_stays_in_the_revisions(editor, both_changed):
    story, typed = both_changed
    page = editor.post(change(story), typed)
    editor.post(change(story), sent_again(page))
    story.refresh_from_db()
    assert (story.title, story.body, story.summary) == ("My grids", "My new text.\n\nAn end.", "Their summary.")
    assert [topic.name for topic in story.topics.all()] == ["mine"]
    assert "Their new text.\n\nAn end." in [each.snapshot["body"] for each in story.revisions.all()]


def test_theirs_is_taken_for_the_fields_for_which_that_is_chosen(editor, both_changed):
    story, typed = both_changed
    page = editor.post(change(story), typed)
    editor.post(change(story), sent_again(page, **{"keep-body": "theirs", "keep-title": "mine"}))
    story.refresh_from_db()
    assert (story.title, story.body) == ("My grids", "Their new text.\n\nAn end.")


def test_a_third_save_in_between_is_met_with_a_second_comparison(editor, both_changed):
    story, typed = both_changed
    page = editor.post(change(story), typed)
    story.refresh_from_db()
    story.body = "Theirs again."
    save_story(story)
    page = editor.post(change(story), sent_again(page))
    assert page.context["conflict"].fields[0].theirs == "Theirs again."
    assert Story.objects.get().body == "Theirs again."


def test_papers_and_links_that_both_have_changed_are_asked_about(editor, make_story, make_paper):
    first, second = make_paper("First"), make_paper("Second")
    story = make_story("Grids", state="draft")
    typed = fill(editor.get(change(story)), papers=[first.pk])
    editor.post(change(story), fill(editor.get(change(story)), papers=[second.pk]))
    page = editor.post(change(story), typed)
    assert [field.label for field in page.context["conflict"].fields] == ["Papers"]
    editor.post(change(story), sent_again(page, papers=[first.pk], **{"keep-papers": "theirs"}))
    assert [row.paper for row in story.story_papers.all()] == [second]


def test_two_who_changed_different_things_get_both(editor, make_story):
    story = make_story("Grids", body="Old.", summary="Old.", state="draft")
    typed = fill(editor.get(change(story)), body="Mine.")
    story.summary = "Theirs."
    save_story(story)
    page = editor.post(change(story), typed)
    assert page.context["conflict"].fields == []
    editor.post(change(story), sent_again(page))
    story.refresh_from_db()
    assert (story.body, story.summary) == ("Mine.", "Theirs.")


# Pictures


def picture(name="My grid.png", size=(600, 300)):
    data = io.BytesIO()
    PillowImage.new("RGB", size).save(data, "PNG")
    return SimpleUploadedFile(name, data.getvalue(), "image/png")


def test_a_pasted_picture_is_stored_and_named(writer):
    answer = writer.post("/admin/issues/story/picture/", {"file": picture()}).json()
    assert answer == {"source": "figures/my-grid.png", "address": Image.objects.get().file.url}
    again = writer.post("/admin/issues/story/picture/", {"file": picture("other.png")}).json()
    assert again["source"] == "figures/my-grid.png"
    assert Image.objects.count() == 1


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        (SimpleUploadedFile("x.png", b"<svg onload=alert(1)>"), "be read as a PNG or JPEG picture"),
        (SimpleUploadedFile("x.png", b"x" * (10 * 1024 * 1024 + 1)), "10 MB are the most"),
        (picture(size=(12_001, 1)), "no side may have over 12,000"),
    ],
)
def test_a_picture_that_is_refused_is_refused_in_a_sentence(writer, file, sentence):
    assert sentence in writer.post("/admin/issues/story/picture/", {"file": file}).json()["error"]
    assert not Image.objects.exists()


# Papers and resources


def paste(client, text, **more):
    return client.post("/admin/issues/story/source/", {"text": text, **more}).json()


def test_a_pasted_identifier_becomes_a_paper_that_is_looked_up(writer):
    answer = paste(writer, "https://arxiv.org/abs/2005.14165v4")
    paper = Paper.objects.get()
    assert (answer["list"], answer["key"], paper.arxiv_id) == ("papers", paper.pk, "2005.14165")
    assert "Being looked up" in answer["row"]
    assert Lookup.objects.get().requested_by.username == "a-writer"


def test_a_row_shows_title_and_authors_once_they_are_there(writer, make_paper):
    paper = make_paper("On Grids", authors=("Brown", "Mann", "Li", "Wu"))
    row = writer.get(reverse("admin:issues_story_paper_row", args=[paper.pk])).content.decode()
    assert "On Grids" in row
    assert "Brown, Mann, Li and 1 more" in row


def test_a_paper_says_in_which_issue_it_was_covered(writer, publication, make_paper, make_story, make_issue):
    paper = make_paper()
    earlier = make_story(papers=[paper], issue=make_issue(number=41))
    assert "DT #41" in paste(writer, paper.identifier)["row"]
    assert "DT #41" not in paste(writer, paper.identifier, story=earlier.pk)["row"]


def test_a_pasted_address_becomes_a_resource_with_a_guessed_kind_and_title(writer):
    answer = paste(writer, "https://github.com/fchollet/ARC/")
    resource = Resource.objects.get()
    assert (answer["list"], resource.kind, resource.title) == ("resources", "code", "fchollet/ARC")


def test_what_is_no_identifier_is_refused_in_a_sentence(writer):
    assert "There is no arXiv identifier, DOI, ISBN or address in this" in paste(writer, "nothing")["error"]


def test_pasted_lines_are_taken_in_by_saving_without_javascript(writer, make_section, make_paper):
    paper = make_paper()
    lines = f"{paper.identifier}\n\nhttps://example.org/a-first-title"
    typed = {"title": "Grids", "slug": "grids", "section": make_section().pk, "body": "A text."}
    writer.post(ADD, fill(writer.get(ADD), **typed, paste=lines))
    story = Story.objects.get()
    assert [row.paper for row in story.story_papers.all()] == [paper]
    assert [row.title for row in story.story_resources.all()] == ["A first title"]


def test_a_pasted_line_that_is_wrong_is_named_and_stays(writer, make_section):
    typed = {"title": "Grids", "slug": "grids", "section": make_section().pk, "body": "A text.", "paste": "nothing"}
    page = writer.post(ADD, fill(writer.get(ADD), **typed))
    assert "nothing: There is no arXiv identifier" in errors(page)
    assert page.context["adminform"].form["paste"].value() == "nothing"


def test_a_resource_gets_kind_and_title_in_the_form_of_a_story(writer, make_story):
    named = Resource.objects.create(url="https://example.org/", title="The site", kind="other")
    guessed = Resource.objects.create(url="https://example.org/a-b", title="A b", kind="other")
    story = make_story(resources=[named, guessed], state="draft")
    typed = {f"resources-title-{named.pk}": "Our name", f"resources-kind-{named.pk}": "demo"}
    typed |= {f"resources-title-{guessed.pk}": "First name", f"resources-kind-{guessed.pk}": "other"}
    writer.post(change(story), fill(writer.get(change(story)), resources=[named.pk, guessed.pk], **typed))
    named.refresh_from_db()
    guessed.refresh_from_db()
    assert [row.title for row in story.story_resources.all()] == ["Our name", "First name"]
    assert (named.title, named.kind, guessed.title) == ("The site", "demo", "First name")


def test_a_deleted_paper_is_named_and_the_rest_stays(editor, make_story, make_paper):
    story, paper = make_story(state="draft"), make_paper()
    page = editor.post(change(story), fill(editor.get(change(story)), papers=[paper.pk, 999], body="Typed."))
    assert "One paper of this list was deleted or merged" in errors(page)
    assert page.context["adminform"].form["body"].value() == "Typed."


def test_the_page_of_a_story_asks_as_often_for_20_papers_and_resources_as_for_2(writer, make_story, make_paper):
    def count(number):
        resources = [
            Resource.objects.create(url=f"https://example.org/{uuid.uuid4()}", title="A") for _ in range(number)
        ]
        story = make_story(papers=[make_paper() for _ in range(number)], resources=resources, state="draft")
        with CaptureQueriesContext(connection) as queries:
            assert writer.get(change(story)).status_code == 200
        return len(queries)

    count(2)
    assert count(2) == count(20)


# Review


def test_a_story_goes_from_draft_to_approved_with_a_comment_at_each_step(client, make_story):
    story = make_story(state="draft")
    for group, step, comment in [
        ("writer", "review", "Please look at the numbers."),
        ("editor", "back", "They are of 2019."),
        ("writer", "review", "Mended."),
        ("editor", "approve", ""),
    ]:
        client.force_login(User.objects.filter(username=f"a-{group}").first() or member_of(group))
        client.post(change(story), fill(client.get(change(story)), step=step, comment=comment))
    story.refresh_from_db()
    assert story.state == "approved"
    assert [(each.author.username, each.state, each.text) for each in story.comments.all()] == [
        ("a-writer", "in review", "Please look at the numbers."),
        ("a-editor", "draft", "They are of 2019."),
        ("a-writer", "in review", "Mended."),
        ("a-editor", "approved", ""),
    ]
    assert "They are of 2019." in client.get(change(story)).content.decode()
    assert Entry.objects.about(story).filter(action=Action.STATE_CHANGED).count() == 4


def test_a_comment_is_kept_without_a_step(writer, make_story):
    story = make_story(state="draft")
    writer.post(change(story), fill(writer.get(change(story)), comment="A thought."))
    comment = Comment.objects.get()
    assert (comment.text, comment.state) == ("A thought.", "")


def test_sending_to_review_saves_what_was_typed(writer, make_story):
    story = make_story(state="draft")
    writer.post(change(story), fill(writer.get(change(story)), step="review", body="Typed."))
    story.refresh_from_db()
    assert (story.state, story.body) == ("in review", "Typed.")
    assert story.revisions.order_by("-number")[0].note == "Sent to review"


@pytest.mark.parametrize("state", ["draft", "in review"])
def test_a_writer_is_offered_no_approval_and_refused_one(writer, make_story, state):
    story = make_story(state=state)
    page = writer.get(change(story))
    assert 'value="approve"' not in page.content.decode()
    page = writer.post(change(story), fill(page, step="approve"))
    assert "This step is not open to you" in errors(page)
    story.refresh_from_db()
    assert story.state == state


def test_an_approval_is_not_taken_back_once_the_issue_is_out(editor, make_story, make_issue):
    issue = make_issue()
    story = make_story(issue=issue)
    Issue.objects.filter(pk=issue.pk).update(state="published", published_at="2021-01-01T00:00Z")
    page = editor.post(change(story), fill(editor.get(change(story)), step="back"))
    assert "This step is not open to you" in errors(page)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_press_save_in_the_same_moment_one_is_asked(make_story):
    story = make_story("Grids", body="An old text.", state="draft")
    both = Barrier(2)

    def save(group):
        client = Client()
        client.force_login(member_of(group))
        typed = fill(client.get(change(story)), body=f"By the {group}.")
        both.wait(timeout=30)
        page = client.post(change(story), typed)
        # Not by its context: the test client puts there what any thread renders.
        asked = page.context["conflict"] if page.status_code == 200 else None
        connection.close()
        return group, asked

    with ThreadPoolExecutor() as executor:
        outcomes = list(executor.map(save, ["writer", "editor"]))
    [saved] = [group for group, asked in outcomes if not asked]
    [asked] = [asked for _, asked in outcomes if asked]
    assert asked.fields[0].theirs == f"By the {saved}."
    assert Story.objects.get().body == f"By the {saved}."


def test_a_preview_of_nothing_is_no_error(client, publication, db):
    client.force_login(member_of("writer"))
    assert client.post("/admin/issues/story/live/").json()["words"] == 0
