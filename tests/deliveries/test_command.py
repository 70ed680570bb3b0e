import json

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from audit.models import Entry
from deliveries.models import Delivery, Mailing


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
    assert told["started_at"] < told["tried_until"]
    assert told["started_at"].endswith("+00:00")
    assert told["finished_at"] == told["scheduled_for"] == ""


@pytest.fixture
def doubts(issue, make_subscriber, capsys):
    """Three deliveries of issue 41 are uncertain."""
    for name in ("ada", "grace"):
        make_subscriber(f"{name}@example.org")
    call_command("mailing", "start", "41")
    Delivery.objects.update(state="uncertain", reason="Worker seven ended.", finished_at=timezone.now())
    Mailing.objects.update(state="sent", finished_at=timezone.now())
    capsys.readouterr()


@pytest.mark.usefixtures("doubts")
def test_what_is_uncertain_is_listed_with_who_and_why(capsys):
    Delivery.objects.filter(subscriber__email="grace@example.org").update(state="failed", reason="550 No")
    call_command("mailing", "uncertain", "41")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert "ada@example.org: Uncertain: may have arrived. Worker seven ended." in lines


@pytest.mark.usefixtures("doubts")
def test_what_is_uncertain_is_settled_one_by_one_or_all_at_once(capsys):
    call_command("mailing", "settle", "41", "--as", "again", "--email", "Ada@example.org", "--json")
    told = json.loads(capsys.readouterr().out)
    assert (told["state"], told["uncertain"], told["remaining"]) == ("sending", 2, 1)
    assert Delivery.objects.queued().get().subscriber.email == "ada@example.org"
    call_command("mailing", "settle", "41", "--as", "sent", "--json")
    told = json.loads(capsys.readouterr().out)
    assert (told["sent"], told["uncertain"], told["remaining"]) == (2, 0, 1)
    assert set(Entry.objects.filter(action="resolved").values_list("who", flat=True)) == {"the command line"}


@pytest.mark.usefixtures("doubts")
def test_settling_asks_how_and_says_who_has_nothing_to_settle():
    with pytest.raises(CommandError, match="--as sent"):
        call_command("mailing", "settle", "41")
    with pytest.raises(CommandError, match=r"uncertain for eve@example.org"):
        call_command("mailing", "settle", "41", "--as", "sent", "--email", "eve@example.org")
    Mailing.objects.update(state="cancelled")
    with pytest.raises(CommandError, match="cancelled"):
        call_command("mailing", "settle", "41", "--as", "again")
    assert Delivery.objects.uncertain().count() == 3


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


def test_a_senders_address_that_no_mail_can_have_is_said(issue, publication):
    publication.from_email = "dïgest@example.org"
    publication.save()
    with pytest.raises(CommandError, match="SMTPUTF8"):
        call_command("mailing", "start", "41")
