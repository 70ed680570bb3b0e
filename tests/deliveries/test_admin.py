import datetime
import json
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.urls import reverse, reverse_lazy
from django.utils import timezone

from audit.models import Entry
from deliveries.models import Delivery, DeliveryState, Mailing, MailingState
from issues.emailing import UNSUBSCRIBE_URL
from tests.deliveries.conftest import mailing_page, send_all, text

STEPS = ["start", "pause", "resume", "cancel", "withdraw", "schedule", "unschedule", "settle", "test"]
LIST = reverse_lazy("admin:deliveries_mailing_changelist")
PERMISSIONS = ["view_mailing", "view_delivery", "view_subscriber", "add_mailing", "send_mailing"]


def test_an_editor_approves_from_the_issues_page_and_sees_what_was_frozen(staff, publication, make_issue, make_story):
    issue = make_issue()
    make_story(issue=issue, position=1, body="Some words.")
    editor = staff(*PERMISSIONS, "view_issue", "change_issue")
    page = editor.get(reverse("admin:issues_issue_change", args=[issue.pk])).content.decode()
    freeze = reverse("admin:deliveries_mailing_freeze", args=[issue.pk])
    assert f'action="{freeze}"' in page
    answer = editor.post(freeze, follow=True)
    mailing = Mailing.objects.get()
    assert answer.redirect_chain[-1][0] == mailing_page("change", mailing)
    assert "Some words." in answer.content.decode()
    assert "<td>staff</td>" in answer.content.decode()
    assert '<td class="field-approved_by">staff</td>' in editor.get(LIST).content.decode()


def test_what_the_command_line_approved_is_said_to_be(staff, publication, make_issue, make_story):
    make_story(issue=make_issue(number=7), position=1)
    call_command("mailing", "start", "7")
    editor = staff(*PERMISSIONS)
    assert '<td class="field-approved_by">the command line</td>' in editor.get(LIST).content.decode()
    page = editor.get(mailing_page("change", Mailing.objects.get(issue__number=7))).content.decode()
    assert page.count("<td>the command line</td>") == 2, "who approved, and who sent"


def test_what_stands_in_the_way_of_an_approval_is_said_on_the_issues_page(staff, make_issue):
    issue = make_issue()
    editor = staff(*PERMISSIONS, "view_issue", "change_issue")
    answer = editor.post(reverse("admin:deliveries_mailing_freeze", args=[issue.pk]), follow=True)
    assert "The issue has no stories." in answer.content.decode()
    assert "no postal address" in answer.content.decode()


def test_the_buttons_send_pause_resume_and_cancel(staff, approved_mailing, make_subscriber):
    make_subscriber()
    editor = staff(*PERMISSIONS)
    for step, state in [("start", "sending"), ("pause", "paused"), ("resume", "sending"), ("cancel", "cancelled")]:
        page = editor.get(mailing_page("change", approved_mailing)).content.decode()
        assert f'action="{mailing_page(step, approved_mailing)}"' in page
        editor.post(mailing_page(step, approved_mailing))
        assert Mailing.objects.get().state == state
    told = Entry.objects.filter(who="staff").order_by("pk").values_list("action", flat=True)
    assert list(told) == ["started", "paused", "resumed", "cancelled"]


def test_a_step_that_comes_too_late_is_answered_with_a_sentence(staff, approved_mailing):
    answer = staff(*PERMISSIONS).post(mailing_page("pause", approved_mailing), follow=True)
    assert "Only one that is being sent can be paused." in answer.content.decode()
    assert not Entry.objects.filter(who="staff").exists()


def test_an_editor_schedules_a_mailing(staff, approved_mailing):
    at = (timezone.now() + timedelta(days=1)).replace(second=0, microsecond=0)
    staff(*PERMISSIONS).post(mailing_page("schedule", approved_mailing), {"at": at.strftime("%Y-%m-%dT%H:%M")})
    mailing = Mailing.objects.get()
    assert (mailing.state, mailing.scheduled_for) == (MailingState.SCHEDULED, at)


@pytest.mark.parametrize(("step", "data"), [("schedule", {"at": "soon"}), ("test", {"to": "nobody"}), ("test", {})])
def test_what_is_typed_wrongly_is_said_and_changes_nothing(staff, approved_mailing, mailoutbox, step, data):
    answer = staff(*PERMISSIONS).post(mailing_page(step, approved_mailing), data, follow=True)
    assert 'class="error"' in answer.content.decode()
    assert Mailing.objects.get().state == MailingState.APPROVED
    assert mailoutbox == []


