"""From one URL per outside service to the settings of Django and Celery; each raises ImproperlyConfigured."""

import importlib.util
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

SQLITE_OPTIONS = {
    # Writers queue for the lock at BEGIN, where SQLite waits for `timeout`; an upgrade in mid-transaction would fail.
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,  # seconds
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
}
POSTGRESQL_OPTIONS = {"connect_timeout": 5}  # seconds
REDIS_TIMEOUT = 5  # seconds
REDIS_BROKER_OPTIONS = {
    # A task that runs longer than this is given to a second worker; ours are cut off long before (see settings.py).
    "visibility_timeout": 3600,  # seconds
    # After a worker was killed, its tasks come back within half a minute of the visibility timeout.
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_connect_timeout": REDIS_TIMEOUT,
    "socket_timeout": REDIS_TIMEOUT,  # Workers that wait for a task ask anew each second.
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
        # Tests on a file, too: in memory, SQLite locks tables without waiting, as no installation of ours does.
        config["TEST"] = {"NAME": f"{config['NAME']}.test"}
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
        return {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": url,
            "OPTIONS": {"socket_connect_timeout": REDIS_TIMEOUT, "socket_timeout": REDIS_TIMEOUT},
        }
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
    """What Django's EMAIL_… settings hold, and what an SMTP server may be used for while an issue is sent."""

    backend: str
    host: str = ""
    port: int = 25
    user: str = ""
    password: str = ""
    use_tls: bool = False  # STARTTLS is required; else it is used if the server offers it
    use_ssl: bool = False  # from the first octet on
    weight: int = 1  # its share of the mails is weight / sum of all weights
    connections: int = 0  # of each task; 0: SENDING_CONNECTIONS
    per_second: int = 0  # mails, of all workers together; 0: as many as it takes
    per_hour: int = 0

    @property
    def has_limits(self) -> bool:
        return bool(self.connections or self.per_second or self.per_hour)


SMTP_PORTS = {"smtp": 25, "smtp+tls": 587, "smtps": 465}
SMTP_PARAMETERS = ("weight", "connections", "per_second", "per_hour")
PROVIDER = "anymail+"
SHORTEST_WEBHOOK_SECRET = 20  # characters


def mail_servers(urls: str) -> list[MailServer]:
    """One or, of SMTP servers, several with commas between them. Single mails go to the first."""
    servers = [mail_server(url) for url in re.split(r",\s*(?=[a-z]+(?:\+[a-z-]+)?:)", urls)]
    if len(servers) > 1 and not all(server.host for server in servers):
        raise ImproperlyConfigured("EMAIL_URL: only SMTP servers can share the mails.")
    return servers


def mail_server(url: str) -> MailServer:
    """User and password are percent-encoded in the URL."""
    parts = urlsplit(url)
    if parts.scheme == "maildir":
        return MailServer("deliveries.maildir.MaildirBackend")
    if parts.scheme == "console":
        return MailServer("django.core.mail.backends.console.EmailBackend")
    if parts.scheme.startswith(PROVIDER):
        return MailServer(f"anymail.backends.{_provider(parts)}.EmailBackend")
    if parts.scheme not in SMTP_PORTS or not parts.hostname:
        raise ImproperlyConfigured(
            "EMAIL_URL takes maildir:, console:, smtp://user:password@host:25, smtp+tls://…:587, smtps://…:465 "
            "or anymail+provider:?setting=value."
        )
    return MailServer(
        "deliveries.smtp_backend.SmtpBackend",
        host=parts.hostname,
        port=_port(parts, "EMAIL_URL") or SMTP_PORTS[parts.scheme],
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        use_tls=parts.scheme == "smtp+tls",
        use_ssl=parts.scheme == "smtps",
        **_smtp_parameters(parts),
    )


def _smtp_parameters(parts: SplitResult) -> dict[str, int]:
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    for name, value in given.items():
        if name not in SMTP_PARAMETERS or not re.fullmatch("[1-9][0-9]{0,8}", value, re.ASCII):
            raise ImproperlyConfigured(
                f"EMAIL_URL: {name}={value} is not known. It takes {', '.join(SMTP_PARAMETERS)}, each a number from 1 up."
            )
    return {name: int(value) for name, value in given.items()}


def anymail_settings(url: str, webhook_secrets: Sequence[str] = ()) -> dict[str, Any]:
    """Django's ANYMAIL: api_key of anymail+mailgun:?api_key=… is its MAILGUN_API_KEY."""
    parts = urlsplit(url)
    if not parts.scheme.startswith(PROVIDER):
        return {}
    own = {f"{_provider(parts)}_{name}".upper(): value for name, value in parse_qsl(parts.query)}
    return own | ({"WEBHOOK_SECRET": list(webhook_secrets)} if webhook_secrets else {})


def webhook_provider(url: str, secrets: Sequence[str]) -> str:
    """The name of Anymail's module, if its webhook is to answer; else empty."""
    parts = urlsplit(url)
    if not secrets:
        return ""
    for secret in secrets:
        if not re.fullmatch(r"[^:\s]+:\S+", secret, re.ASCII) or len(secret) < SHORTEST_WEBHOOK_SECRET:
            raise ImproperlyConfigured(
                "WEBHOOK_SECRET takes user:password with at least 20 characters, the same that stand in the address that "
                "the provider calls: https://user:password@digest.example.org/webhooks/PROVIDER/"
            )
    if not parts.scheme.startswith(PROVIDER):
        raise ImproperlyConfigured(
            "WEBHOOK_SECRET is set, but neither WEBHOOK_PROVIDER nor EMAIL_URL names a provider that could call: "
            "anymail+postmark: is one."
        )
    return _provider(parts)


def _provider(parts: SplitResult) -> str:
    """The name of Anymail's module, such as amazon_ses."""
    name = parts.scheme.removeprefix(PROVIDER).replace("-", "_")
    if importlib.util.find_spec("anymail") is None:
        raise ImproperlyConfigured(
            "A provider of mail is named, which needs Anymail: pip install --require-hashes -r requirements-esp.txt"
        )
    if importlib.util.find_spec(f"anymail.backends.{name}") is None:
        raise ImproperlyConfigured(
            f"EMAIL_URL or WEBHOOK_PROVIDER names {name}, which is no provider that Anymail knows: anymail+postmark: is one."
        )
    return name


def _port(parts: SplitResult, variable: str) -> int | None:
    try:
        return parts.port
    except ValueError:
        raise ImproperlyConfigured(f"{variable}: the port is not a number from 0 to 65535.") from None


def bounce_address(address: str) -> str:
    """Its local part is short, since +TOKEN follows it and both have room for 64 characters."""
    if address and not re.fullmatch(r"[\w.-]{1,20}@[a-zA-Z0-9.-]+", address, re.ASCII):
        raise ImproperlyConfigured(
            f"BOUNCE_ADDRESS is {address!r}, but takes an address such as bounces@example.org, "
            "with at most 20 letters, digits, dots, hyphens and underscores before the @."
        )
    return address


class BounceMailbox(NamedTuple):
    """A Maildir at `folder`, or a folder of an IMAP server; `done` and `aside` are where mails are moved to."""

    scheme: str
    folder: str
    done: str = "Done"
    aside: str = "Aside"
    host: str = ""
    port: int = 993
    user: str = ""
    password: str = ""


IMAP_PORTS = {"imaps": 993, "imap+tls": 143, "imap": 143}


def bounce_mailbox(url: str) -> BounceMailbox | None:
    """User and password are percent-encoded in the URL; ?done=… and ?aside=… name the folders of an IMAP server."""
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme == "maildir" and not parts.netloc and parts.path.startswith("/"):
        return BounceMailbox(parts.scheme, unquote(parts.path))
    names = dict(parse_qsl(parts.query))
    folders = {"folder": unquote(parts.path.lstrip("/")) or "INBOX", **names}
    wrong = [name for name in folders.values() if not re.fullmatch(r"[\w./ -]+", name, re.ASCII)]
    if parts.scheme not in IMAP_PORTS or not parts.hostname or not names.keys() <= {"done", "aside"} or wrong:
        raise ImproperlyConfigured(
            "BOUNCE_MAILBOX_URL takes maildir:///path or imaps://user:password@host/INBOX (also imap+tls:// and imap://), "
            "with ?done=NAME&aside=NAME for the folders that mails are moved to."
        )
    return BounceMailbox(
        parts.scheme,
        host=parts.hostname,
        port=_port(parts, "BOUNCE_MAILBOX_URL") or IMAP_PORTS[parts.scheme],
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        **folders,
    )


def dkim_keys(domain: str, selectors: Sequence[str], files: Sequence[str], *, folder: Path) -> list[tuple[str, Path]]:
    """Selectors with their files, which are read when the first mail is signed; `folder` is where relative names begin."""
    if not domain and not selectors and not files:
        return []
    if not domain or not selectors or len(selectors) != len(files):
        raise ImproperlyConfigured(
            "DKIM_DOMAIN, DKIM_SELECTOR and DKIM_PRIVATE_KEY belong together: one domain, and as many selectors as files."
        )
    for name in (domain, *selectors):
        if not re.fullmatch(r"[a-zA-Z0-9_-]+(\.[a-zA-Z0-9_-]+)*", name):
            raise ImproperlyConfigured(f"DKIM_DOMAIN and DKIM_SELECTOR take names as DNS has them, unlike {name!r}.")
    paths = [folder / Path(file).expanduser() for file in files]
    for path in paths:
        if not path.is_file():
            raise ImproperlyConfigured(f"DKIM_PRIVATE_KEY: there is no file {path}.")
    return list(zip(selectors, paths, strict=True))
