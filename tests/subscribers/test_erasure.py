import json
from datetime import date, timedelta

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.core.management import CommandError, call_command

from subscribers import erasure, preferences, signup, tasks
from subscribers.errors import AlreadyKnown
from subscribers.models import ConsentEvent, Subscriber

pytestmark = pytest.mark.django_db


def everything_that_is_kept():
    return json.dumps([list(model.objects.values()) for model in (Subscriber, ConsentEvent, LogEntry)], default=str)


def test_erasure_keeps_the_history_and_no_address(make_subscriber):
    subscriber = signup.add("ada@example.org", consent="ada@example.org agreed at a conference", source="admin")
    assert erasure.erase(subscriber, source="test")
    assert "ada" not in everything_that_is_kept()
    assert list(subscriber.consent_events.values_list("kind", flat=True)) == ["added", "erased"]
    assert not erasure.erase(subscriber, source="test")


def test_an_erased_address_can_t_be_added_by_hand_but_signs_up_as_a_new_one(make_subscriber, sign_up, mailoutbox):
    erasure.erase(make_subscriber(email="Ada@example.org"), source="test")
    with pytest.raises(AlreadyKnown, match="erased"):
        signup.add("ada@example.org", consent="They said yes.", source="test")
    sign_up("ada@example.org")
    assert len(mailoutbox) == 1
    assert sorted(Subscriber.objects.values_list("state", flat=True)) == ["erased", "pending"]


def test_the_address_is_erased_that_somebody_has_by_then(make_subscriber):
    ada = make_subscriber(email="ada@example.org")
    Subscriber.objects.filter(pk=ada.pk).update(email="ada@new.example.org")  # confirmed in another window
    assert erasure.erase(ada, source="test")
    with pytest.raises(AlreadyKnown):
        signup.add("ada@new.example.org", consent="At a talk.", source="admin")


def test_two_people_can_be_erased(make_subscriber):
    for _ in range(2):
        assert erasure.erase(make_subscriber(), source="test")


def test_unconfirmed_sign_ups_are_forgotten_a_week_after_the_last_one(sign_up, make_subscriber):
    with time_machine.travel("2030-03-01T12:00Z", tick=False) as clock:
        active = make_subscriber()
        sign_up("once@example.org")
        sign_up("twice@example.org")
        clock.shift(timedelta(days=5))
        sign_up("twice@example.org")
        clock.shift(timedelta(days=2))
        tasks.forget_unconfirmed()
        assert Subscriber.objects.count() == 3
        clock.shift(timedelta(seconds=1))
        tasks.forget_unconfirmed()
    assert set(Subscriber.objects.values_list("email", flat=True)) == {active.email, "twice@example.org"}


def test_the_command_shows_unsubscribes_and_erases(make_subscriber, capsys):
    subscriber = make_subscriber(email="ada@example.org")
    call_command("subscriber", "show", "ADA@example.org")
    assert "ada@example.org: active" in capsys.readouterr().out
    call_command("subscriber", "unsubscribe", "ada@example.org", "--json")
    shown = json.loads(capsys.readouterr().out)
    assert (shown["state"], shown["changed"]) == ("unsubscribed", True)
    assert shown["history"][-1]["source"] == "command line"
    call_command("subscriber", "erase", "ada@example.org")
    subscriber.refresh_from_db()
    assert subscriber.state == "erased"
    assert "Erased: erased" in capsys.readouterr().out
    with pytest.raises(CommandError, match="Nobody in the list"):
        call_command("subscriber", "show", "ada@example.org")
    with pytest.raises(CommandError, match="one @"):
        call_command("subscriber", "show", "ada")


def test_the_command_tells_pause_choice_wish_and_what_was_sent(make_subscriber, capsys):
    subscriber = make_subscriber(email="ada@example.org")
    preferences.pause(subscriber, date(2030, 3, 20), wording="Pause until 20 March 2030")
    preferences.choose(subscriber, ["topic/robots"], wording="Only stories on robots")
    preferences.ask_to_move(subscriber, "new@example.org")
    call_command("subscriber", "show", "ada@example.org")
    shown = capsys.readouterr().out
    for words in ("nothing before 2030-03-20", "only topic/robots", "new@example.org", "Only stories on robots"):
        assert words in shown
    call_command("subscriber", "export", "ada@example.org")
    exported = json.loads(capsys.readouterr().out)
    assert exported["paused_until"] == "2030-03-20"
    assert exported["chosen"] == ["topic/robots"]
    assert exported["deliveries"] == exported["reports"] == []
    assert [event["what"] for event in exported["history"]][-2:] == ["paused", "chosen"]


def test_erasing_forgets_what_the_history_tells_of_a_person_s_tastes(make_subscriber):
    subscriber = make_subscriber()
    preferences.choose(subscriber, ["topic/robots"], wording="Only stories on robots")
    erasure.erase(subscriber, source="test")
    assert "robots" not in "".join(subscriber.consent_events.values_list("wording", flat=True))


def test_test_subscribers_are_made_once_and_with_debug_only(settings, capsys):
    with pytest.raises(CommandError, match="DEBUG"):
        call_command("make_test_subscribers", "3")
    settings.DEBUG = True
    call_command("make_test_subscribers", "3")
    call_command("make_test_subscribers", "5")
    assert "2 made, 3 were there already." in capsys.readouterr().out
    assert Subscriber.objects.active().count() == ConsentEvent.objects.filter(source="test data").count() == 5