def test_a_test_mail_goes_to_one_address_and_its_unsubscribe_link_harms_nobody(staff, approved_mailing, outbox, client):
    staff(*PERMISSIONS).post(mailing_page("test", approved_mailing), {"to": "editor@example.org"})
    assert outbox.recipients == ["editor@example.org"]
    assert not Delivery.objects.exists()
    client.logout()
    for answer in (client.get("/mail/test/unsubscribe/"), client.post("/mail/test/unsubscribe/")):
        assert answer.status_code == 200
        assert not answer.cookies


@pytest.mark.parametrize("step", STEPS)
def test_steps_are_posted_by_those_who_may(staff, approved_mailing, step, outbox, client):
    where = mailing_page(step, approved_mailing)
    assert client.post(where).status_code == 302, "to the log-in"
    assert staff("view_mailing", "view_delivery").post(where, {"to": "a@example.org"}).status_code == 403
    assert outbox.recipients == []
    assert Mailing.objects.get().state == MailingState.APPROVED
    User.objects.all().delete()
    assert staff(*PERMISSIONS).get(where).status_code == 405


def test_buttons_are_shown_to_those_who_may_press_them(staff, approved_mailing):
    page = staff("view_mailing").get(mailing_page("change", approved_mailing)).content.decode()
    assert not [step for step in STEPS if f'action="{mailing_page(step, approved_mailing)}"' in page]


def test_freezing_needs_its_permission(staff, publication, make_issue, make_story):
    make_story(issue=(issue := make_issue()), position=1)
    answer = staff("view_mailing", "send_mailing").post(reverse("admin:deliveries_mailing_freeze", args=[issue.pk]))
    assert answer.status_code == 403
    assert not Mailing.objects.exists()


@pytest.mark.parametrize("name", ["ledger", "html"])
def test_what_a_mailing_says_is_shown_to_those_who_may_see_it(staff, approved_mailing, name, client):
    assert client.get(mailing_page(name, approved_mailing)).status_code == 302
    assert staff("view_delivery").get(mailing_page(name, approved_mailing)).status_code == 403


def test_the_ledger_is_given_as_json(staff, make_mailing):
    mailing = make_mailing(readers=3)
    figures = json.loads(staff(*PERMISSIONS).get(mailing_page("ledger", mailing)).content)
    assert figures["state"] == "sending"
    assert figures["candidates"] == figures["remaining"] == 3
    assert figures["adds_up"]


def test_the_page_tells_how_many_were_put_off_and_until_when_they_are_tried(staff, make_mailing, smtp_server, settings):
    settings.SENDING_DEADLINE_HOURS = 48
    mailing = make_mailing(readers=3)
    smtp_server.answers[mailing.deliveries.first().subscriber.email] = ["450 4.2.0 Greylisted"]
    send_all(mailing)
    started_at = datetime.datetime(2027, 3, 5, 9, 0, tzinfo=datetime.UTC)
    Mailing.objects.update(started_at=started_at)
    page = text(staff(*PERMISSIONS).get(mailing_page("change", mailing)))
    assert (
        'Of the remaining, <span data-figure="put_off">1</span> were put off by their servers, and are tried again until '
        "7 March 2027"
    ) in page


def test_the_page_hides_what_was_put_off_while_nothing_was(staff, make_mailing):
    page = text(staff(*PERMISSIONS).get(mailing_page("change", make_mailing(readers=3))))
    assert "<p data-put-off hidden>" in page


def test_the_preview_runs_nothing_and_loads_nothing_from_elsewhere(staff, approved_mailing):
    answer = staff(*PERMISSIONS).get(mailing_page("html", approved_mailing))
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert UNSUBSCRIBE_URL not in answer.content.decode()


def test_the_mailings_page_has_no_inline_style_or_script(staff, make_mailing):
    page = staff(*PERMISSIONS).get(mailing_page("change", make_mailing())).content.decode()
    assert " style=" not in page
    assert "<style" not in page


def test_an_editor_settles_uncertain_deliveries(staff, make_mailing):
    mailing = make_mailing(readers=2)
    mailing.deliveries.update(state="uncertain", finished_at=timezone.now())
    first, second = mailing.deliveries.all()
    editor = staff(*PERMISSIONS)
    for action, delivery in (("send_again", first), ("count_as_sent", second)):
        where = reverse("admin:deliveries_delivery_changelist")
        editor.post(where, {"action": action, "_selected_action": [delivery.pk]})
        delivery.refresh_from_db()
    assert (first.state, second.state) == (DeliveryState.QUEUED, DeliveryState.SENT)


