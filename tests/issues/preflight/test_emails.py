"""The issue as an email: each check, silent and speaking."""

import re

import pytest

from issues.emailing import UNSUBSCRIBE_URL, render_issue_email
from issues.preflight import emails

pytestmark = pytest.mark.django_db


def test_the_sender_has_a_postal_address(found, issue, publication):
    assert found(emails.sender_has_an_address, issue) == []
    publication.postal_address = " "
    publication.save()
    assert found(emails.sender_has_an_address, issue) == [
        "E: The publication has no postal address, which each email must show."
    ]


def test_the_subject_fits_whether_it_was_typed_or_made(found, make_issue):
    assert found(emails.subject_fits, make_issue(subject="s" * 70)) == []
    assert found(emails.subject_fits, make_issue(subject="s" * 71)) == [
        f"W: The subject has 71 characters: “{'s' * 71}”."
    ]
    assert found(emails.subject_fits, make_issue(number=9, title="t" * 100))[0].startswith(
        "W: The subject has 107 characters: “DT #9: ttt"
    )


def test_the_preheader_fits_and_a_summary_may_stand_for_it(found, make_issue):
    assert found(emails.preheader_fits, make_issue(preheader="p" * 30)) == []
    assert found(emails.preheader_fits, make_issue(preheader="", summary="s" * 140)) == []
    assert found(emails.preheader_fits, make_issue(preheader="Short")) == [
        "W: The preheader has 5 characters: “Short”."
    ]
    assert found(emails.preheader_fits, make_issue(preheader="p" * 141))[0].startswith("W: The preheader has 141")
    assert found(emails.preheader_fits, make_issue(preheader="")) == [
        "W: The email has no preheader: the titles of its stories stand for it."
    ]


@pytest.mark.parametrize(("kilobytes", "severity"), [(20, None), (85, "W"), (110, "E")])
def test_the_html_is_small_enough_for_gmail(found, issue, make_story, kilobytes, severity):
    while emails.mailed_bytes(render_issue_email(issue).html) < (kilobytes - 3) * 1024:
        make_story(issue=issue, body="word " * 1600)
    findings = found(emails.html_is_small_enough, issue)
    assert [finding[0] for finding in findings] == ([severity] if severity else [])
    if findings:
        said = int(re.search(r"has (\d+) KB", findings[0])[1])
        assert abs(said - kilobytes) <= 8


def test_each_readers_own_link_counts(issue):
    assert emails.mailed_bytes(f"<a>{UNSUBSCRIBE_URL}</a>") == 7 + emails.LONGEST_LINK


def test_the_layout_uses_what_mail_programs_know(found, issue, make_story):
    make_story(issue=issue, body="```python\nx = 1\n```\n\n| a |\n|---|\n| b |\n")
    assert found(emails.css_is_known, issue) == []


@pytest.mark.parametrize(
    ("html", "rules"),
    [
        ('<p style="display:flex;color:red">', {"display:flex"}),
        ("<p style='position: absolute'>", {"position"}),
        ("<style>p { background-image: url(x) } @media (x) { p { position: fixed } }</style>", {"background-image"}),
        ("<style>@import 'x'; p { width: calc(1px + 2px) }</style>", {"@import", "calc"}),
        ('<p style="background-position:0 0;border-collapse:collapse">position: fixed</p>', set()),
    ],
)
def test_css_that_is_ignored_is_found_in_styles_alone(html, rules):
    assert emails.ignored_css(html) == rules
