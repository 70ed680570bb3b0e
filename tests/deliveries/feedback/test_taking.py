from datetime import timedelta

import pytest
import time_machine
from django.db import IntegrityError
from django.utils import timezone

from deliveries import sending
from deliveries.feedback import refusals, taking
from deliveries.feedback.reports import report_in
from deliveries.feedback.taking import Report, take
from deliveries.ledger import ledger
from deliveries.models import EventType, MailEvent, Mailing, Verdict
from deliveries.tasks import tick
from subscribers import signup
from subscribers.models import ConsentKind, Subscriber
from subscribers.tokens import confirmation_token

pytestmark = pytest.mark.django_db


@pytest.fixture
def tell(make_subscriber):
    """Tell of a subscriber's mail, each time something new unless an event_id is given."""
    numbers = iter(range(1000))

    def tell(subscriber, verdict, *, mailing_id=None, event_type=EventType.BOUNCED, **fields):
        fields = {"event_id": f"event {next(numbers)}", "source": "Postmark"} | fields
        return take(
            Report(subscriber=subscriber, mailing_id=mailing_id, event_type=event_type, verdict=verdict, **fields)
        )

    return tell


def state_of(subscriber):
    return Subscriber.objects.get(pk=subscriber.pk).state


@pytest.mark.parametrize(
    ("name", "state"),
    [("postfix-unknown-user", "bounced"), ("arf-yahoo", "complained"), ("arf-all-redacted-but-the-link", "complained")],
)
def test_a_hard_bounce_and_a_complaint_suppress_at_once_and_only_whom_they_are_about(send, name, state):
    about, other = send(readers=2)
    assert take(report_in(about.report(name)))
    assert state_of(about.subscriber) == state
    assert state_of(other.subscriber) == "active"
    event = about.subscriber.consent_events.get()
    assert (event.kind, event.source) == (state, "bounce mailbox")


def test_a_report_is_recorded_once_and_acts_once(sent):
    content = sent.report("postfix-unknown-user")
    assert [take(report_in(content)) for _ in range(3)] == [True, False, False]
    assert MailEvent.objects.count() == sent.subscriber.consent_events.count() == 1
    with pytest.raises(IntegrityError):
        MailEvent.objects.create(**{**MailEvent.objects.values().get(), "id": None})


def test_the_excerpt_is_one_line_without_addresses(sent):
    take(report_in(sent.report("postfix-unknown-user")))
    excerpt = MailEvent.objects.get().excerpt
    assert excerpt == ("smtp; 550 5.1.1 (address): Recipient address rejected: User unknown in local recipient table")
    assert taking.excerpt("550 a\x1b[2J\u202eb <c@d.example>\r\nBcc: e@f.example " + "x" * 9999).startswith(
        "550 a\ufffd[2J\ufffdb (address) Bcc: (address) xxx"
    )


def test_an_address_that_does_not_exist_gets_no_more_issues(send, make_mailing):
    about, other = send(readers=2)
    take(report_in(about.report("gmail-no-such-user")))
    with time_machine.travel(timezone.now() + timedelta(days=7)):
        next_one = make_mailing(readers=0)
    assert [each.subscriber for each in next_one.deliveries.all()] == [other.subscriber]


@pytest.mark.parametrize("name", ["postfix-delayed", "postfix-mailbox-full", "exchange-expired", "postfix-policy"])
def test_a_single_soft_bounce_or_a_refusal_by_policy_unsubscribes_nobody(sent, name):
    assert take(report_in(sent.report(name)))
    assert state_of(sent.subscriber) == "active"
    assert not sent.subscriber.consent_events.exists()


def bounce_softly(tell, subscriber, days, *, every=1):
    """One mail a day that bounces for now."""
    start = timezone.now()
    for day in range(days):
        with time_machine.travel(start + timedelta(days=day * every), tick=False):
            tell(subscriber, Verdict.SOFT)


def test_soft_bounces_add_up_to_a_limit(tell, make_subscriber, settings):
    settings.SOFT_BOUNCE_LIMIT = 5
    subscriber = make_subscriber()
    bounce_softly(tell, subscriber, 4)
    assert state_of(subscriber) == "active"
    with time_machine.travel(timezone.now() + timedelta(days=4), tick=False):
        tell(subscriber, Verdict.SOFT)
    assert state_of(subscriber) == "bounced"


