"""From one URL per outside service to the settings of Django and Celery; each raises ImproperlyConfigured."""

from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

SQLITE_OPTIONS = {
    # Writers queue for the lock at BEGIN, where SQLite waits for `timeout`; an upgrade in mid-transaction would fail.
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,  # seconds
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
}
POSTGRESQL_OPTIONS = {"connect_timeout": 5}  # seconds
REDIS_BROKER_OPTIONS = {
    # A task that runs longer than this is given to a second worker; ours are cut off long before (see settings.py).
    "visibility_timeout": 3600,  # seconds
    # After a worker was killed, its tasks come back within half a minute of the visibility timeout.
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_connect_timeout": 5,  # seconds
    "socket_keepalive": True,
}


def database_settings(url: str, *, max_age: int) -> dict[str, Any]:
    """`max_age` is in seconds; a pool, asked for by `?pool=true`, keeps the connections itself."""
    try:
        config: dict[str, Any] = dict(dj_database_url.parse(url))
    except ValueError as error:
        raise ImproperlyConfigured(f"DATABASE_URL: {error} Write sqlite:////path or postgres://…") from error
    engine = config["ENGINE"].rpartition(".")[2]
    if engine == "sqlite3":
        config["OPTIONS"] = {**SQLITE_OPTIONS, **config.get("OPTIONS", {})}
    elif engine == "postgresql":
        config["OPTIONS"] = {**POSTGRESQL_OPTIONS, **config.get("OPTIONS", {})}
        config["CONN_MAX_AGE"] = 0 if config["OPTIONS"].get("pool") else max_age
        config["CONN_HEALTH_CHECKS"] = True
    else:
        raise ImproperlyConfigured("DATABASE_URL takes sqlite:////path or postgres://user:password@host:5432/name.")
    return config


def cache_settings(url: str) -> dict[str, Any]:
    scheme = urlsplit(url).scheme
    if scheme == "locmem":
        return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    if scheme in ("redis", "rediss"):
        return {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url}
    raise ImproperlyConfigured("CACHE_URL takes locmem: or redis://host:6379/1.")


def broker_settings(url: str, *, folder: Path) -> tuple[str, dict[str, Any]]:
    """Celery's `broker_url` and `broker_transport_options`; `folder` holds the messages of the filesystem broker."""
    if url == "filesystem://":  # Nothing shorter: Celery itself reads CELERY_BROKER_URL, too.
        messages, control = folder / "messages", folder / "control"
        for each in (messages, control):
            each.mkdir(parents=True, exist_ok=True)
        return url, {
            "data_folder_in": str(messages),
            "data_folder_out": str(messages),
            "control_folder": str(control),
            "polling_interval": 0.2,  # seconds
        }
    if urlsplit(url).scheme in ("redis", "rediss"):
        return url, REDIS_BROKER_OPTIONS
    raise ImproperlyConfigured("CELERY_BROKER_URL takes filesystem:// or redis://host:6379/0.")


def service_address(name: str, url: str) -> str:
    """The address of an HTTP service, under which its paths begin with a slash."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ImproperlyConfigured(f"{name} is {url!r}, but takes an address such as https://api.example.org.")
    return url.rstrip("/")


class MailServer(NamedTuple):
    """What Django's EMAIL_… settings hold."""

    backend: str
    host: str = ""
    port: int = 25
    user: str = ""
    password: str = ""
    use_tls: bool = False
    use_ssl: bool = False


def mail_server(url: str) -> MailServer:
    """User and password are percent-encoded in the URL."""
    parts = urlsplit(url)
    if parts.scheme == "maildir":
        return MailServer("deliveries.maildir.MaildirBackend")
    if parts.scheme == "console":
        return MailServer("django.core.mail.backends.console.EmailBackend")
    ports = {"smtp": 25, "smtp+tls": 587, "smtps": 465}
    if parts.scheme not in ports or not parts.hostname:
        raise ImproperlyConfigured(
            "EMAIL_URL takes maildir:, console:, smtp://user:password@host:25, smtp+tls://…:587 or smtps://…:465."
        )
    return MailServer(
        "django.core.mail.backends.smtp.EmailBackend",
        host=parts.hostname,
        port=_port(parts) or ports[parts.scheme],
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        use_tls=parts.scheme == "smtp+tls",
        use_ssl=parts.scheme == "smtps",
    )


def _port(parts: SplitResult) -> int | None:
    try:
        return parts.port
    except ValueError:
        raise ImproperlyConfigured("EMAIL_URL: the port is not a number from 0 to 65535.") from None
