"""From the form to the mailbox to the list, as a visitor sees it."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from dynamically_typed import service_urls
from subscribers.models import ConsentEvent, ConsentKind, Subscriber, SubscriberState
from subscribers.tokens import unsubscribe_token

pytestmark = pytest.mark.django_db
# Erased is missing on purpose: nothing ties an erased row to an address, so it signs up as a new one.
KNOWN_STATES = ["pending", "active", "unsubscribed", "bounced", "complained"]
DAY = timedelta(days=1)


def press_the_button(client, path):
    assert client.get(path).status_code == 200
    return client.post(path)


def history_of(email):
    return list(ConsentEvent.objects.filter(subscriber__email=email).values_list("kind", flat=True))


def test_a_visitor_signs_up_confirms_and_is_subscribed(client, sign_up, mailoutbox, link_in):
    assert "mailbox" in sign_up("Ada@Example.org", follow=True).content.decode()
    subscriber = Subscriber.objects.get()
    assert (subscriber.email, subscriber.state) == ("Ada@example.org", "pending")
    [message] = mailoutbox
    assert message.to == ["Ada@example.org"]
    answer = press_the_button(client, link_in(message, "/subscribe/confirm/"))
    assert answer.status_code == 200
    assert "You are subscribed" in answer.content.decode()
    subscriber.refresh_from_db()
    assert subscriber.state == "active"
    assert history_of("Ada@example.org") == ["signed up", "confirmation sent", "confirmed"]


def test_the_words_beside_the_button_are_kept_as_proof(client, sign_up, publication):
    publication.name = "Bits & Pieces"
    publication.save()
    page = client.get("/subscribe/").content.decode()
    sign_up("ada@example.org")
    [event] = ConsentEvent.objects.filter(kind=ConsentKind.SIGNED_UP)
    assert event.source == "sign-up form"
    shown = re.search(r'id="signup-note">(.*?)</p>', page, re.DOTALL)[1].strip()
    assert event.wording == shown.replace("&amp;", "&")
    assert "each issue of Bits & Pieces by email" in event.wording


def test_the_form_asks_for_an_address_and_nothing_is_ticked_beforehand(client):
    page = client.get("/subscribe/").content.decode()
    form = re.search(r'<form class="signup".*?</form>', page, re.DOTALL)[0]
    assert re.findall(r'<input[^>]* name="(\w+)"', form) == ["email", "homepage"]
    assert "checked" not in form


def test_nothing_is_kept_of_where_somebody_signed_up_from(sign_up, client):
    client.post("/subscribe/", {"email": "ada@example.org"}, REMOTE_ADDR="203.0.113.77")
    kept = [list(model.objects.values()) for model in (Subscriber, ConsentEvent)]
    assert "203.0.113" not in str(kept)


def test_one_address_is_one_subscriber_however_it_is_cased(sign_up):
    sign_up("Ada@example.org")
    sign_up("ada@EXAMPLE.org")
    sign_up(" ADA@example.org")
    assert Subscriber.objects.count() == 1


def test_a_bad_address_comes_back_with_a_sentence_and_what_was_typed(sign_up):
    answer = sign_up('"><script>@example.org')
    assert answer.status_code == 400
    page = answer.content.decode()
    assert "Write one plain address" in page
    assert "&quot;&gt;&lt;script&gt;@example.org" in page
    assert "<script>@" not in page
    assert Subscriber.objects.count() == 0


def test_a_post_without_an_address_is_answered_with_a_sentence(client):
    answer = client.post("/subscribe/")
    assert answer.status_code == 400
    assert "Write your email address" in answer.content.decode()


# A7: who subscribes is nobody's business.


def test_the_answer_is_the_same_whatever_the_list_knows_of_the_address(sign_up, make_subscriber):
    answers = [sign_up("new@example.org", follow=True)]
    for state in KNOWN_STATES:
        subscriber = make_subscriber(email=f"{state}@example.org", state=state)
        answers.append(sign_up(subscriber.email, follow=True))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert {tuple(answer.redirect_chain) for answer in answers} == {(("/subscribe/check-your-mailbox/", 302),)}


def test_the_work_is_the_same_whatever_the_list_knows_of_the_address(client, make_subscriber, publication):
    addresses = ["new@example.org"]
    with time_machine.travel("2030-03-01T12:00Z"):
        addresses += [make_subscriber(state=state).email for state in KNOWN_STATES]
    steps = []
    with time_machine.travel("2030-03-05T12:00Z"):
        for address in addresses:
            with CaptureQueriesContext(connection) as queries:
                client.post("/subscribe/", {"email": address})
            steps.append([query["sql"].split()[0] for query in queries])
    assert len(steps[0]) > 5
    assert all(each == steps[0] for each in steps)


def test_signing_up_changes_no_state(sign_up, make_subscriber):
    for state in KNOWN_STATES:
        subscriber = make_subscriber(state=state)
        sign_up(subscriber.email)
        subscriber.refresh_from_db()
        assert subscriber.state == state


# The difference is told by mail only.


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("unsubscribed", "You had unsubscribed"),
        ("bounced", "had come back to us"),
        ("complained", "had been reported as spam"),
    ],
)
def test_who_was_in_the_list_is_told_why_and_can_come_back(
    client, sign_up, make_subscriber, mailoutbox, link_in, state, words
):
    with time_machine.travel("2030-03-01T12:00Z"):
        subscriber = make_subscriber(state=state)
    with time_machine.travel("2030-03-05T12:00Z"):
        sign_up(subscriber.email)
        assert words in mailoutbox[0].body
        assert words in mailoutbox[0].alternatives[0].content
        press_the_button(client, link_in(mailoutbox[0], "/subscribe/confirm/"))
    subscriber.refresh_from_db()
    assert subscriber.state == "active"


def test_an_active_subscriber_is_told_so_once_a_day_and_gets_no_confirmation(sign_up, make_subscriber, mailoutbox):
    with time_machine.travel("2030-03-01T12:00Z", tick=False) as clock:
        subscriber = make_subscriber()
        clock.shift(2 * DAY)
        sign_up(subscriber.email)
        sign_up(subscriber.email)
        assert [message.subject for message in mailoutbox] == ["You are subscribed to Dynamically Typed already"]
        assert "/confirm/" not in mailoutbox[0].body
        clock.shift(DAY)
        sign_up(subscriber.email)
        assert len(mailoutbox) == 2


# P1: one confirmation mail a day and three in all.


def test_an_address_gets_one_confirmation_mail_a_day_and_three_in_all(sign_up, mailoutbox):
    with time_machine.travel("2030-03-01T12:00Z", tick=False) as clock:
        counts = []
        for _ in range(6):
            sign_up("ada@example.org")
            sign_up("ADA@example.org")
            counts.append(len(mailoutbox))
            clock.shift(DAY)
    assert counts == [1, 2, 3, 3, 3, 3]


def test_who_unsubscribed_gets_three_confirmation_mails_at_most_too(sign_up, make_subscriber, mailoutbox):
    with time_machine.travel("2030-03-01T12:00Z", tick=False) as clock:
        subscriber = make_subscriber(state=SubscriberState.UNSUBSCRIBED)
        for _ in range(6):
            clock.shift(DAY)
            sign_up(subscriber.email)
    assert len(mailoutbox) == 3


def test_the_count_starts_anew_after_a_confirmation(client, sign_up, mailoutbox, link_in):
    with time_machine.travel("2030-03-01T12:00Z", tick=False) as clock:
        for _ in range(5):
            sign_up("ada@example.org")
            press_the_button(client, link_in(mailoutbox[-1], "/subscribe/confirm/"))
            subscriber = Subscriber.objects.get()
            client.post(f"/unsubscribe/{unsubscribe_token(subscriber.pk)}/")
            clock.shift(DAY)
    assert len(mailoutbox) == 5


def test_hammering_the_form_writes_one_line_of_history_a_day(sign_up, settings):
    settings.SIGN_UP_LIMITS = dict.fromkeys(settings.SIGN_UP_LIMITS, (1000, 3600))
    for _ in range(10):
        sign_up("ada@example.org")
    assert history_of("ada@example.org") == ["signed up", "confirmation sent"]


# The confirmation link.


def test_scanners_that_follow_the_link_confirm_nothing(client, sign_up, mailoutbox, link_in):
    sign_up("ada@example.org")
    path = link_in(mailoutbox[0], "/subscribe/confirm/")
    for method in (client.get, client.head, client.options):
        method(path)
    assert Subscriber.objects.get().state == "pending"
    assert history_of("ada@example.org") == ["signed up", "confirmation sent"]


def test_a_confirmation_link_works_once(client, sign_up, mailoutbox, link_in):
    sign_up("ada@example.org")
    path = link_in(mailoutbox[0], "/subscribe/confirm/")
    press_the_button(client, path)
    again = client.post(path)
    assert again.status_code == 410
    assert "used already" in again.content.decode()
    assert client.get(path).status_code == 410
    assert history_of("ada@example.org").count("confirmed") == 1


def test_an_expired_confirmation_link_says_so_and_offers_the_form(client, sign_up, mailoutbox, link_in):
    with time_machine.travel("2030-03-01T12:00Z", tick=False) as clock:
        sign_up("ada@example.org")
        clock.shift(timedelta(days=3, seconds=1))
        answer = client.post(link_in(mailoutbox[0], "/subscribe/confirm/"))
    assert answer.status_code == 410
    assert "too old" in answer.content.decode()
    assert 'name="email"' in answer.content.decode()
    assert Subscriber.objects.get().state == "pending"


@pytest.mark.parametrize("path", ["/subscribe/confirm/forged/", "/unsubscribe/forged/"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_forged_link_gets_a_page_that_says_what_to_do(client, path, method):
    answer = getattr(client, method)(path)
    assert answer.status_code == 404
    assert "copy it from the mail as a whole" in answer.content.decode()


def test_confirming_needs_no_cookie_and_no_csrf_token(sign_up, mailoutbox, link_in):
    sign_up("ada@example.org")
    path = link_in(mailoutbox[0], "/subscribe/confirm/")
    assert Client(enforce_csrf_checks=True).post(path).status_code == 200


# Abuse.


def test_a_program_that_fills_every_field_gets_the_usual_page_and_nothing_happens(sign_up, mailoutbox):
    person = sign_up("ada@example.org", follow=True)
    program = sign_up("eve@example.org", homepage="https://spam.example.com", follow=True)
    assert (program.status_code, program.content) == (person.status_code, person.content)
    assert not Subscriber.objects.filter(email="eve@example.org").exists()
    assert len(mailoutbox) == 1


def test_the_trap_is_hidden_from_people_and_their_screen_readers(client):
    page = client.get("/subscribe/").content.decode()
    trap = re.search(r"<p hidden>.*?</p>", page)[0]
    assert 'name="homepage"' in trap
    assert 'autocomplete="off"' in trap
    assert 'tabindex="-1"' in trap


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 302),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://testserver"}, 302),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, 302),  # from a page without a Referer
        ({"Sec-Fetch-Site": "none"}, 302),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "http://testserver"}, 302),
        ({"Origin": "https://elsewhere.example.com"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://["}, 403),  # which is no address at all
    ],
)
def test_a_form_on_another_site_signs_nobody_up(sign_up, headers, status):
    assert sign_up("ada@example.org", headers=headers).status_code == status
    assert Subscriber.objects.count() == (1 if status == 302 else 0)


@pytest.mark.parametrize(
    ("limit", "posts"),
    [
        (
            "address",
            [("ada@example.org", "192.0.2.1"), ("ADA@example.org", "198.51.100.1"), ("ada@example.org", "::1")],
        ),
        ("network", [("a@example.org", "192.0.2.1"), ("b@example.org", "192.0.2.1"), ("c@example.org", "192.0.2.99")]),
        (
            "network",
            [("a@example.org", "2001:db8::1"), ("b@example.org", "2001:db8::2"), ("c@example.org", "2001:db8::3")],
        ),
        ("network", [("a@example.org", ""), ("b@example.org", ""), ("c@example.org", "")]),
        ("everybody", [("a@example.org", "192.0.2.1"), ("b@example.org", "198.51.100.1"), ("c@example.org", "::1")]),
    ],
)
def test_too_many_sign_ups_are_answered_429_until_the_window_is_over(client, settings, limit, posts):
    settings.SIGN_UP_LIMITS = dict.fromkeys(settings.SIGN_UP_LIMITS, (1000, 3600)) | {limit: (2, 3600)}
    with time_machine.travel("2030-03-01T12:00Z", tick=False) as clock:
        statuses = [client.post("/subscribe/", {"email": email}, REMOTE_ADDR=ip).status_code for email, ip in posts]
        assert statuses == [302, 302, 429]
        email, ip = posts[-1]
        assert "Too many tries" in client.post("/subscribe/", {"email": email}, REMOTE_ADDR=ip).content.decode()
        clock.shift(timedelta(hours=1))
        assert client.post("/subscribe/", {"email": email}, REMOTE_ADDR=ip).status_code == 302


def test_one_network_can_t_use_up_what_is_everybody_s(client, settings):
    settings.SIGN_UP_LIMITS = {"network": (2, 3600), "address": (2, 3600), "everybody": (5, 3600)}
    with time_machine.travel("2030-03-01T12:00Z", tick=False):
        for number in range(10):
            client.post("/subscribe/", {"email": f"eve{number}@example.org"}, REMOTE_ADDR="192.0.2.1")
        answer = client.post("/subscribe/", {"email": "ada@example.org"}, REMOTE_ADDR="198.51.100.1")
    assert answer.status_code == 302


def test_limits_are_the_same_for_known_and_unknown_addresses(client, settings, make_subscriber):
    settings.SIGN_UP_LIMITS = dict.fromkeys(settings.SIGN_UP_LIMITS, (1000, 3600)) | {"address": (1, 3600)}
    for email in ["new@example.org", make_subscriber().email]:
        assert [client.post("/subscribe/", {"email": email}).status_code for _ in range(2)] == [302, 429]


def test_a_cache_that_is_away_keeps_nobody_from_signing_up(client, settings):
    settings.CACHES = {"default": service_urls.cache_settings("redis://127.0.0.1:9/0")}  # Nobody listens there.
    assert client.post("/subscribe/", {"email": "ada@example.org"}).status_code == 302
    assert Subscriber.objects.get().state == "pending"


# What every page of ours keeps.


def test_no_page_sets_a_cookie(sign_up, client, make_subscriber, mailoutbox, link_in):
    sign_up("ada@example.org")
    confirming = link_in(mailoutbox[0], "/subscribe/confirm/")
    leaving = f"/unsubscribe/{unsubscribe_token(make_subscriber().pk)}/"
    for path in ["/subscribe/", "/subscribe/check-your-mailbox/", confirming, leaving, "/unsubscribe/forged/"]:
        assert not client.get(path).cookies
    for path in [confirming, leaving]:
        assert not client.post(path).cookies


def test_pages_with_a_token_in_their_address_leak_it_nowhere(sign_up, client, make_subscriber, mailoutbox, link_in):
    sign_up("ada@example.org")
    leaving = f"/unsubscribe/{unsubscribe_token(make_subscriber().pk)}/"
    for path in [link_in(mailoutbox[0], "/subscribe/confirm/"), leaving, "/unsubscribe/forged/"]:
        answer = client.get(path)
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "no-store" in answer.headers["Cache-Control"]
        assert answer.headers["X-Robots-Tag"] == "noindex"
        assert "ada@example.org" not in answer.content.decode()
        assert path.split("/")[-2] not in answer.content.decode()


def test_pages_hold_no_inline_style(client):
    page = client.get("/subscribe/").content.decode()
    assert "style=" not in page
    assert "<style" not in page
