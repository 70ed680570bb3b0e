import json

import pytest
from django.core.management import CommandError, call_command

from deliveries.models import Mailing


@pytest.fixture
def issue(publication, make_issue, make_story, make_subscriber):
    issue = make_issue(number=41)
    make_story(issue=issue, position=1)
    make_subscriber()
    return issue


def test_the_command_starts_pauses_resumes_and_cancels(issue, capsys):
    for step, state in [("start", "sending"), ("pause", "paused"), ("resume", "sending"), ("cancel", "cancelled")]:
        call_command("mailing", step, "41", "--json")
        told = json.loads(capsys.readouterr().out)
        assert told["state"] == Mailing.objects.get().state == state
    assert told["candidates"] == told["skipped"] == 1


def test_status_is_told_in_lines_or_as_json(issue, capsys):
    call_command("mailing", "start", "41")
    capsys.readouterr()
    call_command("mailing", "status", "41")
    assert "remaining:     1" in capsys.readouterr().out
    call_command("mailing", "status", "41", "--json")
    told = json.loads(capsys.readouterr().out)
    assert told["remaining"] == 1
    assert told["started_at"].endswith("+00:00")
    assert told["finished_at"] == told["scheduled_for"] == ""


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [(["status", "99"], "There is no issue 99"), (["pause", "41"], "has no mailing")],
)
def test_what_cannot_be_done_is_said(issue, arguments, sentence):
    with pytest.raises(CommandError, match=sentence):
        call_command("mailing", *arguments)


def test_an_issue_that_is_not_ready_is_not_started(publication, make_issue):
    make_issue(number=41)
    with pytest.raises(CommandError, match="no stories"):
        call_command("mailing", "start", "41")
