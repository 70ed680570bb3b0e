"""Two addresses for load balancers and container engines: is the process up, and can it do its work?"""

import logging
from collections.abc import Callable

from celery import current_app
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)
BROKER_TIMEOUT = 1.0  # seconds


class HealthMiddleware:
    """Answer before anything looks at the Host header or redirects to https: probes ask by address, in plain http."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info == "/healthz":
            return healthz()
        if request.path_info == "/readyz":
            return readyz()
        return self.get_response(request)


def healthz() -> JsonResponse:
    """The process is up and answers."""
    return JsonResponse({"process": "up"}, headers={"Cache-Control": "no-store"})


def readyz() -> JsonResponse:
    """200 when the database answers, has all migrations, and the broker is reachable; else 503. Reasons are logged."""
    checks = {"database": _migrations_are_applied(), "broker": _broker_answers()}
    return JsonResponse(
        {name: "ready" if ready else "not ready" for name, ready in checks.items()},
        status=200 if all(checks.values()) else 503,
        headers={"Cache-Control": "no-store"},
    )


def _migrations_are_applied() -> bool:
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        logger.warning("Not ready: the database does not answer (%s)", type(error).__name__)
        return False
    if missing:
        logger.warning("Not ready: %d migrations are not applied; run `manage.py migrate`", len(missing))
    return not missing


def _broker_answers() -> bool:
    timeouts = {"socket_connect_timeout": BROKER_TIMEOUT, "socket_timeout": BROKER_TIMEOUT}
    with current_app.connection_for_write(connect_timeout=BROKER_TIMEOUT, transport_options=timeouts) as broker:
        try:
            broker.ensure_connection(max_retries=0, timeout=BROKER_TIMEOUT)
        except OperationalError as error:
            logger.warning("Not ready: the broker does not answer (%s)", type(error).__name__)
            return False
    return True
