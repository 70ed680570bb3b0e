"""The second factor of a log-in: one-time codes of an authenticator (RFC 6238), and recovery codes for when it is lost."""

import base64
import secrets
from datetime import timedelta

import segno
from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django_otp import login as otp_login
from django_otp.models import Device
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.sessions import end_sessions
from audit.models import Action
from audit.recording import record

RECOVERY_CODES = 10
PENDING = "second_factor_pending"  # in the session of who has shown the password, and nothing else yet: since when
ENROLLING = "second_factor_enrolling"  # in the session of who has shown both, to set it up anew: since when
CANDIDATE = "second_factor_candidate"  # in the session of who is setting one up: which device
PATIENCE = timedelta(minutes=15)


def is_required(user: User) -> bool:
    return bool(settings.REQUIRE_SECOND_FACTOR) or has_one(user)


def has_one(user: User) -> bool:
    return bool(TOTPDevice.objects.devices_for_user(user, confirmed=True).exists())


def is_missing(request: HttpRequest) -> bool:
    """Whether somebody is logged in by their password alone, where that is not enough. No query."""
    user = request.half_user  # type: ignore[attr-defined]  # The middleware puts it there.
    if not user.is_authenticated or user.is_verified():
        return False
    return bool(settings.REQUIRE_SECOND_FACTOR) or PENDING in request.session


def begin(session: SessionBase) -> None:
    """The password was right; the second factor is to come."""
    session[PENDING] = timezone.now().timestamp()


def begin_anew(session: SessionBase) -> None:
    """Both factors were shown once more; another second factor is to come."""
    session[ENROLLING] = timezone.now().timestamp()


def is_in_time(session: SessionBase, step: str) -> bool:
    """Whether that step, PENDING or ENROLLING, began a few minutes ago, so that who showed the factors is still there."""
    return bool(timezone.now().timestamp() - session.get(step, 0) < PATIENCE.total_seconds())


def verify(user: User, typed: str) -> Device | None:
    """The device whose code it is; None if it is wrong, was used before, or comes too soon after a wrong one.

    A code of six digits is good in its half minute only, and once; a recovery code once.
    """
    code = "".join(typed.split()).replace("-", "").lower()
    is_one_time = code.isdecimal() and len(code) == 6
    devices: type[TOTPDevice] | type[StaticDevice] = TOTPDevice if is_one_time else StaticDevice
    with transaction.atomic():
        for device in devices.objects.devices_for_user(user, confirmed=True).select_for_update():
            if device.verify_token(code if is_one_time else _kept(device, code)):
                return device
    return None


def complete(request: HttpRequest, user: User, device: Device) -> None:
    """Let somebody in who has shown both factors."""
    request.user = user
    request.session.cycle_key()
    request.session.pop(PENDING, None)
    otp_login(request, device)
    left = recovery_codes_left(user)
    note = f"By a recovery code; {left} left." if isinstance(device, StaticDevice) else "By a one-time code."
    record(Action.LOGGED_IN, user, by=user, note=note)


def candidate(session: SessionBase, user: User) -> TOTPDevice:
    """The device that is being set up in this session: the same until a code of it is shown.

    Another session has another one: somebody with the password alone may have looked at that one's key.
    """
    devices = TOTPDevice.objects.filter(user=user, confirmed=False)
    device: TOTPDevice | None = devices.filter(pk=session.get(CANDIDATE)).first()
    if device is None:
        device = TOTPDevice.objects.create(user=user, confirmed=False, name="authenticator", tolerance=0)
        session[CANDIDATE] = device.pk
    return device


def enrol(request: HttpRequest, user: User, device: TOTPDevice, typed: str) -> list[str]:
    """Take a device in the place of former ones, when a code of it proves that it works.

    Returns new recovery codes, which can't be shown again; nothing if the code is wrong, or another session was faster.
    Other sessions end.
    """
    with transaction.atomic():
        # Locked, because each session has a device of its own, and deletes the others.
        User.objects.select_for_update().get(pk=user.pk)
        locked = TOTPDevice.objects.filter(pk=device.pk).first()
        if locked is None or not locked.verify_token("".join(typed.split())):
            return []
        TOTPDevice.objects.filter(user=user).exclude(pk=locked.pk).delete()
        locked.confirmed = True
        locked.save(update_fields=["confirmed"])
        codes = _new_recovery_codes(user)
        record(Action.CREDENTIALS_CHANGED, user, by=user, note="Set up a second factor.")
        complete(request, user, locked)
        for name in (ENROLLING, CANDIDATE):
            request.session.pop(name, None)
    end_sessions(user, but=request.session.session_key)
    return codes


def remove(user: User, *, by: "User | AnonymousUser | str") -> bool:
    """Take the second factor away, for somebody who lost all of it; return whether there was one. All sessions end."""
    with transaction.atomic():
        removed = [devices.objects.filter(user=user).delete()[0] for devices in (TOTPDevice, StaticDevice)]
        if any(removed):
            record(Action.CREDENTIALS_CHANGED, user, by=by, note="Removed the second factor.")
    end_sessions(user)
    return any(removed)


def recovery_codes_left(user: User) -> int:
    return sum(device.token_set.count() for device in StaticDevice.objects.filter(user=user))


def qr_code(device: TOTPDevice) -> str:
    """An image of what authenticators read, as a data: address."""
    return segno.make(device.config_url, error="m").svg_data_uri(scale=5, border=4, light="#fff")


def typed_key(device: TOTPDevice) -> str:
    """The same for typing, in groups of four."""
    key = base64.b32encode(device.bin_key).decode("ascii").rstrip("=")
    return " ".join(key[at : at + 4] for at in range(0, len(key), 4))


def _new_recovery_codes(user: User) -> list[str]:
    """Only digests of them are stored."""
    StaticDevice.objects.filter(user=user).delete()
    device = StaticDevice.objects.create(user=user, name="recovery codes")
    codes = [base64.b32encode(secrets.token_bytes(10)).decode("ascii").lower() for _ in range(RECOVERY_CODES)]
    for code in codes:
        device.token_set.create(token=_stored(code))
    return ["-".join(code[at : at + 4] for at in range(0, len(code), 4)) for code in codes]


def _kept(device: StaticDevice, code: str) -> str:
    """What stands for the code in the database, be it by a former SECRET_KEY; by today's, if it is none of its codes."""
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    possible = [_stored(code, key) for key in keys]
    known: str | None = device.token_set.filter(token__in=possible).values_list("token", flat=True).first()
    return known or possible[0]


def _stored(code: str, secret: str | None = None) -> str:
    """What stands for a recovery code in the database; its column has room for 16 characters."""
    return salted_hmac("accounts.recovery-code", code, secret=secret, algorithm="sha256").hexdigest()[:16]
