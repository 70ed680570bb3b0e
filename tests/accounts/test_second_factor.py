from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
import time_machine
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from audit.models import Entry
from tests.accounts.conftest import LOGIN, PASSWORD, code_now, is_in, log_in, set_up

CODE = "/admin/second-factor/code/"
SET_UP = "/admin/second-factor/set-up/"
MANAGE = "/admin/second-factor/"

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("editor", "required")]


def test_who_has_none_sets_one_up_at_the_first_log_in_and_gets_recovery_codes_once(client):
    _, codes = set_up(client)
    assert is_in(client)
    assert len(set(codes)) == 10
    assert StaticToken.objects.count() == 10
    stored = set(StaticToken.objects.values_list("token", flat=True))
    assert not stored & {code.replace("-", "") for code in codes}, "only digests are stored"
    assert codes[0] not in client.get(MANAGE).content.decode()


def test_who_knows_the_password_does_not_learn_the_key_that_somebody_else_sets_up(client):
    """Whoever looked at the page before the owner did, and left again, would have both factors from then on."""
    thief = Client()
    log_in(thief)
    seen = thief.get(SET_UP).context["typed_key"]
    log_in(client)
    key = client.get(SET_UP).context["typed_key"]
    assert key != seen
    assert key == client.get(SET_UP).context["typed_key"], "the same until a code of it is shown"
    assert thief.get(SET_UP).context["typed_key"] == seen
    device = TOTPDevice.objects.latest("pk")
    assert client.post(SET_UP, {"code": code_now(device)}).status_code == 200
    assert TOTPDevice.objects.get() == device
    assert not is_in(thief)
    assert thief.get(SET_UP)["Location"] == LOGIN


@pytest.mark.django_db(transaction=True)
def test_of_two_sessions_that_set_it_up_in_one_moment_one_has_it(client, editor):
    clients = [client, Client()]
    codes = []
    for each in clients:
        log_in(each)
        each.get(SET_UP)
        codes.append(code_now(TOTPDevice.objects.latest("pk")))
    barrier = Barrier(2)

    def post(each, code):
        try:
            barrier.wait(timeout=30)
            return each.post(SET_UP, {"code": code})
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as executor:
        statuses = [answer.status_code for answer in executor.map(post, clients, codes)]
    assert statuses.count(200) == 1
    assert not [status for status in statuses if status >= 500]
    assert TOTPDevice.objects.filter(confirmed=True).count() == 1
    assert [is_in(each) for each in clients] == [status == 200 for status in statuses]


def test_the_page_to_set_it_up_shows_the_key_and_runs_nothing_inline(client):
    log_in(client)
    answer = client.get(SET_UP)
    page = answer.content.decode()
    assert 'src="data:image/svg+xml' in page
    assert answer.context["typed_key"] in page
    assert " style=" not in page
    assert "<style" not in page
    assert answer.headers["Cache-Control"].startswith("no-store")


@pytest.mark.parametrize(
    "path", ["/admin/", "/admin/auth/user/", "/admin/issues/story/", "/mail/", "/admin/password_change/", MANAGE]
)
def test_the_password_alone_opens_nothing(client, path):
    log_in(client)
    assert client.get(path)["Location"].startswith(LOGIN)
    answer = client.post(path, {"any": "thing"})
    assert answer.status_code == 405 or answer["Location"].startswith(LOGIN)


def test_a_session_from_before_it_was_required_opens_nothing(client, editor):
    client.force_login(editor)
    assert not is_in(client)


def test_it_asks_for_a_code_at_each_log_in_and_then_leads_where_one_wanted_to_go(client):
    device, _ = set_up(client)
    other = Client()
    answer = log_in(other, next_page="/admin/issues/story/")
    assert answer["Location"] == "/admin/second-factor/code/?next=%2Fadmin%2Fissues%2Fstory%2F"
    assert not is_in(other)
    answer = other.post(CODE, {"code": code_now(device), "next": "/admin/issues/story/"})
    assert answer["Location"] == "/admin/issues/story/"
    assert is_in(other)


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_it_leads_nowhere_else(client, elsewhere):
    device, _ = set_up(client)
    other = Client()
    log_in(other, next_page=elsewhere)
    assert other.post(CODE, {"code": code_now(device), "next": elsewhere})["Location"] == "/admin/"


def test_a_code_is_good_once_and_in_its_half_minute_only(client):
    device, _ = set_up(client)
    with time_machine.travel(timezone.now().replace(second=10), tick=False):
        code, former, coming = code_now(device), code_now(device, -1), code_now(device, 1)
        for wrong in (former, coming):
            TOTPDevice.objects.update(throttling_failure_count=0, throttling_failure_timestamp=None)
            other = Client()
            log_in(other)
            assert other.post(CODE, {"code": wrong}).status_code == 400
        TOTPDevice.objects.update(throttling_failure_count=0, throttling_failure_timestamp=None)
        assert other.post(CODE, {"code": code}).status_code == 302
        third = Client()
        log_in(third)
        assert third.post(CODE, {"code": code}).status_code == 400


