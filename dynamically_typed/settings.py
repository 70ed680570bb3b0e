"""Django's settings. What differs between installations comes from `environment.py`."""

import re
from base64 import b64encode
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from dynamically_typed import service_urls
from dynamically_typed.environment import BASE_DIR, read_environment

env = read_environment()

DEBUG = env.DEBUG
PORT = env.PORT
VAR_DIR = env.VAR_DIR
try:
    VAR_DIR.mkdir(parents=True, exist_ok=True)
except OSError as error:
    raise ImproperlyConfigured(f"VAR_DIR is {VAR_DIR}, which cannot be made: {error.strerror}.") from error

# Where the site is, and what it signs with. A laptop needs none of this; other machines are asked for all of it.
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "[::1]")
ALLOWED_HOSTS = list(env.ALLOWED_HOSTS or (LOOPBACK_HOSTS if DEBUG else ()))
SITE_URL = env.SITE_URL or (f"http://localhost:{PORT}" if DEBUG else "")
SECRET_KEY = env.SECRET_KEY or ("only-for-a-laptop" if DEBUG and not env.ALLOWED_HOSTS else "")
SECRET_KEY_FALLBACKS = list(env.SECRET_KEY_FALLBACKS)
if not SECRET_KEY:
    raise ImproperlyConfigured(
        "SECRET_KEY is missing. Set it to 50 or more random characters, for instance those that "
        """`python3 -c "import secrets; print(secrets.token_urlsafe(50))"` prints, and keep it secret."""
    )
if not ALLOWED_HOSTS:
    raise ImproperlyConfigured(
        "ALLOWED_HOSTS is missing. Set it to the host names of the site, separated by commas, "
        "such as digest.example.org; or set DEBUG=true on a laptop."
    )
if not SITE_URL:
    raise ImproperlyConfigured(
        "SITE_URL is missing. Set it to the address that readers know, such as https://digest.example.org: "
        "the links in emails start with it."
    )
if not re.fullmatch(r"https?://[^/?#\s]+(/[^?#\s]*[^/?#\s])?", SITE_URL):
    raise ImproperlyConfigured(
        f"SITE_URL is {SITE_URL!r}, but takes an address such as https://digest.example.org, with no slash at its end."
    )

INSTALLED_APPS = [
    "dynamically_typed",  # for its management commands
    "audit",
    "papers",
    "issues",
    "subscribers",
    "deliveries",
    "taggit",
    "accounts.apps.StaffAdminConfig",  # django.contrib.admin, with the second factor
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_otp",
    "django_otp.plugins.otp_static",
    "django_otp.plugins.otp_totp",
    "accounts",
]
MIDDLEWARE = [
    "dynamically_typed.health.HealthMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "dynamically_typed.csp.ContentSecurityPolicyMiddleware",
    "dynamically_typed.nul.NulMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "accounts.middleware.SecondFactorMiddleware",
    "dynamically_typed.body_limit.BodyLimitMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "deliveries.approvals.ApprovalMiddleware",
]
if not DEBUG:  # On a laptop Django's own server brings the static files.
    MIDDLEWARE.insert(2, "whitenoise.middleware.WhiteNoiseMiddleware")
ROOT_URLCONF = "dynamically_typed.urls"
WSGI_APPLICATION = "dynamically_typed.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "issues.context_processors.publication",
            ],
        },
    },
]

# The services, each from one URL.
DATABASES = {
    "default": service_urls.database_settings(
        env.DATABASE_URL or f"sqlite:///{VAR_DIR / 'db.sqlite3'}", max_age=env.DATABASE_MAX_AGE
    )
}
CACHES = {"default": service_urls.cache_settings(env.CACHE_URL)}
# Public pages in the memory of each web process; on a laptop none, so that a changed template shows.
PAGE_CACHE_BYTES = 0 if DEBUG else env.PAGE_CACHE_MEGABYTES * 1_000_000
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

