"""docker-compose.yml, as far as it can be judged without an engine."""

import re

import pytest
import yaml

from dynamically_typed.environment import BASE_DIR

TEXT = (BASE_DIR / "docker-compose.yml").read_text()
EXAMPLE = (BASE_DIR / ".env.example").read_text()
SERVICES = yaml.safe_load(TEXT)["services"]


def test_all_parts_of_production_are_started():
    assert set(SERVICES) == {"web", "worker", "beat", "migrate", "postgres", "redis"}


def test_every_variable_that_it_takes_is_in_the_example_file():
    taken = set(re.findall(r"(?<!\$)\$\{(\w+)", TEXT))
    assert taken
    assert all(f"\n#{name}=" in EXAMPLE for name in taken), taken


@pytest.mark.parametrize("secret", ["SECRET_KEY", "EMAIL_URL", "POSTGRES_PASSWORD"])
def test_secrets_come_from_the_file_of_the_operator_and_are_required(secret):
    assert f"${{{secret}:?" in TEXT


@pytest.mark.parametrize("name", ["web", "worker", "beat"])
def test_nothing_starts_before_the_migrations_are_through(name):
    waits = SERVICES[name]["depends_on"]
    assert waits["migrate"]["condition"] == "service_completed_successfully"
    assert waits["redis"]["condition"] == "service_healthy"


def test_debug_is_off_in_every_process():
    assert {SERVICES[name]["environment"]["DEBUG"] for name in ("web", "worker", "beat", "migrate")} == {"false"}


def test_the_web_port_is_for_the_proxy_on_the_same_machine_only():
    assert all(port.startswith("127.0.0.1:") for port in SERVICES["web"]["ports"])
    assert not any("ports" in SERVICES[name] for name in ("postgres", "redis", "worker", "beat"))
