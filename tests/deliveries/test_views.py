import pytest
from django.core.mail import EmailMessage, EmailMultiAlternatives

from deliveries import maildir
from tests.admin_forms import member_of


@pytest.fixture
def keep_mail(settings):
    """Send a mail into the folder; return its key."""
    settings.EMAIL_BACKEND = "deliveries.maildir.MaildirBackend"

    def send(subject="Confirm – please", to="ada@example.org", html="<p style='color:red'>Hi</p>"):
        message = EmailMultiAlternatives(subject, "Hi: https://example.org/x", "digest@example.org", [to])
        if html:
            message.attach_alternative(html, "text/html")
        message.send()
        return maildir.keys()[0]

    return send


@pytest.mark.parametrize("path", ["", "{key}/", "{key}/html/", "{key}/raw/"])
def test_kept_mail_is_for_staff_who_may_do_what_its_links_do(client, keep_mail, path, django_user_model):
    where = "/mail/" + path.format(key=keep_mail())
    assert client.get(where).headers["Location"].startswith("/admin/login/")
    client.force_login(django_user_model.objects.create_user("reader"))
    assert client.get(where).status_code == 302
    assert client.post(where).status_code == 405
    for group, status in (("writer", 403), ("editor", 403), ("publisher", 200)):
        client.force_login(member_of(group))
        assert client.get(where).status_code == status


def test_mail_is_listed_newest_first_and_found_by_address_or_subject(admin_client, keep_mail):
    keep_mail("First 🚀", "ada@example.org")
    keep_mail("A later one", "bob@example.org")
    page = admin_client.get("/mail/").content.decode()
    assert page.index("A later one") < page.index("First 🚀")
    assert "A later one" not in admin_client.get("/mail/", {"q": "ADA@"}).content.decode()
    assert "bob@example.org" in admin_client.get("/mail/", {"q": "LATER one"}).content.decode()


def test_a_page_of_the_list_reads_only_its_own_messages(admin_client, keep_mail, settings):
    for number in range(60):
        keep_mail(f"Mail {number}.")
    first, second = (admin_client.get("/mail/", {"page": number}).content.decode() for number in (1, 2))
    assert first.count("Mail 5") > 0
    assert first.count("ada@example.org") == 50
    assert second.count("ada@example.org") == 10
    for key in maildir.keys()[50:]:
        maildir.path_of(key).write_bytes(b"\xff")
    assert admin_client.get("/mail/").content.decode().count("ada@example.org") == 50
    assert admin_client.get("/mail/", {"page": 2}).status_code == 200, "broken files break nothing"


def test_a_mail_is_shown_as_html_text_and_headers(admin_client, keep_mail):
    key = keep_mail()
    page = admin_client.get(f"/mail/{key}/").content.decode()
    assert f'src="/mail/{key}/html/"' in page
    assert "Confirm – please" in page
    assert "style=" not in page
    text = admin_client.get(f"/mail/{key}/", {"show": "text"}).content.decode()
    assert '<a href="https://example.org/x"' in text
    assert "MIME-Version: 1.0" in admin_client.get(f"/mail/{key}/", {"show": "headers"}).content.decode()
    assert admin_client.get(f"/mail/{key}/", {"show": "nonsense"}).status_code == 404


def test_the_html_of_a_mail_can_neither_run_nor_load_anything(admin_client, keep_mail):
    key = keep_mail(html="<script>alert(1)</script><img src='https://elsewhere.example/x.png'>")
    answer = admin_client.get(f"/mail/{key}/html/")
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src 'self'")
    assert "elsewhere" not in policy
    assert "sandbox" in policy
    assert "allow-scripts" not in policy


def test_a_mail_without_html_shows_its_text(admin_client, keep_mail):
    key = keep_mail(html="")
    assert "<iframe" not in admin_client.get(f"/mail/{key}/").content.decode()
    assert admin_client.get(f"/mail/{key}/html/").status_code == 404


def test_a_mail_is_downloaded_as_it_was_written(admin_client, keep_mail):
    key = keep_mail()
    answer = admin_client.get(f"/mail/{key}/raw/")
    assert answer.headers["Content-Type"] == "message/rfc822"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.content == maildir.read_bytes(key)


@pytest.mark.parametrize("key", ["..", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "1.M1P1Q1.x", "..%2fcur", "x" * 300])
def test_no_path_leads_out_of_the_folder(admin_client, keep_mail, key):
    keep_mail()
    for path in (f"/mail/{key}/", f"/mail/{key}/raw/", f"/mail/{key}/html/"):
        assert admin_client.get(path).status_code in (301, 404)


def test_where_mail_is_not_kept_a_sentence_says_so(admin_client, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    assert "django.core.mail.backends.smtp.EmailBackend" in admin_client.get("/mail/").content.decode()


def test_an_empty_folder_is_no_error(admin_client, settings):
    settings.EMAIL_BACKEND = "deliveries.maildir.MaildirBackend"
    assert "No mail yet" in admin_client.get("/mail/").content.decode()


def test_every_message_gets_a_file_of_its_own_and_none_is_seen_half_written(settings):
    settings.EMAIL_BACKEND = "deliveries.maildir.MaildirBackend"
    for _ in range(200):
        EmailMessage("Subject", "Body", "digest@example.org", ["ada@example.org"]).send()
    assert len(maildir.keys()) == 200
    assert list((settings.MAILDIR_PATH / "tmp").iterdir()) == []