def test_many_soft_bounces_of_a_day_count_once(tell, make_subscriber):
    subscriber = make_subscriber()
    with time_machine.travel(timezone.now().replace(hour=12), tick=False):
        for _ in range(20):
            tell(subscriber, Verdict.SOFT)
    assert state_of(subscriber) == "active"


def test_many_notices_of_one_mail_count_once(tell, sent):
    start = timezone.now()
    for day in range(20):
        with time_machine.travel(start + timedelta(days=day), tick=False):
            tell(sent.subscriber, Verdict.SOFT, mailing_id=sent.mailing.pk, event_type=EventType.DEFERRED)
    assert state_of(sent.subscriber) == "active"


def test_soft_bounces_are_forgotten_after_a_while(tell, make_subscriber, settings):
    settings.SOFT_BOUNCE_LIMIT, settings.SOFT_BOUNCE_DAYS = 3, 10
    subscriber = make_subscriber()
    bounce_softly(tell, subscriber, 12, every=5)
    assert state_of(subscriber) == "active"
    bounce_softly(tell, subscriber, 3, every=4)
    assert state_of(subscriber) == "bounced"


@pytest.mark.parametrize("success", ["reported", "confirmed", "quiet"])
def test_a_success_forgives_soft_bounces(tell, make_subscriber, sent, settings, success):
    """As success counts a report, a confirmation, or that nothing came back for five days after an issue."""
    settings.SOFT_BOUNCE_LIMIT = 3
    subscriber, start = sent.subscriber, timezone.now()
    sent.mailing.deliveries.update(finished_at=start + timedelta(days=3))
    for day in (0, 1, 12, 13, 14):
        with time_machine.travel(start + timedelta(days=day), tick=False):
            tell(subscriber, Verdict.SOFT)
            assert state_of(subscriber) == ("bounced" if day == 14 else "active")
        if day != 1:
            continue
        with time_machine.travel(start + timedelta(days=3), tick=False):
            if success != "quiet":
                sent.mailing.deliveries.update(finished_at=start)
                tell(subscriber, Verdict.SOFT, mailing_id=sent.mailing.pk, occurred_at=start)
            if success == "reported":
                tell(subscriber, Verdict.DELIVERED, event_type=EventType.DELIVERED)
            elif success == "confirmed":
                signup.confirm(confirmation_token(subscriber), source="test")


def test_a_mail_that_arrived_is_recorded_only_where_it_matters(tell, sent):
    assert not tell(sent.subscriber, Verdict.DELIVERED, mailing_id=sent.mailing.pk, event_type=EventType.DELIVERED)
    assert not MailEvent.objects.exists()


def test_who_confirmed_after_a_mail_is_not_suppressed_by_its_late_bounce(sent):
    late = sent.report("postfix-unknown-user")
    signup.confirm(confirmation_token(sent.subscriber), source="test")
    assert take(report_in(late))
    assert state_of(sent.subscriber) == "active"


def test_a_complaint_stands_above_having_left_and_a_bounce_does_not(tell, make_subscriber):
    left = make_subscriber(state="unsubscribed")
    tell(left, Verdict.HARD)
    assert state_of(left) == "unsubscribed"
    tell(left, Verdict.COMPLAINT, event_type=EventType.COMPLAINED)
    assert state_of(left) == "complained"
    tell(left, Verdict.HARD)
    assert state_of(left) == "complained"


def test_who_unsubscribes_at_the_provider_is_unsubscribed_here(tell, make_subscriber):
    subscriber = make_subscriber()
    tell(subscriber, Verdict.UNSUBSCRIBED, event_type=EventType.UNSUBSCRIBED)
    assert state_of(subscriber) == "unsubscribed"


@pytest.mark.parametrize(
    ("event_type", "verdict", "state"),
    [
        ("delivered", "delivered", "sent"),
        ("complained", "complaint", "sent"),
        ("bounced", "hard", "failed"),
        ("bounced", "soft", "failed"),
        ("bounced", "ours", "failed"),
        ("deferred", "soft", "uncertain"),
    ],
)
@pytest.mark.parametrize("is_early", [False, True])
def test_what_a_provider_tells_resolves_an_uncertain_delivery(tell, sent, event_type, verdict, state, is_early):
    """Also when it tells before the worker's doubt is written down."""
    claimed = {"state": "claimed", "lease_expires_at": timezone.now(), "finished_at": None}
    uncertain = {"state": "uncertain", "lease_expires_at": None, "finished_at": timezone.now()}
    sent.mailing.deliveries.update(**(claimed if is_early else uncertain))
    tell(sent.subscriber, verdict, mailing_id=sent.mailing.pk, event_type=event_type)
    if is_early:
        sent.mailing.deliveries.update(**uncertain)
        tick()
    assert sent.mailing.deliveries.get().state == state
    assert ledger(Mailing.objects.get()).adds_up


