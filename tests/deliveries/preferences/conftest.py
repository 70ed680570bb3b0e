import pytest

from dynamically_typed.celery import app as celery_app
from subscribers.models import ConsentEvent, Subscriber
from subscribers.tokens import preferences_url, requested_url


@pytest.fixture
def reader(make_subscriber):
    return make_subscriber("ada@example.org")


@pytest.fixture
def press(client, settings, django_capture_on_commit_callbacks):
    """Send one of the page's forms, as a browser without cookies does; tasks run at once. Return the last answer."""
    celery_app.conf.update(task_always_eager=True, task_eager_propagates=True)
    client.handler.enforce_csrf_checks = True

    def post(subscriber, step, *, path=path_of, **fields):
        with django_capture_on_commit_callbacks(execute=True):
            return client.post(f"{path(subscriber)}{step}/", fields, follow=True)

    yield post
    celery_app.conf.update(task_always_eager=False, task_eager_propagates=False)


def path_of(subscriber):
    """By the link that a reader asks for: the whole page."""
    return "/" + requested_url(subscriber).split("/", 3)[3]


def path_in_issues(subscriber):
    return "/" + preferences_url(subscriber).split("/", 3)[3]


def history_of(subscriber):
    return list(ConsentEvent.objects.filter(subscriber=subscriber).values_list("kind", "source", "wording"))


def fresh(subscriber):
    return Subscriber.objects.get(pk=subscriber.pk)