def test_after_wrong_codes_the_right_one_has_to_wait(client):
    device, _ = set_up(client)
    other = Client()
    log_in(other)
    for _ in range(3):
        TOTPDevice.objects.update(throttling_failure_timestamp=None)
        assert other.post(CODE, {"code": "000000"}).status_code == 400
    assert other.post(CODE, {"code": code_now(device)}).status_code == 400
    with time_machine.travel(timezone.now() + timedelta(minutes=1)):
        assert other.post(CODE, {"code": code_now(device)}).status_code == 302


def test_the_password_alone_makes_no_known_browser_which_could_use_up_the_owners_guesses(client):
    device, _ = set_up(client)
    assert client.cookies["known_browser"].value
    other = Client()
    log_in(other)
    assert "known_browser" not in other.cookies
    other.post(CODE, {"code": code_now(device)})
    assert other.cookies["known_browser"].value


def test_wrong_codes_are_limited_like_wrong_passwords_and_do_not_fill_the_trail(client):
    set_up(client)
    other = Client()
    log_in(other, address="203.0.113.9")
    codes = [other.post(CODE, {"code": "000000"}, REMOTE_ADDR="203.0.113.9").status_code for _ in range(8)]
    assert codes == [400] * 4 + [429] * 4, "the log-in itself is one of five, until it is complete"
    log_in(other, address="203.0.113.9")
    assert other.post(CODE, {"code": "000000"}, REMOTE_ADDR="203.0.113.9").status_code == 429, "nor by starting anew"
    assert Entry.objects.filter(action="log-in failed").count() == 4


def test_a_recovery_code_lets_in_once(client):
    _, codes = set_up(client)
    for typed in (codes[0], codes[1].upper().replace("-", " ")):
        other = Client()
        log_in(other)
        assert other.post(CODE, {"code": typed}).status_code == 302
        assert is_in(other)
    assert "8 recovery codes are left" in other.get(MANAGE).content.decode()
    again = Client()
    log_in(again)
    assert again.post(CODE, {"code": codes[0]}).status_code == 400
    assert not is_in(again)


def test_recovery_codes_outlive_a_change_of_the_secret_key(client, settings):
    _, codes = set_up(client)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another one", [settings.SECRET_KEY]
    other = Client()
    log_in(other)
    assert other.post(CODE, {"code": codes[0]})["Location"] == "/admin/"
    assert is_in(other)
    log_in(third := Client())
    assert third.post(CODE, {"code": codes[0]}).status_code == 400, "used"


def test_who_takes_too_long_starts_anew(client):
    log_in(client)
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        assert client.get(SET_UP)["Location"] == LOGIN
        assert client.get(LOGIN).status_code == 200


def test_one_who_has_a_second_factor_cannot_set_up_another_by_the_password_alone(client):
    set_up(client)
    other = Client()
    log_in(other)
    assert other.get(SET_UP)["Location"] == LOGIN
    assert other.post(SET_UP, {"code": "123456"})["Location"] == LOGIN
    assert TOTPDevice.objects.count() == 1


def test_setting_it_up_anew_asks_for_both_factors_and_ends_other_sessions(client):
    device, codes = set_up(client)
    other = Client()
    log_in(other)
    other.post(CODE, {"code": code_now(device)})
    assert is_in(other)

    assert client.get(SET_UP)["Location"] == LOGIN, "not before both are shown"
    assert client.post(MANAGE, {"password": "wrong", "code": codes[0]}).status_code == 400
    assert client.post(MANAGE, {"password": PASSWORD, "code": "wrong"}).status_code == 400
    TOTPDevice.objects.update(last_t=-1)
    assert client.post(MANAGE, {"password": PASSWORD, "code": code_now(device)})["Location"] == SET_UP
    client.get(SET_UP)
    new = TOTPDevice.objects.get(confirmed=False)
    page = client.post(SET_UP, {"code": code_now(new)})
    assert is_in(client)
    assert not is_in(other)
    assert TOTPDevice.objects.get() == new
    assert not set(page.context["codes"]) & set(codes)


def test_both_factors_count_for_a_few_minutes_only_when_it_is_set_up_anew(client):
    """Who finds the browser open later must not put their own device in the place of the owner's."""
    device, _ = set_up(client)
    assert client.post(MANAGE, {"password": PASSWORD, "code": code_now(device)})["Location"] == SET_UP
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        assert client.get(SET_UP)["Location"] == LOGIN
        assert client.post(SET_UP, {"code": "123456"})["Location"] == LOGIN


