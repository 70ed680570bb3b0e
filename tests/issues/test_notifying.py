import smtplib

import pytest
from django.contrib.auth.models import User
from django.core.mail.backends import locmem
from django.urls import reverse

from dynamically_typed.celery import app as celery_app
from issues.models import Comment
from issues.tasks import tell_of_step
from tests.admin_forms import fill, member_of


@pytest.fixture
def people(db):
    for group in ("writer", "editor", "publisher"):
        user = member_of(group)
        user.email = f"{group}@example.org"
        user.save()
    return {user.username.removeprefix("a-"): user for user in User.objects.all()}


@pytest.fixture
def working_at_once():
    celery_app.conf.task_always_eager = True
    yield
    celery_app.conf.task_always_eager = False


def step(story, author, state, text=""):
    return Comment.objects.create(story=story, author=author, state=state, text=text)


def test_who_may_approve_is_told_of_a_story_to_review(publication, people, make_story, mailoutbox):
    tell_of_step(step(make_story("Grids"), people["writer"], "in review", "Is it clear?").pk)
    assert sorted(mail.to for mail in mailoutbox) == [["editor@example.org"], ["publisher@example.org"]]
    assert mailoutbox[0].subject == "DT: “Grids” is to be reviewed"
    assert "says a-writer" in mailoutbox[0].body
    assert "Is it clear?" in mailoutbox[0].body
    assert "/admin/issues/story/" in mailoutbox[0].body


@pytest.mark.parametrize(("state", "words"), [("approved", "is approved"), ("draft", "is a draft again")])
def test_who_has_worked_on_a_story_is_told_what_became_of_it(publication, people, make_story, mailoutbox, state, words):
    story = make_story("Grids")
    step(story, people["writer"], "in review")
    tell_of_step(step(story, people["editor"], state).pk)
    assert [(mail.to, mail.subject) for mail in mailoutbox] == [(["writer@example.org"], f"DT: “Grids” {words}")]


def test_nobody_without_an_address_or_an_active_account_is_written_to(publication, people, make_story, mailoutbox):
    User.objects.filter(username="a-editor").update(email="")
    User.objects.filter(username="a-publisher").update(is_active=False)
    tell_of_step(step(make_story(), people["writer"], "in review").pk)
    assert mailoutbox == []


def test_a_mail_server_that_is_away_is_a_line_in_the_log(publication, people, make_story, settings, caplog):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", 1, 1
    story = make_story("Grids")
    tell_of_step(step(story, people["writer"], "in review").pk)
    assert "could not leave: ConnectionRefusedError" in caplog.text
    assert f"2 could not be told of a step of story {story.pk} by mail." in caplog.text
    assert "Grids" not in caplog.text


def test_one_who_is_refused_keeps_nobody_else_from_their_mail(
    publication, people, make_story, mailoutbox, monkeypatch, caplog
):
    usual = locmem.EmailBackend.send_messages

    def send(self, messages):
        if messages[0].to == ["editor@example.org"]:
            raise smtplib.SMTPRecipientsRefused({"editor@example.org": (550, b"no such user")})
        return usual(self, messages)

    monkeypatch.setattr(locmem.EmailBackend, "send_messages", send)
    tell_of_step(step(make_story(), people["writer"], "in review").pk)
    assert [mail.to for mail in mailoutbox] == [["publisher@example.org"]]
    assert "did not arrive: mail, refused with 550" in caplog.text
    assert "editor@" not in caplog.text


def test_a_title_of_two_lines_makes_no_second_header(publication, people, make_story, mailoutbox):
    tell_of_step(step(make_story("Grids\nBcc: eve@example.com", slug="grids"), people["writer"], "in review").pk)
    assert {mail.subject for mail in mailoutbox} == {"DT: “Grids Bcc: eve@example.com” is to be reviewed"}
    assert all(mail.message()["Bcc"] is None for mail in mailoutbox)


def test_a_step_on_a_storys_page_hands_the_mail_to_a_worker(
    client, publication, people, make_story, mailoutbox, working_at_once, django_capture_on_commit_callbacks
):
    story = make_story("Grids", state="draft")
    client.force_login(people["writer"])
    address = reverse("admin:issues_story_change", args=[story.pk])
    with django_capture_on_commit_callbacks(execute=True):
        client.post(address, fill(client.get(address), step="review"))
    assert sorted(mail.to for mail in mailoutbox) == [["editor@example.org"], ["publisher@example.org"]]
