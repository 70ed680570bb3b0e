from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import FailedLogIn
from audit.models import Entry
from tests.accounts.conftest import PASSWORD, is_in, log_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("editor")]


def fail(client, times, **fields):
    return [log_in(client, password="wrong", **fields).status_code for _ in range(times)]


def test_after_five_wrong_ones_from_a_network_even_the_right_password_has_to_wait(client):
    assert fail(client, 6) == [200] * 5 + [429]
    assert log_in(client, address="192.0.2.77").status_code == 429, "a neighbour's address"
    assert not is_in(client)
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        assert log_in(client).status_code == 302


def test_the_same_is_answered_for_accounts_that_do_not_exist(client):
    """Words, status and the number of queries; and a password is hashed for both, which is what takes time."""
    answers = {}
    for username in ("editor", "nobody"):
        other = Client()
        log_in(other, password="wrong", username=username, address="203.0.113.9")
        with CaptureQueriesContext(
            connection,
        ) as queries:
            page = log_in(other, password="wrong", username=username, address="203.0.113.9")
        answers[username] = (page.status_code, page.content.decode().replace(username, ""), len(queries))
    first, second = answers.values()
    assert first[0] == second[0] == 200
    assert without_token(first[1]) == without_token(second[1])
    assert first[2] == second[2]


def without_token(page):
    return [line for line in page.splitlines() if "csrfmiddlewaretoken" not in line]


def test_a_stranger_locks_no_editor_out_of_the_browser_they_use(client):
    log_in(client, address="198.51.100.1")
    client.post("/admin/logout/")
    for network in range(10):
        fail(Client(), 5, address=f"203.0.{network}.1")
    assert log_in(Client(), address="192.0.2.1").status_code == 429, "from everywhere else nobody guesses on"
    assert log_in(client, address="192.0.2.1").status_code == 302
    assert is_in(client)


def test_a_known_browser_gets_no_more_guesses_than_another(client):
    log_in(client)
    client.post("/admin/logout/")
    assert fail(client, 6) == [200] * 5 + [429]
    assert fail(client, 1, address="203.0.113.5") == [429]


def test_a_cookie_of_one_account_is_worth_nothing_for_another(client):
    User.objects.create_superuser("ada", password=PASSWORD)
    log_in(client, username="ada")
    client.post("/admin/logout/")
    for network in range(10):
        fail(Client(), 5, address=f"203.0.{network}.1")
    assert log_in(client).status_code == 429


def test_a_network_that_tries_many_names_is_stopped(client):
    codes = [fail(client, 1, username=f"name{number}")[0] for number in range(31)]
    assert codes == [200] * 30 + [429]


def test_the_right_password_of_somebody_who_is_not_staff_counts_as_wrong(client):
    User.objects.create_user("reader", password=PASSWORD)
    assert [log_in(client, username="reader").status_code for _ in range(6)] == [200] * 5 + [429]


def test_neither_names_nor_whole_addresses_are_kept(client):
    fail(client, 1, username="my secret pass phrase")
    kept = str(list(FailedLogIn.objects.values())) + str(list(Entry.objects.values()))
    assert "secret" not in kept
    assert "192.0.2.1'" not in kept
    assert Entry.objects.get().object_name == "no account of this name"


def test_what_no_limit_looks_at_any_more_is_deleted(client):
    fail(client, 1)
    with time_machine.travel(timezone.now() + timedelta(days=2)):
        fail(client, 1)
    assert FailedLogIn.objects.count() == 1


def test_a_name_in_letters_that_only_look_otherwise_counts_as_the_same_account(client):
    """Django folds them (NFKC) before it looks for the account, so each would be one more guess."""
    names = ["editor", "ｅditor", "eｄitor", "edｉtor", "ediᵗor", " editor", "ｅｄitor"]
    codes = [log_in(client, password="wrong", username=name).status_code for name in names]
    assert codes == [200] * 5 + [429] * 2


@pytest.mark.parametrize(
    ("one", "another", "is_the_same"),
    [
        ("::ffff:192.0.2.1", "::ffff:198.51.100.1", False),
        ("::ffff:192.0.2.1", "192.0.2.77", True),
        ("2001:db8::1", "2001:db8::2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
    ],
)
def test_ipv4_told_as_ipv6_is_not_one_network_for_all_the_world(client, one, another, is_the_same):
    """A stranger would use up everybody's guesses."""
    fail(client, 5, address=one)
    assert log_in(client, address=another).status_code == (429 if is_the_same else 302)


def test_a_name_with_a_character_that_no_database_takes_is_refused_like_any_other(client):
    assert fail(client, 6, username="edi\0tor") == [200] * 5 + [429]


def test_many_at_once_get_no_more_guesses_than_one_after_the_other(client, monkeypatch):
    """Each starts before any other has been answered."""
    codes = []

    def authenticate(*args, **kwargs):
        if len(started) < 8:
            started.append(True)
            codes.append(log_in(Client(), password="wrong").status_code)

    started = [True]
    monkeypatch.setattr("django.contrib.auth.forms.authenticate", authenticate)
    codes.append(log_in(client, password="wrong").status_code)
    assert sorted(codes) == [200] * 5 + [429]