mail_servers = service_urls.mail_servers(env.EMAIL_URL)
mail_server = mail_servers[0]
EMAIL_BACKEND = mail_server.backend
EMAIL_HOST = mail_server.host
EMAIL_PORT = mail_server.port
EMAIL_HOST_USER = mail_server.user
EMAIL_HOST_PASSWORD = mail_server.password
EMAIL_USE_TLS = mail_server.use_tls
EMAIL_USE_SSL = mail_server.use_ssl
EMAIL_TIMEOUT = env.EMAIL_TIMEOUT  # seconds
BOUNCE_ADDRESS = service_urls.bounce_address(env.BOUNCE_ADDRESS)
DKIM_DOMAIN = env.DKIM_DOMAIN
DKIM_KEYS = service_urls.dkim_keys(env.DKIM_DOMAIN, env.DKIM_SELECTOR, env.DKIM_PRIVATE_KEY, folder=BASE_DIR)
caller = env.WEBHOOK_PROVIDER or env.EMAIL_URL
ANYMAIL = service_urls.anymail_settings(env.EMAIL_URL) | service_urls.anymail_settings(caller, env.WEBHOOK_SECRET)
WEBHOOK_PROVIDER = service_urls.webhook_provider(caller, env.WEBHOOK_SECRET)
BOUNCE_MAILBOX = service_urls.bounce_mailbox(env.BOUNCE_MAILBOX_URL)
SOFT_BOUNCE_LIMIT = env.SOFT_BOUNCE_LIMIT
SOFT_BOUNCE_DAYS = env.SOFT_BOUNCE_DAYS
COMPLAINT_PAUSE_RATE = env.COMPLAINT_PAUSE_RATE
# What the mails of an issue are shared among; empty: all go to the server of the EMAIL_… settings, without limits.
SENDING_SERVERS = mail_servers if len(mail_servers) > 1 or mail_server.has_limits else []
SENDING_TASKS = env.SENDING_TASKS
SENDING_CONNECTIONS = env.SENDING_CONNECTIONS
SENDING_BATCH_SIZE = env.SENDING_BATCH_SIZE
SENDING_LEASE_SECONDS = env.SENDING_LEASE_SECONDS
SENDING_DEADLINE_HOURS = env.SENDING_DEADLINE_HOURS
SENDING_JOURNALS = VAR_DIR / "journals"
MAILDIR_PATH = VAR_DIR / "mail"

# The services of paper metadata, and how politely they are asked: docs/papers.md.
CONTACT_EMAIL = env.CONTACT_EMAIL
OPENALEX_API_KEY = env.OPENALEX_API_KEY
ARXIV_URL = service_urls.service_address("ARXIV_URL", env.ARXIV_URL)
CROSSREF_URL = service_urls.service_address("CROSSREF_URL", env.CROSSREF_URL)
OPENALEX_URL = service_urls.service_address("OPENALEX_URL", env.OPENALEX_URL)
METADATA_TIMEOUTS = {"connect": 5.0, "read": 15.0, "whole": 30.0}  # seconds
METADATA_INTERVALS = {"arxiv": 3.0, "crossref": 0.2, "openalex": 0.1}  # seconds between requests, over all workers
METADATA_BACK_OFF = 2.0  # seconds before the second attempt, doubled before the third

# Celery: tasks carry ids, the database holds the truth, so a task may be lost or run twice without harm.
CELERY_BROKER_URL, CELERY_BROKER_TRANSPORT_OPTIONS = service_urls.broker_settings(
    env.CELERY_BROKER_URL, folder=VAR_DIR / "broker"
)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_SOFT_TIME_LIMIT = 240  # seconds; the broker's visibility timeout is far above
CELERY_TASK_TIME_LIMIT = 300  # seconds
CELERY_WORKER_MAX_TASKS_PER_CHILD = 1000
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "beat-schedule")
CELERY_BEAT_SCHEDULE = {
    # A tick that waited longer than a minute is dropped: the next one does its work.
    "tick": {"task": "deliveries.tasks.tick", "schedule": 60.0, "options": {"expires": 60}},
    "take refusals": {"task": "deliveries.tasks.take_refusals", "schedule": 60.0, "options": {"expires": 60}},
    "answer forgotten sign-ups": {"task": "subscribers.tasks.answer_forgotten_sign_ups", "schedule": 600.0},
    "forget the unconfirmed": {"task": "subscribers.tasks.forget_unconfirmed", "schedule": 6 * 3600.0},
    "forget ended sessions": {"task": "accounts.tasks.forget_ended_sessions", "schedule": 24 * 3600.0},
    "delete old imports": {"task": "subscribers.tasks.delete_old_imports", "schedule": 6 * 3600.0},
    "look up forgotten papers": {"task": "papers.tasks.look_up_forgotten", "schedule": 300.0},
    "forget old cards": {"task": "issues.tasks.forget_old_cards", "schedule": 24 * 3600.0},
    "watch links": {"task": "issues.tasks.watch_links", "schedule": 1800.0},
    # One at a time, so that no host is asked by two: a tick that waited for an hour is dropped.
    "check links": {"task": "papers.tasks.check_links", "schedule": 3600.0, "options": {"expires": 3600}},
    "forget old answers": {"task": "papers.tasks.forget_old_answers", "schedule": 24 * 3600.0},
    "look again at covered papers": {"task": "papers.tasks.look_again", "schedule": 3600.0},
}
if BOUNCE_MAILBOX:
    CELERY_BEAT_SCHEDULE["read bounces"] = {
        "task": "deliveries.tasks.read_bounces",
        "schedule": 300.0,
        "options": {"expires": 300},
    }
