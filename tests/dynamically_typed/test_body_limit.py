import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from subscribers.models import Subscriber

pytestmark = pytest.mark.django_db


@pytest.fixture
def large():
    return SimpleUploadedFile("large.bin", b"0" * 3_000_000)


@pytest.mark.parametrize("path", ["/subscribe/", "/subscribe/link/", "/unsubscribe/AQ.x/", "/admin/login/", "/"])
def test_a_stranger_cannot_fill_the_disk_with_files_that_no_page_wants(large, path):
    answer = Client(enforce_csrf_checks=True).post(path, {"email": "ada@example.org", "file": large})
    assert answer.status_code == 413
    assert not Subscriber.objects.exists()


def test_who_has_shown_the_password_alone_is_a_stranger_still(settings, large):
    settings.REQUIRE_SECOND_FACTOR = True
    client = Client()
    client.force_login(User.objects.create_superuser("editor"))
    assert client.post("/admin/issues/story/picture/", {"file": large}).status_code == 413


def test_staff_send_larger_files_to_the_admin_only(admin_client, large):
    page = "/admin/issues/story/picture/"
    assert "can't be read as a PNG or JPEG" in admin_client.post(page, {"file": large}).json()["error"]
    large.seek(0)
    assert admin_client.post("/subscribe/", {"file": large}).status_code == 413


def test_not_even_staff_send_whatever_they_like(admin_client, large):
    headers = {"CONTENT_LENGTH": "300000000"}
    assert admin_client.post("/admin/issues/story/picture/", {"file": large}, **headers).status_code == 413


def test_a_form_is_taken(client, publication):
    small = SimpleUploadedFile("small.bin", b"0" * 100_000)
    assert client.post("/subscribe/", {"email": "ada@example.org", "file": small}).status_code == 302
