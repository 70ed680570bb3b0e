from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from deliveries.feedback.reports import report_in
from deliveries.feedback.taking import take
from subscribers import signup
from tests.admin_forms import change, permitted


@pytest.fixture
def history(send, make_mailing):
    """Of a reader who signed up, got an issue that bounced, and skipped the next one."""
    about, _ = send(readers=2)
    signup.sign_up(about.reader, wording="The digest, weekly.", source="sign-up form")
    take(report_in(about.report("postfix-mailbox-full")))
    take(report_in(about.report("postfix-unknown-user")))
    later = timezone.now() + timedelta(days=7)
    with time_machine.travel(later):
        skipped = make_mailing(readers=0)
    skipped.deliveries.create(
        subscriber=about.subscriber,
        state="skipped",
        reason="The subscriber is bounced.",
        due_at=later,
        finished_at=later,
    )
    return about


def test_a_subscribers_page_tells_in_order_what_happened_in_plain_words(admin_client, history):
    page = admin_client.get(change(history.subscriber)).content.decode()
    told = [
        "Issue #2 was skipped",
        "The subscriber is bounced.",
        "Bounced</strong>",
        "Issue #1 bounced for good (5.1.1)",
        "smtp; 550 5.1.1 (address): Recipient address rejected",
        "Issue #1 bounced for now (5.2.2)",
        "Signed up</strong>",
        "The digest, weekly.",
        "Issue #1 was sent",
    ]
    assert [line for line in told if line not in page] == []
    lines = [page.index(line) for line in told if not line.startswith("Bounced")]
    assert lines == sorted(lines)
    assert " style=" not in page


def test_who_may_not_see_deliveries_sees_the_consent_alone(client, history):
    client.force_login(permitted("view_subscriber"))
    page = client.get(change(history.subscriber)).content.decode()
    assert "Signed up" in page
    assert "Issue #1" not in page


def test_the_page_costs_the_same_however_long_the_history(admin_client, history, django_assert_max_num_queries):
    for number in range(30):
        take(report_in(history.report("postfix-mailbox-full") + b"%d" % number))
    with django_assert_max_num_queries(13):
        page = admin_client.get(change(history.subscriber)).content.decode()
    assert page.count("bounced for now") == 31


def test_a_mailings_page_counts_each_reader_once(admin_client, history):
    take(report_in(history.report("arf-yahoo")))
    take(report_in(history.report("jmrp-outlook")))
    where = reverse("admin:deliveries_mailing_change", args=[history.mailing.pk])
    page = " ".join(admin_client.get(where).content.decode().split())
    assert "1 bounced for good (50.00 %), 1 for now," in page
    assert "1 reported it as spam (50.00 %)." in page


def test_the_figures_show_what_came_back_by_issue(admin_client, history, django_assert_max_num_queries):
    with django_assert_max_num_queries(16):
        page = admin_client.get(reverse("admin:subscribers_subscriber_figures")).content.decode()
    assert "Bounced and complained, by issue" in page
    assert "<td>1 <small>50.00 %</small></td><td>1</td><td>0</td><td>0 <small>0.00 %</small></td>" in page
    assert 'class="chart-joined"' in page
