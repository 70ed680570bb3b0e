"""Saving texts: HTML, references and revisions together, or nothing."""

import pytest

from issues.errors import BadMarkdown
from issues.models import Story
from issues.writing import arrange, save_issue, save_publication, save_story, save_topic, set_papers, set_resources
from papers.models import Resource

pytestmark = pytest.mark.django_db


def test_saving_a_story_stores_its_html_its_words_and_a_revision(make_story, admin_user):
    story = make_story(body="Three *short* words")
    stored = Story.objects.get(pk=story.pk)
    assert stored.body_html == "<p>Three <em>short</em> words</p>"
    assert stored.word_count == 3
    story.body = "Two words"
    save_story(story, editor=admin_user, note="Shorter")
    last = story.revisions.first()
    assert (last.number, last.editor, last.note, last.snapshot["body"]) == (2, admin_user, "Shorter", "Two words")


def test_saving_the_same_again_makes_no_revision(make_story):
    story = make_story(topics=[])
    save_story(story)
    save_story(story)
    assert story.revisions.count() == 1


def test_a_story_that_cannot_be_rendered_changes_nothing(make_story):
    story = make_story(body="Before DT #1")
    story.body, story.title = "[" * 2_000, "After"
    with pytest.raises(BadMarkdown):
        save_story(story)
    stored = Story.objects.get(pk=story.pk)
    assert (stored.body, stored.title) == ("Before DT #1", "Story 1")
    assert stored.references.count() == stored.revisions.count() == 1


def test_a_story_comes_last_in_its_issue_and_has_no_position_without_one(make_issue, make_story):
    issue = make_issue()
    assert [make_story(issue=issue).position for _ in range(3)] == [1, 2, 3]
    story = make_story()
    assert story.position is None
    story.issue = issue
    save_story(story)
    assert story.position == 4
    story.issue = None
    save_story(story)
    assert story.position is None


def test_stories_can_be_arranged_in_any_order(make_issue, make_story):
    issue = make_issue()
    stories = [make_story(issue=issue) for _ in range(4)]
    wanted = [stories[index] for index in (3, 0, 2, 1)]
    arrange(issue, wanted)
    assert list(issue.stories.order_by("position")) == wanted
    assert list(issue.stories.order_by("position").values_list("position", flat=True)) == [1, 2, 3, 4]


def test_footnotes_of_all_texts_of_an_issue_have_ids_of_their_own(make_issue, make_story):
    note = "a[^1]\n\n[^1]: b"
    issue = make_issue(intro=note, outro=note)
    page = issue.intro_html + issue.outro_html + "".join(make_story(body=note, issue=issue).body_html for _ in range(2))
    ids = [part.split('"')[0] for part in page.split(' id="')[1:]]
    assert len(ids) == len(set(ids)) == 8


def test_intro_outro_topic_and_publication_are_rendered_when_they_are_saved(make_issue, make_topic, publication):
    issue = make_issue(intro="*a*", outro="*b*")
    assert (issue.intro_html, issue.outro_html) == ("<p><em>a</em></p>", "<p><em>b</em></p>")
    issue.intro = "*c*"
    save_issue(issue)
    issue.refresh_from_db()
    assert issue.intro_html == "<p><em>c</em></p>"
    topic = make_topic(description="*d*")
    save_topic(topic)
    topic.refresh_from_db()
    assert topic.description_html == "<p><em>d</em></p>"
    publication.description = "*e*"
    save_publication(publication)
    publication.refresh_from_db()
    assert publication.description_html == "<p><em>e</em></p>"


def test_papers_and_resources_keep_their_order_and_say_whether_they_changed(make_story, make_paper):
    story, papers = make_story(), [make_paper(f"Paper {number}") for number in range(3)]
    assert set_papers(story, papers)
    assert not set_papers(story, papers)
    assert set_papers(story, papers[::-1])
    assert [row.paper for row in story.story_papers.all()] == papers[::-1]
    resources = [
        (Resource.objects.create(url=f"https://example.org/{n}", title=f"R{n}"), f"label {n}") for n in range(2)
    ]
    assert set_resources(story, resources)
    assert not set_resources(story, resources)
    assert [row.title for row in story.story_resources.all()] == ["label 0", "label 1"]
    assert set_resources(story, [])
    assert not story.story_resources.exists()
