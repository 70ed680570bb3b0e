"""Every variable that the project reads from its environment, in one typed table; no other file reads `os.environ`.

A new variable is a new line of `Environment`: its name, type, default and a sentence. `make document-settings` then
writes it into `.env.example` and `docs/settings.md`.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin, get_type_hints
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ImproperlyConfigured
from dotenv import dotenv_values

BASE_DIR = Path(__file__).resolve().parent.parent
UTC = ZoneInfo("UTC")


class Meaning(NamedTuple):
    sentence: str
    shown: str = ""  # stands for the default where that depends on another variable
    minimum: float = 0
    maximum: float | None = None


@dataclass(frozen=True)
class Environment:
    DEBUG: Annotated[bool, Meaning("On for a laptop. Set it to false wherever others can reach the site.")] = True
    SECRET_KEY: Annotated[
        str,
        Meaning(
            "Signs sessions and the links in emails; 50 or more random characters. "
            "Required when DEBUG is false or ALLOWED_HOSTS is set."
        ),
    ] = ""
    SECRET_KEY_FALLBACKS: Annotated[
        tuple[str, ...], Meaning("Former secret keys, separated by commas: what they signed stays valid.")
    ] = ()
    ALLOWED_HOSTS: Annotated[
        tuple[str, ...],
        Meaning(
            "Host names that the site answers to, separated by commas. Required when DEBUG is false.",
            shown="localhost, 127.0.0.1, [::1]",
        ),
    ] = ()
    PORT: Annotated[int, Meaning("The port that `make run` listens on.", minimum=1, maximum=65535)] = 8000
    SITE_URL: Annotated[
        str,
        Meaning(
            "The address that readers know, without a slash at its end; the links in emails start with it. "
            "Required when DEBUG is false.",
            shown="http://localhost:$PORT",
        ),
    ] = ""
    TIME_ZONE: Annotated[ZoneInfo, Meaning("The editors' time zone by its IANA name, such as Europe/Berlin.")] = UTC
    VAR_DIR: Annotated[Path, Meaning("The folder for everything that the site writes.", shown="var")] = BASE_DIR / "var"
    MEDIA_ROOT: Annotated[Path | None, Meaning("The folder for uploaded pictures.", shown="$VAR_DIR/media")] = None
    SERVE_MEDIA: Annotated[
        bool, Meaning("Whether the web process serves MEDIA_ROOT under /media/; false when a proxy before it does.")
    ] = True
    STATIC_ROOT: Annotated[
        Path | None, Meaning("The folder that `manage.py collectstatic` fills.", shown="$VAR_DIR/static")
    ] = None
    DATABASE_URL: Annotated[
        str,
        Meaning(
            "The database: sqlite:////path/of/file or postgres://user:password@host:5432/name; "
            "?pool=true adds a pool of connections.",
            shown="sqlite:///$VAR_DIR/db.sqlite3",
        ),
    ] = ""
    DATABASE_MAX_AGE: Annotated[
        int, Meaning("Seconds that a connection to PostgreSQL is kept for the next request.")
    ] = 60
    CACHE_URL: Annotated[str, Meaning("The cache: locmem: (each process its own) or redis://host:6379/1.")] = "locmem:"
    PAGE_CACHE_MEGABYTES: Annotated[
        int,
        Meaning(
            "Memory in which each web process keeps public pages; 0: none are kept. Only matters when DEBUG is false."
        ),
    ] = 64
    CELERY_BROKER_URL: Annotated[
        str, Meaning("The broker: filesystem:// (a folder in VAR_DIR, for one machine) or redis://host:6379/0.")
    ] = "filesystem://"
    EMAIL_URL: Annotated[
        str,
        Meaning(
            "Where mail goes: maildir: (a folder in VAR_DIR, nothing leaves the machine), console:, "
            "smtp://user:password@host:25 (STARTTLS if offered), smtp+tls://…:587 (STARTTLS required), smtps://…:465, "
            "several of these with commas between them, or anymail+provider:?setting=value. "
            "Limits and weights of servers: docs/sending-setup.md."
        ),
    ] = "maildir:"
    BOUNCE_ADDRESS: Annotated[
        str,
        Meaning(
            "Where bounces go, such as bounces@example.org; each reader's mail then has an envelope sender of its own, "
            "bounces+TOKEN@example.org, so that a bounce finds its delivery. Empty: the sender's address."
        ),
    ] = ""
    BOUNCE_MAILBOX_URL: Annotated[
        str,
        Meaning(
            "The mailbox that bounces and complaints come to: maildir:///path, imaps://user:password@host/INBOX, "
            "imap+tls://… (STARTTLS) or imap://… (a server on the same machine). Give it one of its own: what was read "
            "is moved. Empty: none is read."
        ),
    ] = ""
    WEBHOOK_SECRET: Annotated[
        tuple[str, ...],
        Meaning(
            "user:password with which the provider calls /webhooks/ to tell of bounces and complaints, at least 20 "
            "characters; while you change it, the new one and the old one, separated by a comma. "
            "Empty: there is no such address."
        ),
    ] = ()
    WEBHOOK_PROVIDER: Annotated[
        str,
        Meaning(
            "The provider that calls, where mails go to it by SMTP: anymail+postmark: or, with what Anymail asks for, "
            "anymail+mailgun:?webhook_signing_key=… Empty: the one of EMAIL_URL."
        ),
    ] = ""
    SOFT_BOUNCE_LIMIT: Annotated[
        int,
        Meaning(
            "After so many mails on as many days that bounced for now, without one in between that arrived, a "
            "subscriber is not written to any more.",
            minimum=2,
        ),
    ] = 5
    SOFT_BOUNCE_DAYS: Annotated[
        int, Meaning("Days after which a mail that bounced for now is forgotten.", minimum=1)
    ] = 90
    COMPLAINT_PAUSE_RATE: Annotated[
        float,
        Meaning(
            "A mailing pauses when more of those who got it complain that it is spam, three at least; 0: it never does. "
            "Gmail's limit is 0.003.",
            maximum=1,
        ),
    ] = 0.003
    DKIM_DOMAIN: Annotated[
        str, Meaning("The domain that DKIM signatures are made for. Empty: the mail server or provider makes them.")
    ] = ""
    DKIM_SELECTOR: Annotated[
        tuple[str, ...], Meaning("The name under which DNS has the public key; one for each key, separated by commas.")
    ] = ()
    DKIM_PRIVATE_KEY: Annotated[
        tuple[str, ...],
        Meaning("The file of the private key, RSA with 2048 bits or Ed25519, in PEM; of several, separated by commas."),
    ] = ()
    EMAIL_TIMEOUT: Annotated[float, Meaning("Seconds to wait for the mail server.", minimum=0.1)] = 10.0
    SENDING_TASKS: Annotated[int, Meaning("How many tasks send an issue at once.", minimum=1)] = 2
    SENDING_CONNECTIONS: Annotated[
        int,
        Meaning(
            "How many connections to the mail server each of these tasks keeps. "
            "So many mails at most are in doubt when a worker is killed.",
            minimum=1,
        ),
    ] = 4
    SENDING_BATCH_SIZE: Annotated[
        int,
        Meaning(
            "How many mails a task claims at once, at most; fewer, if sending them would take longer than four seconds.",
            minimum=1,
        ),
    ] = 1000
    SENDING_LEASE_SECONDS: Annotated[
        int,
        Meaning(
            "Seconds after which the mails that a worker has claimed count as uncertain, if it died where no other "
            "worker can read its journal; at least twenty times EMAIL_TIMEOUT.",
            minimum=1,
        ),
    ] = 300
    SENDING_DEADLINE_HOURS: Annotated[
        int,
        Meaning(
            "Hours after the start of a mailing until which its mails are tried again when the mail server puts them off or "
            "can't be reached.",
            minimum=1,
            maximum=24 * 365,
        ),
    ] = 120
    CONTACT_EMAIL: Annotated[
        str,
        Meaning(
            "An address at which the services of paper metadata can reach the operator; it goes with every request to "
            "them, and Crossref answers such requests sooner."
        ),
    ] = ""
    OPENALEX_API_KEY: Annotated[
        str, Meaning("A free key of OpenAlex, for more requests a day than it allows without one.")
    ] = ""
    ARXIV_URL: Annotated[str, Meaning("Where arXiv's API is.")] = "https://export.arxiv.org"
    CROSSREF_URL: Annotated[str, Meaning("Where Crossref's API is.")] = "https://api.crossref.org"
    OPENALEX_URL: Annotated[str, Meaning("Where OpenAlex's API is.")] = "https://api.openalex.org"
    WEBSUB_HUB_URL: Annotated[
        str,
        Meaning(
            "A WebSub hub, such as https://hub.example.org/, which is told of new issues and corrections and "
            "tells those who follow the feeds. Empty: none."
        ),
    ] = ""
    SECURITY_CONTACT: Annotated[
        str,
        Meaning(
            "Where to report a security hole: a mailto: or https: address for /.well-known/security.txt. "
            "Empty: there is no such file."
        ),
    ] = ""
    SECURE_SSL_REDIRECT: Annotated[
        bool, Meaning("Whether http is redirected to https. Only matters when DEBUG is false.")
    ] = True
    SECURE_HSTS_SECONDS: Annotated[
        int,
        Meaning("Seconds for which browsers insist on https, for subdomains too. Only matters when DEBUG is false."),
    ] = 31_536_000
    REQUIRE_SECOND_FACTOR: Annotated[
        bool | None,
        Meaning(
            "Whether every log-in asks for a one-time code besides the password; who has none yet sets it up at the next "
            "log-in.",
            shown="true, unless DEBUG is true",
        ),
    ] = None
    TRUST_PROXY_HEADERS: Annotated[
        bool,
        Meaning(
            "Whether X-Forwarded-Proto and the last address of X-Forwarded-For are believed: "
            "only behind a proxy that always sets both, and drops headers with an underscore in their name."
        ),
    ] = False
    LOG_LEVEL: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], Meaning("How much is logged: DEBUG, INFO, WARNING or ERROR.")
    ] = "INFO"


def read_environment(environ: Mapping[str, str] | None = None) -> Environment:
    """Read the table from `environ`, by default the process's, completed by the file `.env` beside manage.py.

    A variable that is set to nothing counts as not set. The file is left alone under pytest, so that tests mean the
    same on every machine. Raises ImproperlyConfigured, naming the variable and what it takes.
    """
    if environ is None:
        environ = os.environ if "PYTEST_VERSION" in os.environ else {**_dotenv(BASE_DIR / ".env"), **os.environ}
    types = get_type_hints(Environment, include_extras=True)
    values = {}
    for each in fields(Environment):
        text = environ.get(each.name, "").strip()
        if text:
            kind, meaning = types[each.name].__origin__, types[each.name].__metadata__[0]
            values[each.name] = _parse(each.name, text, kind, meaning)
    return Environment(**values)


def _dotenv(path: Path) -> dict[str, str]:
    return {name: value for name, value in dotenv_values(path).items() if value is not None}


def _parse(name: str, text: str, kind: Any, meaning: Meaning) -> Any:
    if kind in (bool, bool | None):
        if text.lower() not in ("true", "false"):
            raise ImproperlyConfigured(f"{name} is {text!r}, but takes true or false.")
        return text.lower() == "true"
    if kind in (int, float):
        return _parse_number(name, text, kind, meaning)
    if kind == tuple[str, ...]:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if kind in (Path, Path | None):
        return BASE_DIR / Path(text).expanduser()
    if kind is ZoneInfo:
        return _parse_time_zone(name, text)
    if get_origin(kind) is Literal and text not in get_args(kind):
        raise ImproperlyConfigured(f"{name} is {text!r}, but takes one of {', '.join(get_args(kind))}.")
    return text


def _parse_number(name: str, text: str, kind: type[int] | type[float], meaning: Meaning) -> float:
    takes = "a whole number" if kind is int else "a number"
    takes += f" from {meaning.minimum} to {meaning.maximum}" if meaning.maximum else f", {meaning.minimum} or more"
    try:
        value = kind(text)
    except ValueError:
        raise ImproperlyConfigured(f"{name} is {text!r}, but takes {takes}.") from None
    if not meaning.minimum <= value <= (meaning.maximum or value):
        raise ImproperlyConfigured(f"{name} is {text}, but takes {takes}.")
    return value


def _parse_time_zone(name: str, text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name is that of a folder, such as Europe.
        raise ImproperlyConfigured(f"{name} is {text!r}, but takes an IANA name such as Europe/Berlin.") from None