def test_settling_without_a_tick_changes_nothing_and_says_so(staff, make_mailing):
    mailing = make_mailing(readers=2)
    mailing.deliveries.update(state=DeliveryState.UNCERTAIN, finished_at=timezone.now())
    answer = staff(*PERMISSIONS).post(mailing_page("settle", mailing), {"as": "sent"}, follow=True)
    assert "Nothing is ticked, so nothing was settled." in answer.content.decode()
    assert mailing.deliveries.uncertain().count() == 2


def test_the_page_says_how_long_what_is_due_will_take_and_when_nothing_is(staff, make_mailing):
    mailing = make_mailing(readers=30)
    now = timezone.now()
    done = mailing.deliveries.order_by("pk")[:10].values("pk")
    mailing.deliveries.filter(pk__in=done).update(state=DeliveryState.SENT, finished_at=now)
    Mailing.objects.update(started_at=now - timedelta(hours=10))
    browser, ledger = staff(*PERMISSIONS), mailing_page("ledger", mailing)
    assert "about 20" in browser.get(ledger).json()["time_left"]
    mailing.deliveries.queued().update(due_at=now + timedelta(hours=1), attempts=1)
    assert browser.get(ledger).json()["time_left"] == "nothing is due at the moment"


def test_only_those_who_may_send_settle_deliveries(staff, make_mailing):
    mailing = make_mailing()
    mailing.deliveries.update(state="uncertain", finished_at=timezone.now())
    where = reverse("admin:deliveries_delivery_changelist")
    staff("view_delivery", "view_subscriber").post(
        where, {"action": "send_again", "_selected_action": [mailing.deliveries.get().pk]}
    )
    assert mailing.deliveries.get().state == "uncertain"


@pytest.mark.parametrize(
    ("permissions", "status"), [(["view_delivery"], 403), (["view_delivery", "view_subscriber"], 200)]
)
def test_the_addresses_of_readers_are_for_those_who_may_see_readers(staff, make_mailing, permissions, status):
    delivery = make_mailing().deliveries.get()
    who = staff(*permissions)
    for name, args in (("changelist", []), ("change", [delivery.pk]), ("history", [delivery.pk])):
        assert who.get(reverse(f"admin:deliveries_delivery_{name}", args=args)).status_code == status


@pytest.mark.parametrize("permissions", [["view_mailing", "view_delivery"], PERMISSIONS])
def test_a_mailings_page_links_to_lists_of_readers_for_those_who_may_see_them(staff, make_mailing, permissions):
    mailing = make_mailing()
    page = staff(*permissions).get(mailing_page("change", mailing)).content.decode()
    is_linked = "view_subscriber" in permissions
    assert ("/admin/deliveries/delivery/?mailing" in page) is is_linked
    assert (f"/admin/deliveries/mailing/{mailing.pk}/missed/" in page) is is_linked
    assert ">Failed<" in page


def test_the_list_of_deliveries_costs_the_same_at_1_and_30(staff, make_mailing, django_assert_max_num_queries):
    mailing = make_mailing(readers=30)
    mailing.deliveries.update(state="failed", reason="550 No such user", finished_at=timezone.now())
    editor = staff(*PERMISSIONS)
    where = reverse("admin:deliveries_delivery_changelist")
    with django_assert_max_num_queries(12):
        page = editor.get(where, {"state__exact": "failed", "reason": "550 No such user"}).content.decode()
    assert "30 deliveries" in page
    with django_assert_max_num_queries(12):
        editor.get(reverse("admin:deliveries_mailing_changelist"))
    assert "30 deliver" not in editor.get(where, {"state__exact": "sent"}).content.decode()


def test_nobody_types_deliveries(staff, make_mailing):
    delivery = make_mailing().deliveries.get()
    editor = staff(*PERMISSIONS, "add_delivery", "change_delivery", "delete_delivery", "delete_mailing")
    assert editor.get(reverse("admin:deliveries_delivery_add")).status_code == 403
    assert (
        editor.post(reverse("admin:deliveries_delivery_change", args=[delivery.pk]), {"state": "sent"}).status_code
        == 403
    )
    assert editor.post(reverse("admin:deliveries_mailing_delete", args=[delivery.mailing_id])).status_code == 403
