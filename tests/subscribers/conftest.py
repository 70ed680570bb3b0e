import itertools

import pytest

from subscribers.models import ConsentEvent, ConsentKind, Subscriber, SubscriberState

HISTORY = {
    SubscriberState.PENDING: [ConsentKind.SIGNED_UP],
    SubscriberState.ACTIVE: [ConsentKind.SIGNED_UP, ConsentKind.CONFIRMED],
    SubscriberState.UNSUBSCRIBED: [ConsentKind.SIGNED_UP, ConsentKind.CONFIRMED, ConsentKind.UNSUBSCRIBED],
    SubscriberState.BOUNCED: [ConsentKind.SIGNED_UP, ConsentKind.CONFIRMED, ConsentKind.BOUNCED],
    SubscriberState.COMPLAINED: [ConsentKind.SIGNED_UP, ConsentKind.CONFIRMED, ConsentKind.COMPLAINED],
}


@pytest.fixture
def make_subscriber(db):
    """Make a subscriber with the history that leads to the state."""
    numbers = itertools.count(1)

    def make(*, email="", state=SubscriberState.ACTIVE, history=None):
        subscriber = Subscriber.objects.create(email=email or f"reader{next(numbers)}@example.org", state=state)
        for kind in HISTORY[state] if history is None else history:
            ConsentEvent.objects.create(subscriber=subscriber, kind=kind, source="test")
        return subscriber

    return make


@pytest.fixture
def sign_up(client, tasks_at_once, django_capture_on_commit_callbacks):
    """Type an address into the form; return the answer. The mail, if any, is in the mailbox then."""

    def post(email, *, follow=False, **fields):
        headers = fields.pop("headers", None)
        with django_capture_on_commit_callbacks(execute=True):
            return client.post("/subscribe/", {"email": email, **fields}, follow=follow, headers=headers)

    return post


@pytest.fixture
def link_in():
    """Find the path of the link to this site in a mail's text."""

    def find(message, start):
        words = [word for word in message.body.split() if start in word]
        assert len(words) == 1
        return "/" + words[0].split("/", 3)[3]

    return find
