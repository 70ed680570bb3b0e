import ast

import pytest
from django.core.exceptions import ImproperlyConfigured

from dynamically_typed.environment import BASE_DIR, Environment, read_environment
from dynamically_typed.management.commands.document_settings import (
    ENV_EXAMPLE,
    SETTINGS_PAGE,
    env_example,
    settings_page,
    table,
)


def test_with_nothing_set_the_defaults_hold():
    assert read_environment({}) == Environment()


def test_a_variable_set_to_nothing_counts_as_not_set():
    assert read_environment({"PORT": "", "DEBUG": " "}) == Environment()


def test_values_are_read_as_their_types():
    environment = read_environment(
        {
            "DEBUG": "False",
            "PORT": "9000",
            "ALLOWED_HOSTS": "digest.example.org, www.example.org",
            "EMAIL_TIMEOUT": "2.5",
            "MEDIA_ROOT": "/srv/media",
            "VAR_DIR": "elsewhere",
            "TIME_ZONE": "Europe/Berlin",
        }
    )
    assert environment.DEBUG is False
    assert environment.PORT == 9000
    assert environment.ALLOWED_HOSTS == ("digest.example.org", "www.example.org")
    assert environment.EMAIL_TIMEOUT == 2.5
    assert str(environment.MEDIA_ROOT) == "/srv/media"
    assert environment.VAR_DIR == BASE_DIR / "elsewhere"
    assert environment.TIME_ZONE.key == "Europe/Berlin"


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("DEBUG", "maybe", "DEBUG is 'maybe', but takes true or false."),
        ("PORT", "abc", "PORT is 'abc', but takes a whole number from 1 to 65535."),
        ("PORT", "0", "PORT is 0, but takes a whole number from 1 to 65535."),
        ("PORT", "70000", "PORT is 70000, but takes a whole number from 1 to 65535."),
        ("EMAIL_TIMEOUT", "soon", "EMAIL_TIMEOUT is 'soon', but takes a number, 0.1 or more."),
        ("EMAIL_TIMEOUT", "nan", "EMAIL_TIMEOUT is nan, but takes a number, 0.1 or more."),
        ("TIME_ZONE", "Mars/Olympus", "TIME_ZONE is 'Mars/Olympus', but takes an IANA name such as Europe/Berlin."),
        ("TIME_ZONE", "Europe", "TIME_ZONE is 'Europe', but takes an IANA name such as Europe/Berlin."),
        ("LOG_LEVEL", "loud", "LOG_LEVEL is 'loud', but takes one of DEBUG, INFO, WARNING, ERROR."),
    ],
)
def test_a_wrong_value_is_refused_by_name_with_what_it_takes(name, value, sentence):
    with pytest.raises(ImproperlyConfigured) as refusal:
        read_environment({name: value})
    assert str(refusal.value) == sentence


def test_every_variable_has_a_sentence():
    assert all(row.sentence.endswith(".") for row in table())


def test_the_example_file_and_the_settings_page_agree_with_the_table():
    assert env_example() == ENV_EXAMPLE.read_text(), "run `make document-settings`"
    assert settings_page() == SETTINGS_PAGE.read_text(), "run `make document-settings`"


def test_no_other_file_reads_the_environment():
    readers = {
        str(path.relative_to(BASE_DIR))
        for folder in ("dynamically_typed", "papers", "issues", "subscribers", "deliveries")
        for path in (BASE_DIR / folder).rglob("*.py")
        if reads_the_environment(path)
    }
    assert readers == {"dynamically_typed/environment.py"}


def reads_the_environment(path):
    """Setting a default, as wsgi.py does for DJANGO_SETTINGS_MODULE, is no reading."""
    tree = ast.parse(path.read_text())
    defaults = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "setdefault"
    }
    return any(
        isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv") and id(node) not in defaults
        for node in ast.walk(tree)
    )
