import gzip
import io
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from wsgiref.util import setup_testing_defaults

import brotli
import pytest
from django.core.signals import request_finished, request_started
from django.core.wsgi import WSGIHandler
from django.db import close_old_connections, connection, connections, transaction
from django.urls import get_resolver
from django.utils import timezone

from dynamically_typed import page_cache
from dynamically_typed.page_cache import PageCache
from issues import site_version
from issues.models import Correction, Issue, Publication, Section, SiteVersion, Story, TopicAlias
from issues.public_pages import public_page_at
from issues.publishing import publish
from issues.search.indexing import rebuild
from issues.writing import arrange, save_publication, save_story, save_topic, set_papers, set_resources
from papers.link_health import Finding, record
from papers.models import Author, PaperUpdate, Resource

with_commits = pytest.mark.django_db(transaction=True)  # Versions follow commits.

MEGABYTE = 1_000_000


class Site:
    """The site behind a page cache, with a count of what Django is asked."""

    def __init__(self, most_bytes=MEGABYTE):
        self.django = WSGIHandler()
        self.rendered = []
        self.cache = PageCache(self.application, most_bytes)

    def application(self, environ, start_response):
        query = environ.get("QUERY_STRING", "")
        self.rendered.append(environ["PATH_INFO"] + (f"?{query}" if query else ""))
        return self.django(environ, start_response)

    def get(self, address, method="GET", **headers):
        path, _, query = address.partition("?")
        environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query, "HTTP_HOST": "testserver"}
        environ |= {"REMOTE_ADDR": "192.0.2.1", "wsgi.input": io.BytesIO()}
        environ |= {f"HTTP_{name.upper()}": value for name, value in headers.items()}
        setup_testing_defaults(environ)
        answers = []
        body = b"".join(self.cache(environ, lambda *answer: answers.append(answer)))
        status, sent = answers[-1][:2]
        return Answer(status, dict(sent), [name for name, _ in sent], body)


class Answer:
    def __init__(self, status, headers, names, body):
        self.status, self.headers, self.names, self.body = int(status[:3]), headers, names, body


@pytest.fixture(autouse=True)
def _connections_stay_open_in_the_transaction_of_a_test(request, monkeypatch):
    """As Django's own test client has it: a request would close what it finds in mid-transaction."""
    if request.node.get_closest_marker("django_db"):
        yield
        return
    monkeypatch.setattr(site_version, "close_old_connections", lambda: None)
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def site(db, settings, tmp_path):
    settings.VAR_DIR = tmp_path
    return Site()


@pytest.fixture
def story(make_issue, make_story, make_topic):
    issue = make_issue(published_at=timezone.now())
    return make_story("A story", issue=issue, topics=[make_topic()], summary="In short.")


def test_a_page_is_rendered_once_and_then_answered_from_memory(site, story):
    first, second = site.get("/stories/a-story/"), site.get("/stories/a-story/")
    assert first.status == second.status == 200
    assert first.body == second.body
    assert "A story" in second.body.decode()
    assert site.rendered == ["/stories/a-story/"]


def test_a_head_has_the_headers_of_the_page_and_no_body(site, story):
    page, head = site.get("/"), site.get("/", "HEAD")
    assert head.body == b""
    assert head.headers == page.headers
    assert int(head.headers["Content-Length"]) == len(page.body)
    assert Site().get("/", "HEAD").headers["Content-Length"] == head.headers["Content-Length"]


@pytest.mark.parametrize(
    ("accepted", "coding", "decode"),
    [
        ("gzip, deflate, br", "br", brotli.decompress),
        ("gzip;q=1.0, br;q=0", "gzip", gzip.decompress),
        ("*", "br", brotli.decompress),
        ("identity", None, bytes),
        ("", None, bytes),
    ],
)
def test_a_page_comes_in_the_best_coding_that_the_reader_accepts(site, story, accepted, coding, decode):
    plain, coded = site.get("/"), site.get("/", accept_encoding=accepted)
    assert decode(coded.body) == plain.body
    assert coded.headers.get("Content-Encoding") == coding
    assert coded.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
    assert int(coded.headers["Content-Length"]) == len(coded.body)
    assert len(coded.names) == len(set(coded.names))
    assert site.rendered == ["/"]


def test_each_coding_has_a_strong_tag_of_its_own_and_an_unchanged_page_is_not_sent_again(site, story):
    tags = {coding: site.get("/", accept_encoding=coding).headers["ETag"] for coding in ("identity", "gzip", "br")}
    assert len(set(tags.values())) == 3
    assert not any(tag.startswith("W/") for tag in tags.values())
    for coding, tag in tags.items():
        unchanged = site.get("/", accept_encoding=coding, if_none_match=f'"other", W/{tag}')
        assert (unchanged.status, unchanged.body) == (304, b"")
        assert unchanged.headers["ETag"] == tag
        assert unchanged.headers["Vary"] == "Accept-Encoding"
        assert "Content-Length" not in unchanged.headers
        assert site.get("/", accept_encoding=coding, if_none_match='"other"').status == 200
    assert site.get("/", accept_encoding="br", if_none_match=tags["gzip"]).status == 200
    assert site.get("/", if_none_match="*").status == 304