CELERY_TIMEZONE = "UTC"

# Machines that follow along.
WEBSUB_HUB_URL = env.WEBSUB_HUB_URL
if WEBSUB_HUB_URL:
    CELERY_BEAT_SCHEDULE["tell the hub"] = {
        "task": "issues.tasks.tell_hub",
        "schedule": 60.0,
        "options": {"expires": 60},
    }
SECURITY_CONTACT = env.SECURITY_CONTACT

# Files.
MEDIA_ROOT = env.MEDIA_ROOT or VAR_DIR / "media"
MEDIA_URL = "/media/"
SERVE_MEDIA = env.SERVE_MEDIA
STATIC_ROOT = env.STATIC_ROOT or VAR_DIR / "static"
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# Security. Public pages set no cookie: their views touch neither session nor CSRF token.
# The only script that stands in a page: it has to run before anything is drawn, and as a file would be a request more.
colours_hash = b64encode(sha256((BASE_DIR / "templates" / "colours.js").read_bytes()).digest()).decode()
SECURE_CSP = {
    "default-src": ["'self'"],
    "script-src": ["'self'", f"'sha256-{colours_hash}'"],
    "img-src": ["'self'", "data:"],
    "object-src": ["'none'"],
    "base-uri": ["'self'"],
    "form-action": ["'self'"],
    "frame-ancestors": ["'self'"],
}
# For browsers that don't know frame-ancestors; the others go by that, so staff's previews may be framed.
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
if env.TRUST_PROXY_HEADERS:
    MIDDLEWARE.insert(0, "dynamically_typed.proxy.ClientAddressMiddleware")
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
if not DEBUG:
    SECURE_SSL_REDIRECT = env.SECURE_SSL_REDIRECT
    SECURE_HSTS_SECONDS = env.SECURE_HSTS_SECONDS
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
CSRF_COOKIE_HTTPONLY = True
SIGN_UP_LIMITS = {  # (times, seconds); above, the form answers 429
    "address": (5, 86_400),
    "network": (20, 3600),  # an IPv4 /24 or an IPv6 /64
    "everybody": (600, 3600),
}
LOG_IN_LIMITS = {  # (times wrong, seconds); above, the answer is 429
    "account and network": (5, 900),
    "network": (30, 3600),
    "account": (50, 3600),  # but not in a browser that this account has logged in with before
}
REQUIRE_SECOND_FACTOR = (not DEBUG) if env.REQUIRE_SECOND_FACTOR is None else env.REQUIRE_SECOND_FACTOR
OTP_TOTP_ISSUER = urlsplit(SITE_URL).netloc  # how an authenticator names the account
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

LANGUAGE_CODE = "en"
USE_I18N = False  # There are no translations, and looking for them takes a tenth of the time of a page.
TIME_ZONE = env.TIME_ZONE.key
USE_TZ = True
TAGGIT_CASE_INSENSITIVE = True
FORMS_URLFIELD_ASSUME_HTTPS = True  # as Django 6 will without being told; delete it then

# Log lines hold ids, never addresses or tokens.
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "dynamically_typed.logging.OneLineFormatter",
            "format": "{asctime} {levelname} {name}: {message}",
            "style": "{",
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.LOG_LEVEL},
    "loggers": {
        "django": {"handlers": [], "level": "INFO"},
        # Refused requests (404, 403, a Host that isn't ours) would fill the log with what strangers type.
        "django.request": {"level": "ERROR"},
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        "django.security.AnymailWebhookValidationFailure": {"level": "CRITICAL"},
        "celery": {"level": "WARNING"},
        "httpx2": {"level": "WARNING"},  # Its lines hold whole addresses, with the key in them.
        "kombu": {"level": "WARNING"},
        "kombu.connection": {"level": "ERROR"},  # A folder has no host name, of which it warns.
    },
}
