"""Two people who press a button in the same moment, each in a thread with a connection of its own."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from deliveries import freezing, queueing
from deliveries.errors import MailingError
from deliveries.models import Delivery, Mailing, MailingState

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*steps):
    """Run each step in a thread, all at the same moment; return what they raised, None for those that went well."""
    barrier = Barrier(len(steps))

    def run(step):
        try:
            mailing = Mailing.objects.select_related("issue").get()
            barrier.wait(timeout=30)
            step(mailing)
        except MailingError as error:
            return error
        finally:
            connection.close()
        return None

    with ThreadPoolExecutor(len(steps)) as executor:
        return list(executor.map(run, steps))


def test_of_two_who_press_send_one_sends(approved_mailing, make_subscriber):
    for _ in range(3):
        make_subscriber()
    errors = at_once(queueing.start, queueing.start)
    assert sorted(error is None for error in errors) == [False, True]
    assert "is sending" in str(next(filter(None, errors)))
    assert Delivery.objects.count() == 3


def test_sending_and_approving_again_end_in_one_mailing_without_a_deadlock(approved_mailing, make_subscriber):
    make_subscriber()
    started, approved = at_once(queueing.start, lambda mailing: freezing.freeze(mailing.issue, by="a test"))
    assert (started is None) != (approved is None)
    state = MailingState.SENDING if started is None else MailingState.APPROVED
    assert Mailing.objects.current().get().state == state
    assert Delivery.objects.count() == (1 if started is None else 0)