def test_the_date_of_a_feed_counts_only_where_no_tag_is_sent(site, story):
    modified = site.get("/feed.atom").headers["Last-Modified"]
    assert site.get("/feed.atom", if_modified_since=modified).status == 304
    assert site.get("/feed.atom", if_modified_since=modified, if_none_match='"other"').status == 200
    assert site.get("/feed.atom", if_modified_since="Thu, 01 Jan 1970 00:00:00 GMT").status == 200
    assert site.get("/feed.atom", if_modified_since="no date").status == 200


def test_only_declared_parameters_make_another_page(site, story):
    assert site.get("/issues/").body == site.get("/issues/?utm_source=a&utm_medium=b").body
    assert site.get("/issues/?before=9&x=2").body == site.get("/issues/?before=9").body
    assert site.rendered == ["/issues/", "/issues/?before=9"]
    site.get("/search/?sort=date&q=caf%C3%A9&q=story")
    site.get("/search/?q=caf%C3%A9&fbclid=1&q=story&sort=date")
    assert site.rendered[2:] == ["/search/?q=caf%C3%A9&q=story&sort=date"]


def test_a_view_gets_only_the_parameters_to_see_that_it_declares(client, story):
    """So a forgotten one is noticed without a cache, too."""
    assert client.get("/issues/?before=9&unknown=x").wsgi_request.GET == {"before": ["9"]}


def test_a_parameter_that_the_api_does_not_know_is_refused_from_memory_too(site, story):
    assert site.get("/api/v1/stories").status == 200
    assert site.get("/api/v1/stories?topik=vision").status == 400
    assert site.get("/api/v1/stories").status == 200


def test_what_is_not_declared_public_is_asked_of_django_each_time(site, story, make_subscriber):
    for address in ("/subscribe/", "/admin/login/", "/unsubscribe/token/", "/mail/", "/nothing/", "/papers.bib"):
        site.get(address)
        site.get(address)
        assert site.rendered.count(address) == 2, address
    assert not site.cache.pages.kept


def test_pages_that_are_not_found_and_posts_are_not_kept(site, story):
    assert [site.get("/stories/nothing/").status for _ in range(2)] == [404, 404]
    assert site.get("/", "POST").status == 403
    assert not site.cache.pages.kept


@pytest.mark.parametrize("header", [("Set-Cookie", "a=b"), ("Cache-Control", "private"), ("Vary", "Cookie")])
def test_an_answer_that_may_be_for_one_reader_is_not_kept_even_if_declared_public(settings, tmp_path, db, header):
    settings.VAR_DIR = tmp_path
    site = Site()

    def for_one_reader(environ, start_response):
        start_response("200 OK", [header])
        return [b"for you"]

    site.django = for_one_reader
    assert site.get("/").body == site.get("/").body == b"for you"
    assert site.rendered == ["/", "/"]


def test_every_view_of_the_archive_is_declared_public_but_for_pictures_and_what_is_streamed_or_dated():
    undeclared = {
        pattern.name
        for group in get_resolver().url_patterns
        if getattr(group, "app_name", "") == "issues"
        for pattern in group.url_patterns
        if not hasattr(pattern.callback, "public_page")
    }
    streamed = {name for name in undeclared if name and name.endswith("bibliography")}
    assert undeclared - streamed == {"security", "story_card", "issue_card"}  # cards lie in the storage
    assert streamed


@pytest.fixture
def addresses(story, make_paper, make_story):
    paper = make_paper()
    set_papers(story, [paper])
    return [
        *("/", "/issues/", "/topics/", "/papers/", "/resources/", "/search/?q=story", "/feed.atom", "/feed.json"),
        *(thing.get_absolute_url() for thing in (story, story.issue, story.section, story.topics.get(), paper)),
    ]


@with_commits
def test_staff_get_the_pages_that_strangers_get_without_a_cookie_or_a_word_about_them(site, addresses, admin_client):
    cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in admin_client.cookies.items())
    assert cookie
    for address in addresses:
        stranger = Site().get(address)
        staff = Site().get(address, cookie=cookie, user_agent="Browser", accept_language="nl", authorization="Basic x")
        assert stranger.status == 200, address
        assert staff.body == stranger.body
        assert "Set-Cookie" not in staff.headers
        assert b"csrf" not in stranger.body
        # Behind no cache the same holds: purity is the views', not the cache's.
        assert admin_client.get(address).content == stranger.body
        assert not admin_client.get(address).cookies


