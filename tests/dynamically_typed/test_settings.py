"""What manage.py says and does under settings of all kinds, seen from outside: each test starts a process."""

import socket
import subprocess
import sys

import pytest
import redis
from django.core.cache.backends.redis import RedisCache
from django.core.exceptions import ImproperlyConfigured

from dynamically_typed import service_urls
from dynamically_typed.environment import BASE_DIR, Environment

PRODUCTION = {
    "DEBUG": "false",
    "SECRET_KEY": "kX0v2bq8Rk5yWmT1uJ9sZcLhE4gFnPa7dQiBoVxCe3tYrU6wMA",
    "ALLOWED_HOSTS": "digest.example.org",
    "SITE_URL": "https://digest.example.org",
}


@pytest.fixture
def manage(tmp_path, bare_environment):
    """Run manage.py with these variables only; return the finished process."""

    def run(*arguments, **variables):
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=BASE_DIR,
            env={**bare_environment, "VAR_DIR": str(tmp_path), **variables},
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


@pytest.mark.parametrize("missing", ["SECRET_KEY", "ALLOWED_HOSTS", "SITE_URL"])
def test_production_refuses_to_start_without_what_it_needs_and_says_what_to_do(manage, missing):
    variables = {name: value for name, value in PRODUCTION.items() if name != missing}
    done = manage("check", **variables)
    assert done.returncode == 1
    assert done.stderr.startswith(f"Settings: {missing} is missing. Set it to ")
    assert "Traceback" not in done.stderr


def test_a_wrong_value_gets_a_sentence_and_no_traceback(manage):
    done = manage("migrate", PORT="abc")
    assert done.returncode == 1
    assert done.stderr == "Settings: PORT is 'abc', but takes a whole number from 1 to 65535.\n"


def test_the_built_in_key_signs_nothing_for_other_machines(manage):
    done = manage("check", ALLOWED_HOSTS="digest.example.org")
    assert done.stderr.startswith("Settings: SECRET_KEY is missing.")


@pytest.mark.parametrize("address", ["digest.example.org", "https://digest.example.org/", "ftp://digest.example.org"])
def test_a_site_address_that_links_cannot_start_with_is_refused(manage, address):
    done = manage("check", **{**PRODUCTION, "SITE_URL": address})
    assert done.returncode == 1
    assert done.stderr.startswith(f"Settings: SITE_URL is '{address}', but takes")


def test_the_site_address_follows_the_port(manage):
    done = manage(
        "shell", "--no-imports", "-c", "from django.conf import settings; print(settings.SITE_URL)", PORT="9001"
    )
    assert done.stdout.strip() == "http://localhost:9001"


def test_the_deployment_check_has_nothing_to_say_about_production(manage):
    done = manage("check", "--deploy", "--fail-level", "WARNING", EMAIL_URL="smtp+tls://mail.example.org", **PRODUCTION)
    assert done.returncode == 0, done.stderr


def test_the_deployment_check_warns_where_no_mail_would_leave_and_where_a_password_is_enough(manage):
    done = manage("check", "--deploy", "--fail-level", "WARNING", REQUIRE_SECOND_FACTOR="false", **PRODUCTION)
    assert done.returncode == 1
    assert "No mail leaves this machine, and yet issues would count as sent." in done.stderr
    assert "A stolen password is enough to log in as an editor." in done.stderr
    assert "identified 2 issues" in done.stderr


