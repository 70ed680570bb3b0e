"""How often a log-in may go wrong: by account and network, by network, and by account from everywhere.

The last limit would let a stranger lock an editor out. So it does not hold for a browser in which this account has logged
in before: that carries a signed cookie, which lets nobody in, and counts on its own (OWASP: "device cookies").
Rows, not the cache, because each process may have a cache of its own.
"""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.models import FailedLogIn
from audit.networks import network_of

COOKIE = "known_browser"
COOKIE_SALT = "accounts.known-browser"
COOKIE_AGE = timedelta(days=365)
LONGEST_WINDOW = timedelta(days=1)


@dataclass(frozen=True)
class Attempt:
    """To show a password: the same is asked and written whether there is such an account or not."""

    account: str
    network: str
    is_known_browser: bool

    @classmethod
    def of(cls, request: HttpRequest, user_name: str) -> "Attempt":
        account = _hash(user_name)
        known = request.get_signed_cookie(COOKIE, default="", salt=COOKIE_SALT, max_age=COOKIE_AGE) == account
        network = network_of(request.META["REMOTE_ADDR"])
        return cls(account, f"known {account[:32]}" if known else network, known)

    def is_allowed(self) -> bool:
        """Two queries, or three."""
        failures = FailedLogIn.objects.all()
        by_account = failures.filter(account=self.account)
        limits = {
            "account and network": by_account.filter(network=self.network),
            "network": failures.filter(network=self.network),
            "account": by_account,
        }
        if self.is_known_browser:
            limits = {"account and network": limits["account and network"]}
        now = timezone.now()
        for name, counted in limits.items():
            times, seconds = settings.LOG_IN_LIMITS[name]
            if counted.filter(at__gt=now - timedelta(seconds=seconds)).count() >= times:
                return False
        return True

    def note(self) -> None:
        """As a wrong one, until all was right."""
        FailedLogIn.objects.filter(at__lt=timezone.now() - LONGEST_WINDOW).delete()
        FailedLogIn.objects.create(account=self.account, network=self.network)

    def note_success(self, response: HttpResponse) -> None:
        """Forget what went wrong from here, and know the browser again.

        Only when all is shown that the account asks for: who has the password alone could use up its owner's guesses.
        """
        FailedLogIn.objects.filter(account=self.account, network=self.network).delete()
        response.set_signed_cookie(
            COOKIE,
            self.account,
            salt=COOKIE_SALT,
            max_age=COOKIE_AGE,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Strict",
        )


def _hash(user_name: str) -> str:
    """The same for all ways to type a name that log the same account in: Django's form takes them in NFKC."""
    name = User.normalize_username(user_name).strip().lower()
    return salted_hmac("accounts.failed-log-in", name, algorithm="sha256").hexdigest()
