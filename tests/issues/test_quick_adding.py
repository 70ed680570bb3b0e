"""Quick add: a title, an address or an identifier is filed in seconds, and only once."""

import pytest
from django.contrib.auth.models import User

from issues.models import Story
from papers.models import Lookup, Paper, Resource
from tests.admin_forms import member_of, messages

pytestmark = pytest.mark.django_db
ADDRESS = "/admin/issues/story/quick-add/"


@pytest.fixture
def writer(client, publication, make_section):
    make_section()
    client.force_login(member_of("writer"))
    return client


def file(client, text, **fields):
    return client.post(ADDRESS, {"text": text, **fields}, follow=True)


def test_a_title_becomes_a_story_idea_in_the_queue(writer):
    page = file(writer, "  Why do models <memorise>? ")
    story = Story.objects.get()
    assert (story.title, story.state, story.issue, story.body) == ("Why do models <memorise>?", "draft", None, "TK")
    assert story.revisions.get().editor.username == "a-writer"
    [message] = messages(page)
    assert message == (
        f'The story idea <a href="/admin/issues/story/{story.pk}/change/">Why do models &lt;memorise&gt;?</a> is filed.'
    )


def test_what_is_too_long_for_a_title_stands_in_the_text(writer):
    idea = "Why do models memorise what " + "they read " * 30
    file(writer, idea)
    story = Story.objects.get()
    assert story.title == idea[:200].strip()
    assert story.body == f"{idea.strip()}\n\nTK"


def test_an_address_that_only_the_browser_knows_keeps_its_title(writer):
    file(writer, "about:reader?url=x", title="Grids")
    story = Story.objects.get()
    assert (story.title, story.body) == ("Grids", "about:reader?url=x\n\nTK")


def test_the_same_title_is_recognised_until_its_story_is_out(writer, make_story, make_issue):
    known = make_story("Memory")
    assert "is there already." in messages(file(writer, "memory"))[0]
    assert Story.objects.get() == known
    Story.objects.update(issue=make_issue(published_at="2020-01-01T00:00Z"), position=1)
    file(writer, "Memory")
    assert sorted(Story.objects.values_list("slug", flat=True)) == ["memory", "memory-2"]


@pytest.mark.parametrize("text", ["2005.14165", "https://arxiv.org/abs/2005.14165v2", "10.48550/arXiv.2005.14165"])
def test_an_identifier_of_a_paper_is_stored_once_and_looked_up(writer, text):
    assert messages(file(writer, text))[0].endswith("is filed.")
    assert messages(file(writer, text))[0].endswith("is there already.")
    assert Paper.objects.get().arxiv_id == "2005.14165"
    assert Lookup.objects.get().paper == Paper.objects.get()
    assert not Story.objects.exists()


def test_an_address_becomes_a_link_with_the_title_of_its_page_and_is_stored_once(writer):
    file(writer, "https://example.org/post?utm_source=x", title="A post")
    file(writer, "https://EXAMPLE.org/post#here", title="Another title")
    link = Resource.objects.get()
    assert (link.url, link.title) == ("https://example.org/post", "A post")


def test_a_story_is_begun_about_a_paper_or_a_link_and_begun_once(writer):
    page = file(writer, "https://example.org/post", title="A post", begin="on")
    assert len(messages(page)) == 2
    story = Story.objects.get()
    assert (story.title, story.resources.get().url) == ("A post", "https://example.org/post")
    assert messages(file(writer, "https://example.org/post", begin="on"))[1].endswith("is there already.")
    file(writer, "2005.14165", begin="on")
    assert Story.objects.get(papers__arxiv_id="2005.14165").title == "arXiv:2005.14165"
    assert Story.objects.count() == 2


def test_what_can_not_be_filed_is_refused_with_a_sentence_and_kept(client, db):
    client.force_login(member_of("writer"))
    page = file(client, "A title")
    assert "there is none yet" in page.content.decode()
    assert 'value="A title"' in page.content.decode()


def test_the_desk_is_where_one_comes_back_to(writer):
    assert writer.post(ADDRESS, {"text": "A title", "from_desk": "1"}).url == "/admin/"


def test_the_bookmarklet_fills_in_the_form_and_files_nothing(writer):
    page = writer.get(ADDRESS, {"text": 'https://example.org/"><b>', "title": "A <post>"}).content.decode()
    assert 'value="https://example.org/&quot;&gt;&lt;b&gt;"' in page
    assert 'value="A &lt;post&gt;"' in page
    assert "javascript:void(open(" in page
    assert not Resource.objects.exists()


def test_the_log_in_keeps_what_the_bookmarklet_brought(client, db):
    asked = client.get(ADDRESS, {"text": "https://example.org/a?b=c"})
    assert asked.status_code == 302
    User.objects.create_superuser("root", password="a password")
    answer = client.post(asked.url, {"username": "root", "password": "a password"}, follow=True)
    assert 'value="https://example.org/a?b=c"' in answer.content.decode()


def test_it_is_for_those_who_may_add_stories_and_acts_by_post_with_a_token(client, db):
    client.force_login(User.objects.create_user("nobody", is_staff=True))
    assert client.get(ADDRESS).status_code == 403
    assert client.post(ADDRESS, {"text": "A title"}).status_code == 403
    strict = type(client)(enforce_csrf_checks=True)
    strict.force_login(member_of("writer"))
    assert strict.post(ADDRESS, {"text": "A title"}).status_code == 403
