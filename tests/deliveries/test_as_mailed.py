import pytest

from deliveries import freezing, queueing
from issues.writing import save_story
from tests.deliveries.conftest import text


@pytest.fixture
def mailed(make_mailing):
    return make_mailing()


def test_the_page_shows_what_was_mailed_and_how_it_differs_today(client, mailed):
    story = mailed.issue.stories.get()
    address = f"/issues/{mailed.issue.number}/as-mailed/"
    assert address in text(client.get(mailed.issue.get_absolute_url()))
    assert "Nothing: the archive says what the mail said." in text(client.get(address))
    story.body = "A text. With a correction."
    save_story(story)
    answer = client.get(address)
    shown = text(answer)
    assert f"<h3>{story.title}</h3>" in shown
    assert "put in: </span>With a correction." in shown
    assert "A text." in shown, "as mailed"
    assert not answer.cookies


def test_nothing_of_a_reader_is_in_it_and_nothing_runs(client, mailed):
    frame = client.get(f"/issues/{mailed.issue.number}/as-mailed/html/")
    content = frame.content.decode()
    assert "unsubscribe_url" not in content
    assert "/unsubscribe/" not in content
    assert "sandbox" in frame["Content-Security-Policy"]
    assert "script-src" not in frame["Content-Security-Policy"]
    assert "unsubscribe_url" not in text(client.get(f"/issues/{mailed.issue.number}/as-mailed/"))


def test_what_has_not_been_mailed_has_no_such_page(client, approved_mailing, make_issue):
    number = approved_mailing.issue.number
    for path in ("as-mailed/", "as-mailed/html/"):
        assert client.get(f"/issues/{number}/{path}").status_code == 404
        assert client.get(f"/issues/99/{path}").status_code == 404


def test_of_two_mailings_the_last_that_was_sent_is_shown(client, mailed):
    queueing.cancel(mailed)
    story = mailed.issue.stories.get()
    story.body = "The second text."
    save_story(story)
    again = freezing.freeze(mailed.issue, by="a test")
    address = f"/issues/{mailed.issue.number}/as-mailed/"
    assert "A text." in text(client.get(address))
    queueing.start(again)
    assert "The second text." in text(client.get(address))
