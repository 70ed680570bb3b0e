"""Putting an issue together in the admin: its board, what it adds up to, and the email as it will be."""

import datetime

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from issues.arranging import board_of, move, read_board
from issues.email_previews import in_scheme
from issues.emailing import UNSUBSCRIBE_URL
from issues.errors import BadBoard
from issues.models import Issue, Story
from issues.proposing import next_date
from tests.admin_forms import change, errors, fill, member_of, save

pytestmark = pytest.mark.usefixtures("publication")
ADD = "/admin/issues/issue/add/"


@pytest.fixture
def issue(make_issue, make_story):
    """#50 with A, B and C in one section, and D in another; Q waits in the queue."""
    issue = make_issue(number=50, title="Fifty")
    for title in "ABC":
        make_story(title, issue=issue)
    return issue


@pytest.fixture
def queued(make_story):
    return make_story("Q")


def titles(issue):
    return [story.title for story in issue.stories.in_reading_order()]


def tokens_of(issue):
    return board_of(issue)[0].tokens


def pk(title):
    return Story.objects.get(title=title).pk


# What is proposed


def test_the_next_number_date_and_title_are_proposed(editor, make_issue, make_story):
    make_issue(number=65, date=datetime.date(2021, 6, 20))
    make_story("Not yet", state="draft")
    make_story("The lead")
    with time_machine.travel(datetime.datetime(2021, 6, 25, tzinfo=datetime.UTC)):
        editor.force_login(member_of("publisher"))
        form = editor.get(ADD).context["adminform"].form
    assert [str(form[name].value()) for name in ("number", "date", "title")] == ["66", "2021-07-04", "The lead"]


@pytest.mark.parametrize(
    ("before", "today", "proposed"),
    [
        ([], "2026-11-26", "2026-11-26"),
        (["2026-11-22"], "2026-11-26", "2026-12-06"),
        (["2026-11-22", "2026-11-15"], "2026-11-26", "2026-11-29"),
        (["2026-11-22", "2026-11-15"], "2026-11-22", "2026-11-29"),
        (["2026-11-01", "2026-10-25"], "2026-11-26", "2026-11-29"),
        (["2026-11-22", "2021-06-20"], "2026-11-26", "2026-12-06"),
        (["2026-11-22", "2026-11-22"], "2026-11-26", "2026-12-06"),
    ],
)
def test_the_rhythm_of_the_last_issues_goes_on_and_never_into_the_past(before, today, proposed):
    days = [datetime.date.fromisoformat(day) for day in before]
    assert str(next_date(days, datetime.date.fromisoformat(today))) == proposed


# The board


def test_a_new_issue_is_filled_from_the_queue(editor, queued, make_story):
    make_story("Draft", state="draft")
    board = move(move(board_of(Issue())[0], f"{queued.section_id}:{queued.pk}"), f"{queued.section_id}:{pk('Draft')}")
    save(editor, ADD, title="Next", board=board.tokens)
    issue = Issue.objects.get()
    assert titles(issue) == ["Q", "Draft"]
    assert [story.position for story in issue.stories.in_reading_order()] == [1, 2]
    assert issue.revisions.get().editor.username == "a-editor"


@pytest.mark.parametrize(
    ("step", "order"),
    [("up:{B}", "BAC"), ("down:{B}", "ACB"), ("up:{A}", "ABC"), ("down:{C}", "ABC"), ("queue:{B}", "AC")],
)
def test_each_step_has_a_button_that_works_without_a_script(editor, issue, step, order):
    step = step.format(**{title: pk(title) for title in "ABC"})
    answer = editor.post(change(issue), fill(editor.get(change(issue)), _move=step))
    assert answer.url.endswith(f"{change(issue)}#story-{step.partition(':')[2]}")
    assert "".join(titles(issue)) == order


def test_a_story_is_added_and_moved_to_another_section_by_buttons(editor, issue, queued, make_section):
    tools = make_section("Tools", position=9)
    editor.post(change(issue), fill(editor.get(change(issue)), _move=f"{queued.section_id}:{queued.pk}"))
    assert titles(issue) == ["A", "B", "C", "Q"]
    sent = fill(editor.get(change(issue)), **{"_move": f"to:{pk('A')}", f"to-{pk('A')}": tools.pk})
    editor.post(change(issue), sent)
    assert titles(issue) == ["B", "C", "Q", "A"]
    assert Story.objects.get(title="A").section == tools
    assert Story.objects.get(title="A").revisions.first().snapshot["section_id"] == tools.pk


def test_a_board_that_was_dragged_about_is_saved_as_it_stands(editor, issue, queued):
    section = queued.section_id
    ids = [pk(title) for title in "CQA"]
    board = [f"section:{section}", *(f"story:{each}" for each in ids), "queue", f"story:{pk('B')}"]
    save(editor, change(issue), board=board)
    assert titles(issue) == ["C", "Q", "A"]
    assert Story.objects.get(title="B").issue is None
    assert Story.objects.get(title="B").position is None


def test_what_somebody_else_did_meanwhile_stays(editor, issue, queued, make_issue, make_story):
    page = editor.get(change(issue))
    late = make_story("Late", issue=issue)
    Story.objects.filter(pk=queued.pk).update(issue=make_issue(number=51), position=1)
    editor.post(change(issue), fill(page, _move=f"{queued.section_id}:{queued.pk}"))
    assert titles(issue) == ["A", "B", "C", "Late"]
    editor.post(change(issue), fill(page, _move=f"up:{pk('B')}"))
    assert titles(issue) == ["B", "A", "C", "Late"]
    late.refresh_from_db()
    assert late.issue == issue


