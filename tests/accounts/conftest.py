import time

import pytest
import time_machine
from django.contrib.auth.models import User
from django.utils import timezone
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

PASSWORD = "a long pass phrase"
LOGIN = "/admin/login/"


@pytest.fixture(autouse=True)
def _within_one_half_minute():
    """A code counts in its half minute only, however slow the machine is."""
    with time_machine.travel(timezone.now().replace(second=10), tick=False):
        yield


@pytest.fixture
def editor(db):
    return User.objects.create_superuser("editor", "editor@example.org", PASSWORD)


@pytest.fixture
def required(settings):
    settings.REQUIRE_SECOND_FACTOR = True


def log_in(client, password=PASSWORD, username="editor", address="192.0.2.1", next_page="/admin/"):
    form = {"username": username, "password": password, "next": next_page}
    return client.post(LOGIN, form, REMOTE_ADDR=address)


def code_now(device, steps=0):
    """What the authenticator shows, so many half minutes from now."""
    totp = TOTP(device.bin_key, device.step, device.t0, device.digits)
    totp.time = time.time() + steps * device.step
    return f"{totp.token():06}"


def set_up(client):
    """Log the editor in, and set up their second factor; return the device and the recovery codes."""
    assert log_in(client)["Location"].startswith("/admin/second-factor/set-up/")
    client.get("/admin/second-factor/set-up/")
    device = TOTPDevice.objects.get()
    page = client.post("/admin/second-factor/set-up/", {"code": code_now(device)})
    assert page.status_code == 200
    TOTPDevice.objects.update(last_t=-1)  # so that a test needs not wait for the next half minute
    return TOTPDevice.objects.get(), page.context["codes"]


def is_in(client):
    return client.get("/admin/").status_code == 200
