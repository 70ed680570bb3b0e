from functools import partial

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from kombu import Connection

from dynamically_typed.celery import app as celery_app


def test_the_process_is_up_without_a_database(client):
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("address", ["/healthz", "/readyz"])
def test_probes_may_come_by_address_and_without_https(client, db, settings, address):
    settings.SECURE_SSL_REDIRECT = True
    settings.ALLOWED_HOSTS = ["digest.example.org"]
    assert client.get(address, headers={"host": "10.0.0.7:8000"}).status_code == 200


def test_the_site_is_ready_when_database_and_broker_are(client, db):
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"database": "ready", "broker": "ready"}
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_site_is_not_ready_before_its_migrations(client, db):
    MigrationRecorder(connection).record_unapplied("contenttypes", "0002_remove_content_type_name")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["database"] == "not ready"


def test_the_site_is_not_ready_without_its_broker(client, db, monkeypatch):
    nobody_listens_here = "redis://127.0.0.1:1/0"
    monkeypatch.setattr(celery_app, "connection_for_write", partial(Connection, nobody_listens_here))
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"database": "ready", "broker": "not ready"}