def test_a_changed_password_ends_other_sessions_and_keeps_this_one(client):
    device, _ = set_up(client)
    other = Client()
    log_in(other)
    other.post(CODE, {"code": code_now(device)})
    passwords = {
        "old_password": PASSWORD,
        "new_password1": "another pass phrase",
        "new_password2": "another pass phrase",
    }
    client.post("/admin/password_change/", passwords)
    assert is_in(client)
    assert not is_in(other)


GUESS = {"password": "wrong", "code": "123456"} | dict.fromkeys(
    ["old_password", "new_password1", "new_password2"], "another pass phrase"
)


@pytest.mark.parametrize("page", [MANAGE, "/admin/password_change/"])
def test_who_finds_a_session_open_cannot_guess_the_password_on_and_on(client, page):
    set_up(client)
    codes = [client.post(page, GUESS).status_code for _ in range(6)]
    assert codes[4] != 429
    assert codes[5] == 429
    assert is_in(client), "the owner goes on working"


@pytest.mark.parametrize("page", [MANAGE, "/admin/password_change/"])
def test_nor_many_times_at_once(client, page, monkeypatch):
    """Each guess is made before any other has been answered."""
    set_up(client)
    codes, started = [], []

    def check_password(user, password):
        if len(started) < 8:
            started.append(True)
            codes.append(client.post(page, GUESS).status_code)
        return False

    monkeypatch.setattr(User, "check_password", check_password)
    codes.append(client.post(page, GUESS).status_code)
    assert (len(codes), codes.count(429)) == (6, 1)


def test_where_it_is_not_required_the_password_is_enough_until_one_is_set_up(client, settings):
    settings.REQUIRE_SECOND_FACTOR = False
    assert log_in(client)["Location"] == "/admin/"
    assert is_in(client)
    assert client.post(MANAGE, {"password": PASSWORD})["Location"] == SET_UP
    client.get(SET_UP)
    client.post(SET_UP, {"code": code_now(TOTPDevice.objects.get())})
    assert is_in(client)
    other = Client()
    assert log_in(other)["Location"].startswith(CODE)
    assert not is_in(other)


def test_an_operator_removes_a_lost_one_and_all_sessions_end(client):
    set_up(client)
    call_command("second_factor", "remove", "editor")
    assert not is_in(client)
    assert not TOTPDevice.objects.exists()
    assert not StaticToken.objects.exists()
    assert log_in(Client())["Location"].startswith(SET_UP)
    with pytest.raises(CommandError, match="no account nobody"):
        call_command("second_factor", "remove", "nobody")


def test_nobody_sees_the_keys_of_others_in_the_admin(client):
    set_up(client)
    for model in ("otp_totp/totpdevice", "otp_static/staticdevice"):
        assert client.get(f"/admin/{model}/").status_code == 404


def test_the_trail_tells_of_log_ins_log_outs_and_changes(client):
    device, codes = set_up(client)
    client.post("/admin/logout/")
    other = Client()
    log_in(other, password="wrong")
    log_in(other)
    other.post(CODE, {"code": "999999"})
    other.post(CODE, {"code": codes[0]})
    told = list(Entry.objects.order_by("pk").values_list("who", "action", "note"))
    assert told == [
        ("editor", "credentials changed", "Set up a second factor."),
        ("editor", "logged in", "By a one-time code."),
        ("editor", "logged out", ""),
        ("somebody", "log-in failed", "From 192.0.2.0/24."),
        ("somebody with the password", "log-in failed", "A wrong code."),
        ("editor", "logged in", "By a recovery code; 9 left."),
    ]
    everything = " ".join(Entry.objects.values_list("note", flat=True))
    assert device.key not in everything
    assert codes[0] not in everything


def test_who_loses_a_role_is_logged_out_and_the_trail_tells_of_it(client):
    set_up(client)
    ada = User.objects.create_superuser("ada", password=PASSWORD)
    session = Client()
    session.force_login(ada)
    form = {
        "username": "ada",
        "is_active": "on",
        "is_staff": "on",
        "date_joined_0": "2026-01-01",
        "date_joined_1": "00:00:00",
    }
    client.post(f"/admin/auth/user/{ada.pk}/change/", form)
    entry = Entry.objects.get(action="role changed")
    assert (entry.who, entry.object_name, entry.note) == ("editor", "ada", "-superuser")
    assert not Session.objects.filter(session_key=session.cookies["sessionid"].value).exists()
    client.post(f"/admin/auth/user/{ada.pk}/change/", form)
    assert Entry.objects.filter(action="role changed").count() == 1


def test_public_pages_still_set_no_cookie(client, publication):
    assert not client.get("/").cookies