def test_saving_the_page_as_it_is_changes_no_story(editor, issue, queued):
    before = [story.updated_at for story in Story.objects.order_by("pk")]
    save(editor, change(issue), intro="New.")
    assert [story.updated_at for story in Story.objects.order_by("pk")] == before


def test_a_published_issue_lets_no_story_go_takes_none_and_keeps_its_number(editor, issue, queued):
    Issue.objects.filter(pk=issue.pk).update(state="published", published_at=timezone.now())
    page = editor.get(change(issue))
    assert "_move" not in page.content.decode()
    board = ["section:1", f"story:{queued.pk}", "queue", f"story:{pk('A')}"]
    sent = fill(page, number=42, board=board, board_before=" ".join(tokens_of(issue)), _move=f"queue:{pk('B')}")
    editor.post(change(issue), sent)
    issue.refresh_from_db()
    assert issue.number == 50
    assert titles(issue) == ["A", "B", "C"]


@pytest.mark.parametrize("tokens", [["story:1"], ["section:x"], ["queue", "story:1 "], ["section:1", "<b>"]])
def test_a_board_that_no_page_sends_is_refused_and_nothing_typed_is_lost(editor, issue, tokens):
    with pytest.raises(BadBoard):
        read_board(tokens)
    page = save(editor, change(issue), board=tokens, intro="Typed.")
    assert "Load the page again" in errors(page)
    assert page.context["adminform"].form["intro"].value() == "Typed."
    assert titles(issue) == ["A", "B", "C"]


def test_writers_look_and_move_nothing(client, issue):
    client.force_login(member_of("writer"))
    page = client.get(change(issue)).content.decode()
    assert ">A</a>" in page
    assert "_move" not in page
    assert client.post(change(issue), {"_move": f"queue:{pk('A')}"}).status_code == 403
    assert titles(issue) == ["A", "B", "C"]


def test_the_page_takes_as_many_queries_for_thirty_stories_as_for_three(editor, issue, make_story):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert editor.get(change(issue)).status_code == 200
        return len(captured)

    make_story()
    queries()
    few = queries()
    for number in range(27):
        make_story(f"In {number}", issue=issue)
        make_story(f"Waiting {number}")
    assert queries() == few


# Figures and email


def test_the_figures_are_those_of_the_form_and_nothing_is_saved(editor, issue, make_story):
    long = make_story("Long", body=f"{'word ' * 400}\n\n" * 40)
    address = reverse("admin:issues_issue_figures", args=[issue.pk])
    sent = fill(editor.get(change(issue)))
    figures = editor.post(address, sent).json()
    assert (figures["stories"], figures["minutes"], figures["size"]) == (3, 1, "fine")
    assert figures["subject"] == "DT #50: Fifty"
    more = editor.post(address, sent | {"_move": f"{long.section_id}:{long.pk}", "title": "Other"}).json()
    assert (more["stories"], more["minutes"], more["size"]) == (4, 70, "near")
    assert more["subject"] == "DT #50: Other"
    refused = editor.post(address, sent | {"intro": "[" * 2000})
    assert refused.status_code == 400
    assert "square brackets" in refused.json()["errors"]
    issue.refresh_from_db()
    assert (issue.title, issue.stories.count()) == ("Fifty", 3)


def email(client, issue, **wanted):
    return client.get(reverse("admin:issues_issue_email", args=[issue.pk]), wanted)


def test_the_email_shows_what_is_typed_before_it_is_saved(editor, issue, queued):
    sent = fill(editor.get(change(issue)), intro="Not *saved* yet.", _move=f"{queued.section_id}:{queued.pk}")
    shown = editor.post(reverse("admin:issues_issue_email", args=[issue.pk]), sent).content.decode()
    assert "Not <em>saved</em> yet." in shown
    assert ">Q</a>" in shown
    assert UNSUBSCRIBE_URL not in shown
    issue.refresh_from_db()
    assert (issue.intro, titles(issue)) == ("", ["A", "B", "C"])


def test_the_email_is_framed_where_nothing_runs_and_shown_without_pictures_on_demand(editor, issue):
    policy = email(editor, issue).headers["Content-Security-Policy"]
    assert "sandbox allow-popups allow-popups-to-escape-sandbox" in policy
    assert "img-src 'self'" in policy
    assert "img-src 'none'" in email(editor, issue, **{"preview-pictures": "off"}).headers["Content-Security-Policy"]


def test_the_text_is_shown_as_text(editor, issue):
    answer = email(editor, issue, **{"preview-form": "text"})
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "Fifty\n=====" in answer.content.decode()


def test_dark_is_the_emails_own_dark_rules_and_light_is_without_them(editor, issue):
    dark, light = (email(editor, issue, **{"preview-scheme": scheme}).content.decode() for scheme in ("dark", "light"))
    assert "prefers-color-scheme" not in dark + light
    assert dark.replace("@media all", "@media not all").replace('content="dark"', 'content="light"') == light
    assert in_scheme("@media (prefers-color-scheme: dark) {}", "dark") == "@media all {}"


def test_the_email_and_the_figures_are_for_those_who_may(client, issue):
    assert email(client, issue).status_code == 302
    client.force_login(member_of("writer"))
    assert email(client, issue).status_code == 200
    for page in ("email", "figures"):
        assert client.post(reverse(f"admin:issues_issue_{page}", args=[issue.pk])).status_code == 403