def test_a_late_bounce_leaves_the_sum_of_the_ledger_as_it_was(send):
    about, *_ = send(readers=3)
    before = ledger(about.mailing)
    take(report_in(about.report("postfix-unknown-user")))
    take(report_in(about.report("arf-yahoo")))
    assert ledger(about.mailing) == before
    assert before.adds_up
    assert before.sent == 3


def complain(tell, mailing, number):
    for delivery in mailing.deliveries.order_by("pk")[:number]:
        tell(delivery.subscriber, Verdict.COMPLAINT, mailing_id=mailing.pk, event_type=EventType.COMPLAINED)


def test_too_many_complaints_pause_the_mailing_and_say_why(tell, make_mailing):
    mailing = make_mailing(readers=20)
    mailing.deliveries.exclude(pk__in=mailing.deliveries.order_by("-pk")[:5]).update(
        state="sent", finished_at=timezone.now()
    )
    complain(tell, mailing, 2)
    assert Mailing.objects.get().state == "sending"
    complain(tell, mailing, 3)
    mailing = Mailing.objects.get()
    assert mailing.state == "paused"
    assert mailing.pause_reason.startswith("3 of 15 readers complained")


@pytest.mark.parametrize(("rate", "readers"), [(0, 20), (0.2, 20)])
def test_complaints_below_the_rate_pause_nothing(tell, make_mailing, settings, rate, readers):
    settings.COMPLAINT_PAUSE_RATE = rate
    mailing = make_mailing(readers=readers)
    mailing.deliveries.update(state="sent", finished_at=timezone.now())
    complain(tell, mailing, 3)
    assert Mailing.objects.get().state == "sending"


def test_what_a_server_refuses_while_sending_goes_the_same_way(make_mailing, smtp_server):
    mailing = make_mailing(readers=7)
    answers = {
        "bounced": ["550 5.1.1 No such user"],
        "policy": ["554 5.7.1 Blocked"],
        "full": ["552 5.2.2 Full"],
    }
    readers = dict(zip(answers, Subscriber.objects.order_by("pk"), strict=False))
    for name, reader in readers.items():
        smtp_server.answers[reader.email] = answers[name]
    while sending.send_batch(mailing.pk):
        pass
    assert refusals.take_refusals() == 3
    assert refusals.take_refusals() == 0
    assert {name: state_of(reader) for name, reader in readers.items()} == {
        "bounced": "bounced",
        "policy": "active",
        "full": "active",
    }
    assert set(MailEvent.objects.values_list("source", "verdict")) == {
        ("sending", "hard"),
        ("sending", "ours"),
        ("sending", "soft"),
    }
    assert readers["bounced"].consent_events.get().kind == ConsentKind.BOUNCED


def test_what_was_given_up_after_days_counts_as_a_soft_bounce(make_mailing):
    mailing = make_mailing(readers=3)
    mailing.deliveries.update(state="sent", finished_at=timezone.now())
    given_up = mailing.deliveries.first()
    reason = "Given up after 18 attempts. The last answer: 450 4.2.0 Greylisted"
    mailing.deliveries.filter(pk=given_up.pk).update(state="failed", reason=reason)
    refusals.take_refusals()
    assert MailEvent.objects.get().verdict == "soft"


def test_a_server_that_refuses_nearly_everybody_harms_nobody(make_mailing, smtp_server):
    mailing = make_mailing(readers=10)
    for reader in Subscriber.objects.order_by("pk")[:6]:
        smtp_server.answers[reader.email] = ["550 5.1.1 No such user"]
    while sending.send_batch(mailing.pk):
        pass
    assert refusals.take_refusals() == 0
    assert Subscriber.objects.active().count() == 10


def test_a_delivery_that_is_sent_again_and_refused_again_counts_again(make_mailing):
    mailing = make_mailing(readers=3)
    for day in range(2):
        mailing.deliveries.update(state="sent", finished_at=timezone.now())
        refused = mailing.deliveries.order_by("pk")[:1].values("pk")
        mailing.deliveries.filter(pk__in=refused).update(
            state="failed", reason="552 5.2.2 Full", finished_at=timezone.now() + timedelta(days=day)
        )
        assert refusals.take_refusals() == 1