def test_pages_differ_by_scheme_where_a_proxy_tells_it(settings, site, story):
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.SECURE_SSL_REDIRECT = True
    site = Site()
    assert site.get("/", x_forwarded_proto="http").status == 301
    assert site.get("/", x_forwarded_proto="https").status == 200
    assert site.get("/", x_forwarded_proto="http").status == 301


def test_a_host_that_is_not_ours_is_refused_while_the_page_is_kept(site, story):
    assert site.get("/").status == 200
    assert site.get("/", host="example.com").status == 400


def test_memory_is_bounded_and_what_was_asked_for_last_stays(settings, tmp_path, publication, make_issue):
    settings.VAR_DIR = tmp_path
    for _ in range(20):
        make_issue(published_at=timezone.now())
    site = Site(most_bytes=80_000)
    site.get("/issues/1/")
    for number in range(2, 21):
        site.get(f"/issues/{number}/")
        site.get("/issues/1/")
        assert site.cache.pages.bytes <= 80_000
    assert site.rendered.count("/issues/1/") == 1
    site.get("/issues/2/")
    assert site.rendered.count("/issues/2/") == 2


def test_a_page_that_would_fill_the_memory_is_answered_and_not_kept(settings, tmp_path, story):
    settings.VAR_DIR = tmp_path
    site = Site(most_bytes=5_000)
    assert b"A story" in site.get("/stories/a-story/").body
    assert not site.cache.pages.kept


def test_a_page_is_kept_for_five_minutes_at_most(site, story, monkeypatch):
    site.get("/")
    start = page_cache.time.monotonic()
    monkeypatch.setattr(page_cache.time, "monotonic", lambda: start + page_cache.LONGEST_LIFE + 1)
    site.get("/")
    assert site.rendered == ["/", "/"]


# What changes the site


def writes(story, make_paper, make_topic, make_issue, make_story):
    """Each kind of write that public pages show, by its name."""
    draft, topic, paper = make_issue(), story.topics.get(), make_paper()
    queued = make_story(issue=draft)
    resource = Resource.objects.create(url="https://example.org/code", title="The code", kind="code")
    correction = Correction(story=story, text="A number was wrong.")
    alias = TopicAlias(topic=topic, name="LMs", slug="lms")
    return {
        "publishing": lambda: publish(draft),
        "saving a story": lambda: save_story(story),
        "a story's papers, in bulk": lambda: set_papers(story, [paper]),
        "a story's resources, in bulk": lambda: set_resources(story, [(resource, "Code")]),
        "a story's topics": lambda: story.topics.add("vision"),
        "a correction": correction.save,
        "taking a correction back": correction.delete,
        "arranging": lambda: arrange(draft, [queued]),
        "saving a topic": lambda: save_topic(topic),
        "another name of a topic": alias.save,
        "deleting a name": alias.delete,
        "relating topics": lambda: topic.builds_on.add(make_topic("vision")),
        "saving the publication": lambda: save_publication(Publication.objects.current()),
        "updating a section by a queryset": lambda: Section.objects.update(name="Research"),
        "saving a paper": paper.save,
        "saving an author": lambda: Author.objects.get().save(),
        "news of a paper": lambda: PaperUpdate.objects.create(paper=paper, text="Version 3", happened_on="2026-01-01"),
        "saving a resource": resource.save,
        "rebuilding the search index": rebuild,
        "withdrawing an issue": lambda: Issue.objects.filter(pk=draft.pk).update(state="draft", published_at=None),
        "deleting a story": lambda: Story.objects.filter(pk=queued.pk).delete(),
    }


@with_commits
def test_each_write_that_pages_show_makes_all_pages_new(
    settings, tmp_path, story, make_paper, make_topic, make_issue, make_story
):
    settings.VAR_DIR = tmp_path
    workers = [Site(), Site()]
    for name, write in writes(story, make_paper, make_topic, make_issue, make_story).items():
        for site in workers:
            site.get("/topics/")
            site.rendered.clear()
        with transaction.atomic():
            write()
        for site in workers:
            site.get("/topics/")
            site.get("/topics/")
            assert site.rendered == ["/topics/"], name


@with_commits
def test_a_change_is_seen_at_the_next_request_by_all_who_watch_the_same_folder(settings, tmp_path, story):
    settings.VAR_DIR = tmp_path
    workers = [Site(), Site()]
    for title in ("First", "Second", "Third"):
        story.title = title
        with transaction.atomic():
            save_story(story)
        assert all(title in site.get("/stories/a-story/").body.decode() for site in workers)


