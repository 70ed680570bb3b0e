"""From approval to correction in a real browser: as publisher, and what an editor and a writer may not do."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import expect

from deliveries import maildir, tasks
from deliveries.models import Mailing
from tests.admin_forms import member_of

PASSWORD = "correct horse battery"


@pytest.fixture
def log_in(new_page):
    """Open a page as a member of one of the groups."""

    def open_page(group):
        user = member_of(group)
        user.set_password(PASSWORD)
        user.save()
        page = new_page()
        page.goto("/admin/login/")
        page.get_by_label("Username").fill(user.username)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url("**/admin/")
        return page

    return open_page


@pytest.fixture
def issue(publication, make_issue, make_story, make_subscriber):
    publication.time_zone = "Europe/Amsterdam"
    publication.save()
    issue = make_issue(title="Maps", summary="A summary.", intro="About maps.")
    make_story(title="The oldest map", body="It is 41 centuries old.", summary="On a map.", issue=issue)
    for _ in range(3):
        make_subscriber()
    return issue


def save_story(page, issue, text):
    page.goto(f"/admin/issues/story/{issue.stories.get().pk}/change/")
    page.locator("#id_body").fill(text)
    page.get_by_role("button", name="Save", exact=True).click()


def test_a_publisher_approves_tests_changes_schedules_sends_and_corrects(log_in, new_page, issue, settings, apart):
    settings.EMAIL_BACKEND = "deliveries.maildir.MaildirBackend"
    page = log_in("publisher")

    page.goto(f"/admin/issues/issue/{issue.pk}/change/")
    page.get_by_role("button", name="Approve").click()
    page.get_by_text("Approved. This is what readers will get").wait_for()
    page.get_by_label("Send it to").fill("editor@example.org")
    page.get_by_role("button", name="Send a test mail").click()
    page.get_by_text("A test was sent to editor@example.org.").wait_for()
    expect(page.get_by_role("row", name="Tested")).to_be_visible()
    expect(page.get_by_text("not what was approved")).to_have_count(0)

    save_story(page, issue, "It is 42 centuries old.")
    page.get_by_text("is void: “The oldest map” changed after the approval.").wait_for()
    page.get_by_role("link", name="See what changed, and approve it again").click()
    expect(page.locator("del")).to_have_text("41")
    expect(page.locator("ins")).to_have_text("42")
    expect(page.get_by_role("button", name="Approve again")).to_be_visible()
    expect(page.get_by_role("button", name="Send now")).to_have_count(0)
    page.get_by_role("button", name="Approve again").click()
    page.get_by_text("Approved. This is what readers will get").wait_for()
    expect(page.get_by_text("not what was approved")).to_have_count(1)

    tomorrow = timezone.now() + timedelta(days=1)
    page.get_by_label("Start at (Europe/Amsterdam)").fill(f"{tomorrow:%Y-%m-%d}T09:00")
    page.get_by_role("button", name="Schedule", exact=True).click()
    page.locator(".messagelist").get_by_text("09:00 (Europe/Amsterdam)").wait_for()
    page.get_by_role("button", name="Undo the schedule").click()
    page.get_by_text("The schedule is undone").wait_for()

    page.get_by_label("Yes, to 3 subscribers").check()
    page.get_by_role("button", name="Send now").click()
    page.locator(".mailing-badge", has_text="Sending").wait_for()
    expect(page.locator("[data-figure=remaining]")).to_have_text("3")
    apart(tasks.send_batches, Mailing.objects.current().get().pk)
    page.locator(".mailing-badge", has_text="Sent").wait_for()
    expect(page.locator("[data-figure=sent]")).to_have_text("3")
    expect(page.get_by_text("the mails were kept on this machine")).to_be_visible()
    assert len(maildir.keys()) == 4, "a test, and three readers"

    save_story(page, issue, "It is 43 centuries old.")
    page.get_by_text("Say what kind of change it is").first.wait_for()
    page.get_by_label("A correction: it was wrong").check()
    page.get_by_label("What was wrong, and what is right").fill("It is 43 centuries old, not 42.")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("was changed successfully").wait_for()

    reader = new_page()
    reader.goto("/corrections/")
    reader.get_by_role("link", name="The oldest map").click()
    expect(reader.get_by_text("It is 43 centuries old, not 42.")).to_be_visible()
    reader.goto(f"/issues/{issue.number}/")
    reader.get_by_role("link", name="This issue as it was mailed").click()
    expect(reader.locator("del")).to_contain_text("42")
    expect(reader.locator("ins")).to_contain_text("43")
    frame = reader.frame_locator("iframe.mailed-frame")
    expect(frame.get_by_text("It is 42 centuries old.")).to_be_visible()
    expect(frame.get_by_role("link", name="Unsubscribe")).to_have_count(0)

    page.goto("/admin/audit/entry/")
    told = page.locator("td.field-action").all_inner_texts()
    for action in ("Corrected", "Finished sending", "Started sending", "Undid the schedule", "Voided the approval"):
        assert action in told


def test_an_editor_approves_and_tests_but_sends_nothing_and_a_writer_does_not_approve(log_in, issue):
    editor = log_in("editor")
    editor.goto(f"/admin/issues/issue/{issue.pk}/change/")
    editor.get_by_role("button", name="Approve").click()
    editor.get_by_role("button", name="Send a test mail").wait_for()
    mailing = Mailing.objects.get()
    for button in ("Send now", "Schedule", "Take back the approval"):
        expect(editor.get_by_role("button", name=button, exact=True)).to_have_count(0)
    writer = log_in("writer")
    writer.goto(f"/admin/issues/issue/{issue.pk}/change/")
    writer.get_by_role("heading", name="#1: Maps").wait_for()
    expect(writer.get_by_role("button", name="Approve")).to_have_count(0)
    answer = writer.goto(f"/admin/deliveries/mailing/{mailing.pk}/change/")
    assert answer.status == 403
    assert Mailing.objects.get().state == "approved"
    assert User.objects.count() == 2
