"""The preflight as a whole: what blocks, what is passed with a reason, and what that costs."""

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.models import Entry
from issues.errors import NotReady
from issues.models import IssueState, Waiver
from issues.preflight.reports import examine, pass_warning
from issues.publishing import approve, publish_on_the_web
from papers.models import Resource
from tests.admin_forms import member_of, messages

pytestmark = pytest.mark.django_db


@pytest.fixture
def ready(publication, make_issue, make_story):
    issue = make_issue(number=50)
    make_story("A story", issue=issue)
    return issue


@pytest.fixture
def editor(db):
    return member_of("editor")


def page(issue, step=""):
    return f"/admin/issues/issue/{issue.pk}/preflight/{step}"


def only_warning(issue):
    [finding] = examine(issue).warnings
    return finding


def test_an_issue_with_nothing_to_say_against_it_is_approved(ready):
    approve(ready)
    assert ready.state == IssueState.APPROVED


def test_an_error_blocks_approval_and_has_no_reason_that_passes_it(ready, make_story, editor):
    make_story("Half done", issue=ready, state="draft")
    [finding] = examine(ready).errors
    with pytest.raises(NotReady, match="gone or was passed already"):
        pass_warning(ready, finding.key, "Never mind.", editor)
    with pytest.raises(NotReady, match="“Half done” is not approved"):
        approve(ready)


def test_a_warning_blocks_approval_until_it_is_passed_with_a_reason(ready, make_story, editor):
    make_story("Loose", issue=ready, topics=[])
    for step in (approve, publish_on_the_web):
        with pytest.raises(NotReady, match="“Loose” has no topic"):
            step(ready)
    with pytest.raises(NotReady, match="Write why"):
        pass_warning(ready, only_warning(ready).key, "  ", editor)
    pass_warning(ready, only_warning(ready).key, "It is about everything.", editor)
    approve(ready)
    waiver = Waiver.objects.get()
    assert (waiver.reason, waiver.passed_by, waiver.issue) == ("It is about everything.", editor, ready)
    assert Entry.objects.about(ready).filter(action="waived").get().note.endswith("Reason: It is about everything.")


def test_a_reason_holds_for_that_finding_and_no_other(ready, make_story, editor):
    first = make_story("Loose", issue=ready, topics=[])
    pass_warning(ready, only_warning(ready).key, "It is about everything.", editor)
    make_story("Looser", issue=ready, topics=[])
    assert only_warning(ready).sentence == "The story “Looser” has no topic."
    first.title = "Renamed"
    first.save()
    assert len(examine(ready).warnings) == 2


def test_the_same_reason_holds_when_the_size_changes_a_little(ready, make_story, editor):
    story = make_story(issue=ready, body=f"{'word ' * 400}\n\n" * 41)
    pass_warning(ready, only_warning(ready).key, "All of it matters.", editor)
    story.body += "word " * 400
    story.save()
    report = examine(ready)
    assert report.is_ready
    assert [waiver.reason for _, waiver in report.passed] == ["All of it matters."]


def test_what_concerns_the_email_alone_does_not_keep_an_issue_off_the_web(ready, publication):
    publication.postal_address = ""
    publication.save()
    with pytest.raises(NotReady, match="postal address"):
        approve(ready)
    publish_on_the_web(ready)
    assert ready.state == IssueState.PUBLISHED


def test_a_preflight_takes_as_many_queries_for_twelve_stories_as_for_two(
    publication, make_issue, make_story, make_paper, make_topic, make_image
):
    make_image("grid.png")
    before = make_issue(number=1, title="Before", published_at=timezone.now())

    def issue_of(number, count):
        issue = make_issue(number=number, intro="DT #1")
        for each in range(count):
            name = f"{number}-{each}"
            papers = [make_paper(f"Paper {name} {n}", authors=("A", "B")) for n in range(2)]
            resource = Resource.objects.create(url=f"https://example.org/{name}", title=name)
            make_story(f"Before {name}", issue=before, papers=papers, resources=[resource])
            body = f"[[before-{name}]], DT #1, [link](https://example.org/x{name})\n\n![A grid](figures/grid.png)"
            make_story(name, issue=issue, papers=papers, resources=[resource], body=body)
        return issue

    def queries(issue):
        with CaptureQueriesContext(connection) as captured:
            examine(issue)
        return len(captured)

    few, many = queries(issue_of(10, 2)), queries(issue_of(20, 12))
    assert many == few <= 30


# Its page in the admin


def test_the_page_shows_the_worst_first_and_passes_a_warning(client, ready, make_story, editor):
    client.force_login(editor)
    make_story("Loose", issue=ready, topics=[], state="draft")
    html = client.get(page(ready)).content.decode()
    assert html.index("“Loose” is not approved") < html.index("“Loose” has no topic")
    key = examine(ready).warnings[0].key
    refused = client.post(page(ready, "pass/"), {"key": key, "reason": ""}, follow=True)
    assert messages(refused) == ["A warning is passed with a reason. Write why it is all right."]
    passed = client.post(page(ready, "pass/"), {"key": key, "reason": "On <purpose>."}, follow=True)
    assert "“On &lt;purpose&gt;.” a-editor" in passed.content.decode()
    client.post(page(ready, "take-back/"), {"key": key})
    assert not Waiver.objects.exists()


def test_what_was_passed_is_shown_after_publication(client, ready, make_story, editor):
    make_story("Loose", issue=ready, topics=[])
    pass_warning(ready, only_warning(ready).key, "On purpose.", editor)
    publish_on_the_web(ready)
    client.force_login(editor)
    html = client.get(page(ready)).content.decode()
    assert "“On purpose.” a-editor" in html
    assert "Take back" not in html


@pytest.mark.parametrize("step", ["pass/", "take-back/", "links/"])
def test_writers_read_the_preflight_and_pass_nothing(client, ready, make_story, step):
    client.force_login(member_of("writer"))
    assert client.get(page(ready)).status_code == 200
    assert client.post(page(ready, step), {"key": "x", "reason": "y"}).status_code == 403
    client.force_login(User.objects.create_user("nobody", is_staff=True))
    assert client.get(page(ready)).status_code == 403


def test_links_are_checked_again_from_the_page(client, ready, make_story, editor):
    client.force_login(editor)
    make_story(issue=ready, body="<https://example.org/a>")
    answer = client.post(page(ready, "links/"), follow=True)
    assert messages(answer) == ["1 link will be looked at in the next minutes, politely."]
    assert client.get(page(ready, "links/")).status_code == 405
