import base64

from django.contrib.auth.models import User
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice
from playwright.sync_api import expect

PASSWORD = "a long pass phrase"


def press_log_in(page):
    page.goto("/admin/issues/issue/")
    page.get_by_label("Username:").fill("editor")
    page.get_by_label("Password:").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()


def show_code(page, key, apart, button):
    """However slow the machine is: codes of the half minutes beside count, too, and used ones again."""
    apart(lambda: TOTPDevice.objects.update(tolerance=1, last_t=-1))
    page.get_by_label("Code:").fill(f"{TOTP(key).token():06}")
    page.get_by_role("button", name=button).click()


def test_an_editor_sets_up_a_second_factor_and_logs_in_with_it(new_page, apart, settings, publication):
    settings.REQUIRE_SECOND_FACTOR = True
    apart(User.objects.create_superuser, "editor", "editor@example.org", PASSWORD)
    page = new_page(viewport={"width": 320, "height": 640})
    press_log_in(page)
    shown = page.locator(".account-key").inner_text().replace(" ", "")
    key = base64.b32decode(shown + "=" * (-len(shown) % 8))
    picture = page.get_by_alt_text("QR code")
    expect(picture).to_have_js_property("complete", True)
    assert picture.evaluate("image => image.naturalWidth") > 100
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    show_code(page, key, apart, "Set up")
    expect(page.get_by_role("link", name="I have kept them")).to_be_visible()
    codes = page.locator(".account-codes code").all_inner_texts()
    page.get_by_role("link", name="I have kept them").click()
    page.wait_for_url("**/admin/issues/issue/")

    for typed in (None, codes[0]):
        other = new_page()
        press_log_in(other)
        if typed is None:
            show_code(other, key, apart, "Log in")
        else:
            other.get_by_label("Code:").fill(typed)
            other.get_by_role("button", name="Log in").click()
        other.wait_for_url("**/admin/issues/issue/")
