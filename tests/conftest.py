"""What every test gets: its own folders, its own broker, and no way out of this machine."""

import io
import itertools
import socket
import uuid
from ipaddress import ip_address

import pytest
import redis
from django.core.cache import cache
from django.utils.text import slugify
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from PIL import Image as PillowImage

from dynamically_typed.celery import app as celery_app
from dynamically_typed.service_urls import broker_settings
from issues.image_storing import store_image
from issues.models import Issue, IssueState, Publication, Section, Story, Topic
from issues.search.indexing import index_stories
from issues.writing import save_issue, save_story, set_papers, set_resources
from papers.models import Author, Authorship, Paper
from subscribers.models import Subscriber, SubscriberState
from tests.admin_forms import member_of
from tests.provider_api import provider  # noqa: F401

# No property fails because the machine is busy.
hypothesis_settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("unhurried")

WAYS_TO_A_DATABASE = {"db", "transactional_db", "live_server", "django_db_setup"}


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items):
    """What pytest-django lets near no database means the same on each."""
    for item in items:
        if not item.get_closest_marker("django_db") and WAYS_TO_A_DATABASE.isdisjoint(item.fixturenames):
            item.add_marker("once")


@pytest.fixture(autouse=True)
def _own_folders(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.MAILDIR_PATH = tmp_path / "mail"


@pytest.fixture(autouse=True)
def _fast_passwords(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def _empty_cache():
    yield
    cache.clear()


@pytest.fixture(autouse=True, scope="session")
def _own_broker(tmp_path_factory):
    """Tasks enqueued by tests never reach a worker that runs on this machine for real."""
    if celery_app.conf.broker_url.startswith("filesystem"):
        celery_app.conf.broker_transport_options = broker_settings(
            "filesystem://", folder=tmp_path_factory.mktemp("broker")
        )[1]
        yield
        return
    prefix = f"test-{uuid.uuid4().hex}-"
    celery_app.conf.broker_transport_options = {
        **celery_app.conf.broker_transport_options,
        "global_keyprefix": prefix,
    }
    yield
    with redis.Redis.from_url(celery_app.conf.broker_url) as client:
        for key in client.scan_iter(match=f"{prefix}*"):
            client.delete(key)


@pytest.fixture(autouse=True, scope="session")
def _no_way_out():
    """Let sockets connect to this machine only, so that a forgotten fake fails at once."""
    connect = socket.socket.connect

    def connect_to_loopback(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6) and not is_loopback(address[0]):
            raise OSError(f"A test tried to reach {address[0]}; tests talk to this machine only.")
        return connect(self, address)

    patch = pytest.MonkeyPatch()
    patch.setattr(socket.socket, "connect", connect_to_loopback)
    yield
    patch.undo()


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@pytest.fixture
def tasks_at_once():
    """Run tasks where they are enqueued, as soon as the transaction is committed."""
    celery_app.conf.update(task_always_eager=True, task_eager_propagates=True)
    yield
    celery_app.conf.update(task_always_eager=False, task_eager_propagates=False)


# Browsers in which somebody is logged in


@pytest.fixture
def writer(client, db):
    client.force_login(member_of("writer"))
    return client


@pytest.fixture
def editor(client, db):
    client.force_login(member_of("editor"))
    return client


@pytest.fixture
def publisher(client, db):
    client.force_login(member_of("publisher"))
    return client


# What is written about: each make_* needs no argument, and a test names only what it is about.


@pytest.fixture
def publication(db):
    publication = Publication.objects.current()
    publication.postal_address = "1 Example Street, 1000 AA Amsterdam"
    publication.save()
    return publication


@pytest.fixture
def make_section(db):
    def make(name="Machine Learning Research", **fields):
        return Section.objects.get_or_create(name=name, defaults={"slug": slugify(name), **fields})[0]

    return make


@pytest.fixture
def make_topic(db):
    def make(name="language models", **fields):
        return Topic.objects.get_or_create(name=name, defaults=fields)[0]

    return make


@pytest.fixture
def make_paper(db):
    numbers = itertools.count(10000)

    def make(title="Language Models are Few-Shot Learners", *, authors=("Brown",), **fields):
        fields = {"arxiv_id": f"2005.{next(numbers)}", "issued": "2020-05-28"} | fields
        paper = Paper(title=title, **fields)
        paper.clean()
        paper.save()
        for position, family in enumerate(authors):
            Authorship.objects.create(paper=paper, author=Author.objects.named(family), position=position)
        return paper

    return make


@pytest.fixture
def make_issue(db):
    numbers = itertools.count(1)

    def make(*, published_at=None, **fields):
        """A draft that could be approved; public from `published_at` if that is given, without the checks."""
        usual = {"number": next(numbers), "preheader": "What the inbox shows after the subject."} | fields
        issue = Issue(**{"title": f"Issue number {usual['number']}"} | usual)
        if published_at:
            issue.state, issue.published_at = IssueState.PUBLISHED, published_at
        save_issue(issue)
        return issue

    return make


@pytest.fixture
def make_story(db, make_section, make_topic):
    numbers = itertools.count(1)

    def make(title=None, *, topics=None, papers=(), resources=(), **fields):
        """An approved story that could go out, in the queue, or in the issue that is given."""
        number = next(numbers)
        title = title or f"Story {number}"
        fields = {
            "slug": f"{slugify(title)}",
            "section": make_section(),
            "summary": "A summary.",
            "body": "A text.",
            "state": "approved",
        } | fields
        story = Story(title=title, **fields)
        save_story(story)
        story.topics.set([make_topic()] if topics is None else topics)
        set_papers(story, papers)
        set_resources(story, [(resource, "") for resource in resources])
        index_stories([story.pk])
        return story

    return make


@pytest.fixture
def make_image(db):
    def make(name="grid.png", size=(600, 300), colour="navy"):
        data = io.BytesIO()
        PillowImage.new("RGB", size, colour).save(data, "PNG")
        return store_image(name, data.getvalue())

    return make


@pytest.fixture
def make_subscriber(db):
    numbers = itertools.count(1)

    def make(email=None, state=SubscriberState.ACTIVE, **fields):
        return Subscriber.objects.create(email=email or f"reader{next(numbers)}@example.org", state=state, **fields)

    return make
