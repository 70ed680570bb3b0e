import base64
from datetime import timedelta

import pytest
import time_machine
from django.conf import settings
from django.core import signing
from django.test import override_settings
from django.utils import timezone

from subscribers import signup, tokens
from subscribers.errors import BadToken, ExpiredToken, UsedToken
from subscribers.models import AddressChange, SubscriberState


def test_an_unsubscribe_token_leads_to_its_subscriber(make_subscriber):
    subscribers = [make_subscriber() for _ in range(3)]
    made = [tokens.unsubscribe_token(subscriber.pk) for subscriber in subscribers]
    assert [tokens.read_unsubscribe_token(token) for token in made] == subscribers


def test_no_two_readers_have_the_same_unsubscribe_token():
    assert len({tokens.unsubscribe_token(number) for number in range(1, 5000)}) == 4999


def test_making_an_unsubscribe_address_asks_the_database_nothing(django_assert_num_queries, db):
    with django_assert_num_queries(0):
        tokens.unsubscribe_url(123456)


def test_an_unsubscribe_token_has_at_least_128_bits_of_mac_and_no_address(make_subscriber):
    token = tokens.unsubscribe_token(make_subscriber(email="ada@example.org").pk)
    mac = token.rpartition(".")[2]
    assert len(base64.urlsafe_b64decode(mac + "=" * (-len(mac) % 4))) >= 16
    assert "ada" not in token


def test_links_in_mails_start_with_the_site_s_address(settings):
    settings.SITE_URL = "https://digest.example.org"
    assert tokens.unsubscribe_url(1).startswith("https://digest.example.org/unsubscribe/")


def test_an_unsubscribe_token_works_for_ever_and_after_a_change_of_address(make_subscriber):
    subscriber = make_subscriber()
    token = tokens.unsubscribe_token(subscriber.pk)
    subscriber.email = "new@example.org"
    subscriber.save()
    with time_machine.travel("2060-01-01"):
        assert tokens.read_unsubscribe_token(token) == subscriber


def test_tokens_survive_a_rotation_of_the_key_as_long_as_the_old_one_is_a_fallback(make_subscriber):
    subscriber = make_subscriber(state=SubscriberState.PENDING)
    unsubscribing = tokens.unsubscribe_token(subscriber.pk)
    confirming = tokens.confirmation_token(subscriber)
    with override_settings(SECRET_KEY="new", SECRET_KEY_FALLBACKS=[settings.SECRET_KEY]):
        assert tokens.unsubscribe_token(subscriber.pk) != unsubscribing
        assert tokens.read_unsubscribe_token(unsubscribing) == subscriber
        assert tokens.read_confirmation_token(confirming) == subscriber
    with override_settings(SECRET_KEY="new", SECRET_KEY_FALLBACKS=[]), pytest.raises(BadToken):
        tokens.read_unsubscribe_token(unsubscribing)


def preferences_token(subscriber):
    return tokens.ReaderTokens(timezone.now().date()).preferences(subscriber.pk, subscriber.email)


def address_change_token(subscriber):
    change = AddressChange.objects.create(subscriber=subscriber, address="new@example.org")
    return tokens.address_change_url(change).rstrip("/").rpartition("/")[2]


def test_quick_signatures_are_those_that_django_reads(make_subscriber):
    signer = signing.Signer(salt=tokens.UNSUBSCRIBE_SALT, sep=".")
    for number in (1, 255, 256, 1_000_000):
        token = tokens.unsubscribe_token(number)
        assert signer.sign(token.partition(".")[0]) == token


def test_a_preference_token_is_bound_to_the_address_and_holds_none(make_subscriber):
    subscriber = make_subscriber(email="Ada@example.org")
    token = preferences_token(subscriber)
    assert "ada" not in token.lower()
    assert tokens.read_preferences_token(token) == subscriber
    with override_settings(SECRET_KEY="new", SECRET_KEY_FALLBACKS=[settings.SECRET_KEY]):
        assert tokens.read_preferences_token(token) == subscriber
    subscriber.email = "new@example.org"
    subscriber.save()
    with pytest.raises(BadToken):
        tokens.read_preferences_token(token)


def test_a_token_to_change_the_address_is_bound_to_the_new_one(make_subscriber):
    subscriber = make_subscriber()
    token = address_change_token(subscriber)
    assert "new" not in token
    assert tokens.read_address_change_token(token).address == "new@example.org"
    AddressChange.objects.update(address="another@example.org")
    with pytest.raises(BadToken):
        tokens.read_address_change_token(token)


def changed_in_one_place(token):
    for position, character in enumerate(token):
        yield token[:position] + ("A" if character != "A" else "B") + token[position + 1 :]


def test_a_token_changed_in_any_place_is_refused(make_subscriber):
    subscriber = make_subscriber()
    for read, token in [
        (tokens.read_unsubscribe_token, tokens.unsubscribe_token(subscriber.pk)),
        (tokens.read_confirmation_token, tokens.confirmation_token(subscriber)),
        (tokens.read_preferences_token, preferences_token(subscriber)),
        (tokens.read_address_change_token, address_change_token(subscriber)),
    ]:
        # The last character of a MAC carries two bits that mean nothing, but it is compared as text all the same.
        for forged in changed_in_one_place(token):
            with pytest.raises(BadToken):
                read(forged)


READERS = [
    tokens.read_unsubscribe_token,
    tokens.read_confirmation_token,
    tokens.read_preferences_token,
    tokens.read_address_change_token,
]


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("token", ["", ".", "a", "AQ", "AQ.", ".AQ", "ü", "AQ-x.A", "AQ." + "A" * 43, "A" * 5000])
def test_what_is_no_token_is_refused(db, read, token):
    with pytest.raises(BadToken):
        read(token)


def test_a_token_serves_its_own_purpose_only(make_subscriber):
    subscriber = make_subscriber()
    made = [
        tokens.unsubscribe_token(subscriber.pk),
        tokens.confirmation_token(subscriber),
        preferences_token(subscriber),
        address_change_token(subscriber),
    ]
    for reader, read in enumerate(READERS):
        for purpose, token in enumerate(made):
            if purpose != reader:
                with pytest.raises(BadToken):
                    read(token)


def test_a_confirmation_token_expires_after_three_days(make_subscriber):
    subscriber = make_subscriber(state=SubscriberState.PENDING)
    with time_machine.travel("2030-03-01T12:00Z", tick=False) as clock:
        token = tokens.confirmation_token(subscriber)
        clock.shift(timedelta(days=3))
        assert tokens.read_confirmation_token(token) == subscriber
        clock.shift(timedelta(seconds=1))
        with pytest.raises(ExpiredToken):
            tokens.read_confirmation_token(token)


def test_a_confirmation_token_does_not_bring_back_who_left_after_using_it(make_subscriber):
    subscriber = make_subscriber(state=SubscriberState.UNSUBSCRIBED)
    token = tokens.confirmation_token(subscriber)
    signup.unsubscribe(signup.confirm(token, source="test"), source="test")
    with pytest.raises(UsedToken):
        signup.confirm(token, source="test")
    subscriber.refresh_from_db()
    assert subscriber.state == SubscriberState.UNSUBSCRIBED


def test_a_token_of_a_deleted_row_is_refused(make_subscriber):
    subscriber = make_subscriber(state=SubscriberState.PENDING)
    token = tokens.confirmation_token(subscriber)
    subscriber.delete()
    with pytest.raises(BadToken):
        tokens.read_confirmation_token(token)
