"""What every test gets: its own folders, its own broker, and no way out of this machine."""

import socket
import uuid
from ipaddress import ip_address

import pytest
import redis
from django.core.cache import cache

from dynamically_typed.celery import app as celery_app
from dynamically_typed.service_urls import broker_settings


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
