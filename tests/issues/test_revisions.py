from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from audit.models import Action, Entry
from issues.comparing import both_sides, count_changes, side_by_side
from issues.models import Issue, Story
from issues.writing import save_issue, save_story
from tests.admin_forms import fill


def page_of(kind, thing, name="revisions", *more):
    return reverse(f"admin:issues_{kind}_{name}", args=[thing.pk, *more])


@given(st.text(alphabet="ab \n"), st.text(alphabet="ab \n"))
def test_the_pieces_of_both_sides_are_the_two_texts(before, after):
    left, right = both_sides(before, after)
    assert "".join(piece.text for piece in left) == before
    assert "".join(piece.text for piece in right) == after
    assert [piece.text for piece in left if piece.kind == "same"] == [
        piece.text for piece in right if piece.kind == "same"
    ]


def test_what_is_the_same_is_cut_to_the_lines_around_a_change():
    lines = [f"line {number}" for number in range(20)]
    rows = side_by_side("\n".join(lines), "\n".join([*lines[:10], "another", *lines[11:]]))
    assert [row.skipped for row in rows] == [8, 0, 0, 0, 7]
    assert [row.changed for row in rows] == [False, False, True, False, False]


def test_words_that_came_and_went_are_counted():
    assert count_changes("a grid of colours", "a large grid of of colour") == (3, 1)


def test_every_save_is_listed_with_who_when_and_how_many_words(editor, make_story):
    story = make_story("Grids", body="One two three.")
    story.body = "One two four five."
    save_story(story, editor=User.objects.get(username="a-editor"), note="More numbers")
    page = editor.get(page_of("story", story))
    newest, first = page.context["lines"]
    assert (newest.revision.number, newest.added, newest.removed) == (2, 2, 1)
    assert first.revision.number == 1
    assert "More numbers" in page.content.decode()
    assert "a-editor" in page.content.decode()


def test_the_list_of_revisions_asks_as_often_for_30_as_for_2(editor, make_story):
    story = make_story(body="0")

    def count(saves):
        for _ in range(saves):
            story.body += " more"
            save_story(story)
        with CaptureQueriesContext(connection) as queries:
            assert editor.get(page_of("story", story)).status_code == 200
        return len(queries)

    count(1)
    few = count(0)
    assert count(28) == few


def test_two_revisions_stand_side_by_side_in_words_that_people_read(editor, make_story, make_topic, make_paper):
    story = make_story("Grids", body="Old words stay.", state="draft")
    story.body, story.state = "New words stay.", "in review"
    save_story(story)
    page = editor.get(page_of("story", story, "compare", 2)).content.decode()
    assert "<del>Old </del>" in page
    assert "<ins>New </ins>" in page
    assert "In </ins>" in page or "In review" in page


def test_papers_and_resources_of_a_revision_are_named(editor, make_story, make_paper, make_topic):
    story = make_story(state="draft")
    address = reverse("admin:issues_story_change", args=[story.pk])
    paper = make_paper("On Grids")
    editor.post(address, fill(editor.get(address), papers=[paper.pk], topics=[make_topic("puzzles").pk]))
    page = editor.get(page_of("story", story, "compare", 2)).content.decode()
    assert "On Grids" in page.replace("</ins><ins>", "")
    assert "puzzles" in page


def test_an_earlier_revision_comes_back_as_a_new_one(editor, make_story, make_topic, make_paper):
    topic, paper = make_topic(), make_paper()
    story = make_story("First", body="As it was.", topics=[topic], papers=[paper], state="draft")
    address = reverse("admin:issues_story_change", args=[story.pk])
    editor.post(address, fill(editor.get(address)))  # the first revision with topics and papers
    editor.post(address, fill(editor.get(address), title="Second", body="As it is.", papers=[], topics=[]))
    kept = next(each.number for each in story.revisions.order_by("-number") if each.snapshot["topics"])
    page = editor.get(f"{address}?revision={kept}")
    editor.post(f"{address}?revision={kept}", fill(page, papers=[paper.pk]))
    story = Story.objects.get()
    assert (story.title, story.body) == ("First", "As it was.")
    assert list(story.topics.all()) == [topic]
    assert [row.paper for row in story.story_papers.all()] == [paper]
    assert story.revisions.order_by("-number")[0].note == f"Restored revision {kept}"
    assert Entry.objects.about(story).get(action=Action.RESTORED).note == f"Restored revision {kept}"


def test_a_revision_is_shown_in_the_form_before_it_comes_back(editor, make_story):
    story = make_story("First", body="As it was.", state="approved")
    story.title, story.body, story.state = "Second", "As it is.", "draft"
    save_story(story)
    page = editor.get(f"{reverse('admin:issues_story_change', args=[story.pk])}?revision=1")
    assert "This is revision 1" in page.content.decode()
    assert page.context["adminform"].form["body"].value() == "As it was."
    story.refresh_from_db()
    assert (story.body, story.state) == ("As it is.", "draft")


def test_an_issue_has_revisions_too(editor, make_issue):
    issue = make_issue(title="Grids", intro="Good morning.")
    issue.intro = "Good evening."
    save_issue(issue)
    assert "<ins>evening.</ins>" in editor.get(page_of("issue", issue, "compare", 2)).content.decode()
    address = reverse("admin:issues_issue_change", args=[issue.pk])
    editor.post(f"{address}?revision=1", fill(editor.get(f"{address}?revision=1")))
    assert Issue.objects.get().intro == "Good morning."
    assert issue.revisions.order_by("-number")[0].note == "Restored revision 1"


def test_revisions_are_for_those_who_may_see_the_text(client, make_story):
    story = make_story()
    client.force_login(User.objects.create_user("nobody", is_staff=True))
    assert client.get(page_of("story", story)).status_code == 403
    assert client.get(page_of("story", story, "compare", 1)).status_code == 403