@with_commits
def test_another_server_sees_a_change_within_a_second(settings, tmp_path, story, monkeypatch):
    settings.VAR_DIR = tmp_path / "elsewhere"
    settings.VAR_DIR.mkdir()
    other = Site()
    other.get("/stories/a-story/")
    settings.VAR_DIR = tmp_path
    story.title = "Changed"
    with transaction.atomic():
        save_story(story)
    later = page_cache.time.monotonic() + 1.01
    monkeypatch.setattr(page_cache.time, "monotonic", lambda: later)
    assert "Changed" in other.get("/stories/a-story/").body.decode()


@with_commits
def test_a_transaction_makes_one_version_and_one_that_is_rolled_back_none(settings, tmp_path, story):
    settings.VAR_DIR = tmp_path
    before = SiteVersion.objects.get().number
    with transaction.atomic():
        save_story(story)
        save_story(story)
    assert SiteVersion.objects.get().number == before + 1
    with transaction.atomic():
        save_story(story)
        transaction.set_rollback(True)
    assert SiteVersion.objects.get().number == before + 1


@with_commits
def test_what_is_written_first_outside_of_a_transaction_stays(settings, tmp_path):
    settings.VAR_DIR = tmp_path
    Author.objects.create(family="Brown", slug="brown")
    assert Author.objects.exists()
    assert SiteVersion.objects.get().number == 1


@with_commits
def test_what_no_page_shows_makes_no_version(settings, tmp_path, story, make_subscriber, django_user_model):
    settings.VAR_DIR = tmp_path
    before = SiteVersion.objects.get().number
    make_subscriber()
    user = django_user_model.objects.create_user("ada")
    story.revisions.update(editor=user)
    Section.objects.filter(name="There is none").update(name="Still none")
    assert SiteVersion.objects.get().number == before


@with_commits
def test_a_look_at_a_link_makes_a_version_only_if_pages_say_what_it_found(settings, tmp_path, story):
    settings.VAR_DIR = tmp_path
    resource = Resource.objects.create(url="https://example.org/code", title="The code", kind="code")
    works, fails = Finding("ok", "It answered with status 200."), Finding("failing", "It did not answer.")
    gone = Finding("dead", "It answered with status 404.")
    told = []
    for finding in (works, works, works, fails, fails, gone, gone, works):
        before = SiteVersion.objects.get().number
        record(resource, finding, timezone.now())
        told.append(SiteVersion.objects.get().number > before)
    assert told == [True, False, False, True, False, True, True, True]


def test_an_issue_appears_within_a_second_of_its_time(site, make_issue, make_story, time_machine, monkeypatch):
    now = timezone.now()
    make_story("Tomorrow's story", issue=make_issue(published_at=now + timedelta(days=1), title="Tomorrow's"))
    assert "Tomorrow" not in site.get("/issues/").body.decode()
    later = page_cache.time.monotonic() + 1.01
    monkeypatch.setattr(page_cache.time, "monotonic", lambda: later)
    time_machine.move_to(now + timedelta(days=1))
    assert "Tomorrow" in site.get("/issues/").body.decode()


@with_commits
def test_readers_who_come_at_once_wait_for_one_rendering(settings, tmp_path, story):
    settings.VAR_DIR = tmp_path
    site = Site()
    everybody_is_there = threading.Barrier(6)
    django = site.django

    def slow(environ, start_response):
        waiting.wait(30)  # until all have asked
        return django(environ, start_response)

    waiting = threading.Event()
    site.django = slow

    def read(_):
        everybody_is_there.wait(30)
        try:
            return site.get("/stories/a-story/").body
        finally:
            connections.close_all()

    with ThreadPoolExecutor(5) as readers:
        answers = readers.map(read, range(5))
        everybody_is_there.wait(30)
        waiting.set()
        assert len(set(answers)) == 1
    assert site.rendered == ["/stories/a-story/"]


@with_commits
def test_kept_pages_are_answered_while_the_database_is_down(settings, tmp_path, story, monkeypatch):
    settings.VAR_DIR = tmp_path
    site = Site()
    site.get("/stories/a-story/")

    def refuse(*args, **kwargs):
        raise connection.Database.OperationalError("The server is gone.")

    later = page_cache.time.monotonic() + 2
    monkeypatch.setattr(page_cache.time, "monotonic", lambda: later)
    connection.close()
    monkeypatch.setattr(connection.Database, "connect", refuse)
    assert "A story" in site.get("/stories/a-story/").body.decode()


def test_a_declaration_is_found_by_path_and_nothing_else_is_public():
    assert public_page_at("/topics/vision/").parameters == ("before",)
    assert public_page_at("/admin/") is None
    assert public_page_at("/no/such/page") is None
