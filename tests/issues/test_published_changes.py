"""Changing a published story in the admin: a typo or a correction."""

from datetime import timedelta
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from audit.models import Entry
from tests.admin_forms import change, errors, fill, save

ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture
def story(make_issue, make_story):
    issue = make_issue(published_at=timezone.now() - timedelta(days=9))
    return make_story(title="Maps", body="It was 41.", summary="A summary.", issue=issue)


def updated(client):
    feed = ElementTree.fromstring(client.get("/feed.atom").content)
    return feed.find(f"{ATOM}entry/{ATOM}updated").text


def test_a_change_of_what_readers_have_seen_has_to_be_called_typo_or_correction(editor, story):
    answer = save(editor, change(story), body="It was 42.")
    assert "Say what kind of change it is" in errors(answer)
    assert "It was 42." in answer.content.decode(), "what was typed is kept"
    story.refresh_from_db()
    assert story.body == "It was 41."


def test_a_typo_makes_a_revision_and_nothing_public(editor, story):
    before = updated(editor)
    save(editor, change(story), body="It was  41!", change="typo")
    story.refresh_from_db()
    assert story.body == "It was  41!"
    assert story.revisions.first().note == "Typo"
    assert not story.corrections.exists()
    assert updated(editor) == before


def test_a_correction_is_dated_reasoned_public_and_moves_the_feed(editor, story):
    before = updated(editor)
    save(editor, change(story), body="It was 42.", change="correction", correction="It was 42, not 41.")
    correction = story.corrections.get()
    assert correction.date == timezone.localdate()
    assert story.revisions.first().note == "Correction: It was 42, not 41."
    assert updated(editor) > before
    for page in (story.get_absolute_url(), "/corrections/", "/corrections/feed.atom"):
        assert "It was 42, not 41." in editor.get(page).content.decode()
    entry = Entry.objects.get(action="corrected")
    assert (entry.who, entry.object_name, entry.note) == ("a-editor", "Maps", "It was 42, not 41.")


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])  # Never on the same date.
def test_a_correction_has_todays_date_where_the_publication_is(editor, story, publication, zone):
    publication.time_zone = zone
    publication.save()
    save(editor, change(story), body="It was 42.", change="correction", correction="It was 42, not 41.")
    assert story.corrections.get().date == timezone.localdate(timezone=ZoneInfo(zone))


def test_a_correction_is_reworded_or_withdrawn_and_the_audit_trail_tells_of_it(editor, story):
    save(editor, change(story), body="It was 42.", change="correction", correction="It was 24.")
    save(editor, change(story), **{"corrections-0-text": "It was 42, not 41."})
    assert story.corrections.get().text == "It was 42, not 41."
    save(editor, change(story), **{"corrections-0-DELETE": "on"})
    assert not story.corrections.exists()
    entries = Entry.objects.about(story)
    assert entries.get(action="corrected").note == "It was 24."
    withdrawn, reworded = entries.filter(action="changed", note__contains="It was 42, not 41.")
    assert (reworded.who, withdrawn.who) == ("a-editor", "a-editor")
    assert "Changed Text for correction" in reworded.note
    assert "Deleted correction" in withdrawn.note


def test_a_correction_is_made_in_one_way_only(editor, story):
    forms = fill(editor.get(change(story)))
    assert (forms["corrections-TOTAL_FORMS"], forms["corrections-MAX_NUM_FORMS"]) == (0, 0)


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        ({"change": "correction"}, "Tell readers what was wrong"),
        ({"change": "typo", "correction": "It was 42."}, "A typo is mended without a note"),
    ],
)
def test_an_answer_that_contradicts_itself_is_refused(editor, story, answers, sentence):
    answer = save(editor, change(story), body="It was 42.", **answers)
    assert sentence in errors(answer)
    assert not story.corrections.exists()


def test_what_readers_would_not_notice_needs_no_answer(editor, story):
    save(editor, change(story), note="For the record", body="It was 41.\r\n")
    story.refresh_from_db()
    assert story.body == "It was 41."
    assert not story.corrections.exists()


def test_nothing_is_asked_before_publication(editor, make_story):
    story = make_story(body="It was 41.")
    page = editor.get(change(story))
    assert "change" not in fill(page)
    save(editor, change(story), body="It was 42.")
    story.refresh_from_db()
    assert story.body == "It was 42."