def test_sqlite_is_opened_for_several_processes():
    options = service_urls.database_settings("sqlite:////srv/db.sqlite3", max_age=60)["OPTIONS"]
    assert options["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in options["init_command"]


def test_a_pool_keeps_the_connections_itself():
    pooled = service_urls.database_settings("postgres://u:p@db:5432/digest?pool=true", max_age=60)
    kept = service_urls.database_settings("postgres://u:p@db:5432/digest", max_age=60)
    assert (pooled["CONN_MAX_AGE"], kept["CONN_MAX_AGE"]) == (0, 60)


@pytest.mark.parametrize(
    ("url", "host", "port", "tls", "ssl"),
    [
        ("smtp://mail.example.org", "mail.example.org", 25, False, False),
        ("smtp://mail.example.org:2525", "mail.example.org", 2525, False, False),
        ("smtp+tls://mail.example.org", "mail.example.org", 587, True, False),
        ("smtps://mail.example.org", "mail.example.org", 465, False, True),
    ],
)
def test_the_scheme_of_the_mail_url_decides_port_and_encryption(url, host, port, tls, ssl):
    server = service_urls.mail_server(url)
    assert (server.host, server.port) == (host, port)
    assert (server.use_tls, server.use_ssl) == (tls, ssl)


def test_user_and_password_of_the_mail_url_are_percent_decoded():
    server = service_urls.mail_server("smtp+tls://editor%40example.org:p%2Fss%3Aword@mail.example.org")
    assert server.user == "editor@example.org"
    assert server.password == "p/ss:word"


def test_several_servers_have_shares_and_limits():
    urls = (
        "smtp+tls://a:p%2Cw@mx1.example.org?weight=3&per_second=20&per_hour=5000&connections=2, smtps://mx2.example.org"
    )
    first, second = service_urls.mail_servers(urls)
    assert (first.host, first.password, first.weight) == ("mx1.example.org", "p,w", 3)
    assert (first.per_second, first.per_hour, first.connections) == (20, 5000, 2)
    assert (second.port, second.weight, second.has_limits) == (465, 1, False)


def test_a_comma_in_a_password_makes_no_second_server():
    (server,) = service_urls.mail_servers("smtp://user:a,b@mail.example.org")
    assert server.password == "a,b"


def test_the_parameters_of_a_provider_are_its_settings():
    url = "anymail+amazon-ses:?region_name=eu-west-1"
    assert service_urls.mail_server(url).backend == "anymail.backends.amazon_ses.EmailBackend"
    assert service_urls.anymail_settings(url) == {"AMAZON_SES_REGION_NAME": "eu-west-1"}


def test_a_key_goes_with_its_selector(tmp_path):
    (tmp_path / "a.pem").touch()
    keys = service_urls.dkim_keys("example.org", ["a"], ["a.pem"], folder=tmp_path)
    assert keys == [("a", tmp_path / "a.pem")]
    assert service_urls.dkim_keys("", [], [], folder=tmp_path) == []


def test_mail_stays_on_the_machine_by_default():
    assert service_urls.mail_server(Environment().EMAIL_URL).backend == "deliveries.maildir.MaildirBackend"


@pytest.mark.parametrize(
    ("read", "name"),
    [
        (lambda: service_urls.database_settings("oracle://db/x", max_age=0), "DATABASE_URL"),
        (lambda: service_urls.database_settings("nonsense", max_age=0), "DATABASE_URL"),
        (lambda: service_urls.cache_settings("memcached://x"), "CACHE_URL"),
        (lambda: service_urls.broker_settings("amqp://x", folder=None), "CELERY_BROKER_URL"),
        (lambda: service_urls.mail_server("smtp:"), "EMAIL_URL"),
        (lambda: service_urls.mail_server("smtp://mail.example.org:port"), "EMAIL_URL"),
        (lambda: service_urls.mail_server("smtp://mail.example.org?per_second=0"), "per_second=0"),
        (lambda: service_urls.mail_server("smtp://mail.example.org?per_minute=9"), "per_minute=9"),
        (lambda: service_urls.mail_servers("maildir:,smtp://mail.example.org"), "only SMTP servers"),
        (lambda: service_urls.mail_server("anymail+nobody:"), "WEBHOOK_PROVIDER names nobody"),
        (lambda: service_urls.bounce_address("bounces"), "BOUNCE_ADDRESS"),
        (lambda: service_urls.bounce_address("a+b@example.org"), "BOUNCE_ADDRESS"),
        (lambda: service_urls.dkim_keys("example.org", ["a"], [], folder=BASE_DIR), "belong together"),
        (lambda: service_urls.dkim_keys("example.org", ["a"], ["no.pem"], folder=BASE_DIR), "there is no file"),
        (lambda: service_urls.dkim_keys("example.org", ["a;"], ["no.pem"], folder=BASE_DIR), "names as DNS has them"),
    ],
)
def test_an_unknown_service_is_refused_by_the_name_of_its_variable(read, name):
    with pytest.raises(ImproperlyConfigured, match=name):
        read()


def test_a_cache_that_hangs_is_given_up(monkeypatch):
    monkeypatch.setattr(service_urls, "REDIS_TIMEOUT", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        config = service_urls.cache_settings(f"redis://127.0.0.1:{hanging.getsockname()[1]}/1")
        cache = RedisCache(config["LOCATION"], {"OPTIONS": config["OPTIONS"]})
        with pytest.raises(redis.TimeoutError):
            cache.get("key")


def test_a_provider_that_gets_the_mails_by_smtp_may_call_too(manage):
    code = (
        "from django.conf import settings; from django.urls import reverse; print(reverse('webhook'), settings.ANYMAIL)"
    )
    done = manage(
        *("shell", "-v", "0", "-c", code),
        EMAIL_URL="smtp+tls://user:password@smtp.example.org:587",
        WEBHOOK_PROVIDER="anymail+mailgun:?webhook_signing_key=key",
        WEBHOOK_SECRET="provider:a-long-enough-secret",
    )
    anymail = {"MAILGUN_WEBHOOK_SIGNING_KEY": "key", "WEBHOOK_SECRET": ["provider:a-long-enough-secret"]}
    assert done.stdout == f"/webhooks/mailgun/ {anymail}\n"
