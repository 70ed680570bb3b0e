import pytest
from django.core.management import CommandError, call_command

from issues.models import Issue, Revision, Story


def test_all_texts_are_rendered_anew_and_none_becomes_another_revision(make_issue, make_story, make_topic, capsys):
    issue = make_issue(intro="Good *morning*.")
    story = make_story(issue=issue, body="A *text*.")
    Story.objects.update(body_html="old")
    Issue.objects.update(intro_html="old")
    revisions = Revision.objects.count()
    call_command("render_texts")
    story.refresh_from_db()
    issue.refresh_from_db()
    assert story.body_html == "<p>A <em>text</em>.</p>"
    assert issue.intro_html == "<p>Good <em>morning</em>.</p>"
    assert Revision.objects.count() == revisions
    assert "texts are rendered anew" in capsys.readouterr().out


def test_a_text_that_can_not_be_rendered_is_named_and_keeps_none_of_the_others_back(make_story, capsys):
    make_story("The old one")
    Story.objects.update(body="[" * 2000)
    story = make_story(body="A *text*.")
    Story.objects.update(body_html="old")
    with pytest.raises(CommandError, match="1 refused"):
        call_command("render_texts")
    story.refresh_from_db()
    assert story.body_html == "<p>A <em>text</em>.</p>"
    assert "story “The old one”: The text opens over 1,000 square brackets." in capsys.readouterr().err
