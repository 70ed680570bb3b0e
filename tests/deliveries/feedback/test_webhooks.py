"""What providers post, as their documentation shows it, through Anymail to the subscriber."""

import base64
import hashlib
import hmac
import json

import pytest
from anymail.webhooks.amazon_ses import AmazonSESTrackingWebhookView
from django.core.exceptions import ImproperlyConfigured
from django.urls import include, path

from deliveries.feedback.taking import take
from deliveries.feedback.webhooks import report_of, webhook
from deliveries.models import MailEvent
from dynamically_typed import service_urls
from subscribers.models import Subscriber

SECRET = "provider:a-long-enough-secret"
OLD_SECRET = "provider:the-secret-before-that"
SIGNING_KEY = "the-key-of-mailgun"
AT = 1795680000
urlpatterns = [
    path("webhooks/", include([webhook(name) for name in ("postmark", "sendgrid", "mailgun", "brevo")])),
    path("", include("dynamically_typed.urls")),
]
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.urls(__name__),
    pytest.mark.filterwarnings("ignore::anymail.exceptions.AnymailNotSupportedWarning"),
]


@pytest.fixture
def delivery(make_mailing, settings):
    settings.ANYMAIL = {"WEBHOOK_SECRET": [SECRET, OLD_SECRET], "MAILGUN_WEBHOOK_SIGNING_KEY": SIGNING_KEY}
    return make_mailing().deliveries.select_related("subscriber").get()


@pytest.fixture
def post(client):
    def post(provider, payload, secret=SECRET):
        headers = {"Authorization": f"Basic {base64.b64encode(secret.encode()).decode()}"} if secret else {}
        return client.post(f"/webhooks/{provider}/", payload, content_type="application/json", headers=headers)

    return post


def postmark(delivery, **fields):
    return {
        "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
        "ServerID": 23,
        "MessageStream": "broadcast",
        "Metadata": {"delivery": str(delivery.pk)},
    } | fields


def postmark_bounce(delivery, **fields):
    return (
        postmark(delivery)
        | {
            "RecordType": "Bounce",
            "ID": 4323372036854775807,
            "Type": "HardBounce",
            "TypeCode": 1,
            "Name": "Hard bounce",
            "Description": "The server was unable to deliver your message (ex: unknown user, mailbox not found).",
            "Details": f"smtp;550 5.1.1 <{delivery.subscriber.email}> user unknown",
            "Email": delivery.subscriber.email,
            "BouncedAt": "2026-11-26T08:00:00Z",
        }
        | fields
    )


def postmark_complaint(delivery):
    return postmark_bounce(delivery, RecordType="SpamComplaint", Type="SpamComplaint", TypeCode=512, ID=42)


def sendgrid(delivery, event, **fields):
    return {
        "email": delivery.subscriber.email,
        "timestamp": AT,
        "event": event,
        "sg_event_id": f"id of {event} {fields}"[:90],
        "sg_message_id": "14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0",
        "smtp-id": "<14c5d75ce93.dfd.64b469@ismtpd-555>",
        "delivery": str(delivery.pk),
    } | fields


def sendgrid_bounce(delivery):
    return [sendgrid(delivery, "bounce", type="bounce", status="5.1.1", reason="550 5.1.1 The account does not exist")]


def sendgrid_complaint(delivery):
    return [sendgrid(delivery, "spamreport")]


def mailgun(delivery, event, **fields):
    token = hashlib.sha256(f"{event} {fields}".encode()).hexdigest()[:50]
    signature = hmac.new(SIGNING_KEY.encode(), f"{AT}{token}".encode(), "sha256").hexdigest()
    return {
        "signature": {"timestamp": str(AT), "token": token, "signature": signature},
        "event-data": {
            "event": event,
            "id": "G9Bn5sl1TC6nu79C8C0bwg",
            "timestamp": AT + 0.529,
            "recipient": delivery.subscriber.email,
            "message": {"headers": {"message-id": "20261126080000.1@mg.example.org"}},
            "user-variables": {"delivery": str(delivery.pk)},
        }
        | fields,
    }


def mailgun_bounce(delivery):
    status = {"code": 550, "message": "5.1.1 The email account does not exist", "description": ""}
    return mailgun(delivery, "failed", severity="permanent", reason="bounce", **{"delivery-status": status})


def mailgun_complaint(delivery):
    return mailgun(delivery, "complained")


def brevo_bounce(delivery):
    return {
        "event": "hard_bounce",
        "email": delivery.subscriber.email,
        "ts_epoch": AT * 1000,
        "message-id": "<1@smtp-relay.example>",
        "X-Mailin-custom": json.dumps({"delivery": str(delivery.pk)}),
        "reason": "user unknown",
    }


def brevo_complaint(delivery):
    return brevo_bounce(delivery) | {"event": "spam", "reason": ""}


PAYLOADS = {
    "postmark": (postmark_bounce, postmark_complaint),
    "sendgrid": (sendgrid_bounce, sendgrid_complaint),
    "mailgun": (mailgun_bounce, mailgun_complaint),
    "brevo": (brevo_bounce, brevo_complaint),
}


@pytest.mark.parametrize("provider", PAYLOADS)
def test_a_bounce_and_a_complaint_suppress_and_are_recorded_once(delivery, post, provider):
    for make, state in zip(PAYLOADS[provider], ("bounced", "complained"), strict=True):
        Subscriber.objects.update(state="active")
        for _ in range(2):
            assert post(provider, make(delivery)).status_code == 200
        assert Subscriber.objects.get().state == state
    assert list(MailEvent.objects.order_by("pk").values_list("verdict", "mailing", "source")) == [
        (verdict, delivery.mailing_id, MailEvent.objects.first().source) for verdict in ("hard", "complaint")
    ]
    assert not MailEvent.objects.filter(excerpt__contains=delivery.subscriber.email).exists()


@pytest.mark.parametrize("provider", PAYLOADS)
@pytest.mark.parametrize("secret", ["", "provider:another-secret-altogether", "provider:", SECRET.upper()])
def test_who_does_not_know_the_secret_changes_nothing(delivery, post, provider, secret, caplog):
    assert post(provider, PAYLOADS[provider][0](delivery), secret=secret).status_code == 400
    assert Subscriber.objects.get().state == "active"
    assert not MailEvent.objects.exists()
    assert not caplog.text


def test_a_forged_signature_changes_nothing(delivery, post):
    payload = mailgun_bounce(delivery)
    payload["signature"]["signature"] = "0" * 64
    assert post("mailgun", payload).status_code == 400
    assert not MailEvent.objects.exists()


def test_the_old_secret_still_opens_while_it_is_being_changed(delivery, post):
    assert post("postmark", postmark_bounce(delivery), secret=OLD_SECRET).status_code == 200
    assert MailEvent.objects.exists()


def test_only_posts_change_anything(delivery, client):
    assert client.get("/webhooks/postmark/").status_code == 405
    assert client.head("/webhooks/postmark/").status_code == 200, "how some providers look whether it is there"


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ({"Type": "SoftBounce", "Details": "smtp;550 5.2.1 Mailbox disabled for now"}, "soft"),
        ({"Type": "Transient", "Details": "smtp;451 4.7.1 Greylisted"}, "soft"),
        ({"Type": "HardBounce", "Details": "smtp;554 5.7.1 Blocked by policy"}, "ours"),
        ({"Type": "HardBounce", "Details": ""}, "hard"),
        ({"Type": "BadEmailAddress", "Details": ""}, "hard"),
        ({"Type": "Blocked", "Details": "550 Go away"}, "ours"),
        ({"Type": "DMARCPolicy", "Details": ""}, "ours"),
    ],
)
def test_the_provider_s_word_and_the_status_code_say_whose_fault_it_is(delivery, post, fields, verdict):
    post("postmark", postmark_bounce(delivery, **fields))
    assert MailEvent.objects.get().verdict == verdict
    assert Subscriber.objects.get().state == ("bounced" if verdict == "hard" else "active")


def test_one_call_carries_many_events_in_any_order_and_opens_and_clicks_are_not_recorded(delivery, post):
    delivery.mailing.deliveries.update(state="uncertain", finished_at=delivery.due_at, reason="Lost.")
    events = [
        sendgrid(delivery, "spamreport"),
        sendgrid(delivery, "open", useragent="Someone's", ip="192.0.2.1"),
        sendgrid(delivery, "click", url="https://example.org/"),
        sendgrid(delivery, "delivered", response="250 OK"),
        sendgrid(delivery, "deferred", response="450 4.2.0 later", attempt="2"),
        sendgrid(delivery, "processed"),
    ]
    assert post("sendgrid", events).status_code == 200
    assert sorted(MailEvent.objects.values_list("event_type", flat=True)) == ["complained", "deferred"]
    assert Subscriber.objects.get().state == "complained"
    delivery.refresh_from_db()
    assert delivery.state == "sent"


def test_a_thousand_events_of_one_call_cost_three_queries_each(delivery, post, django_assert_max_num_queries):
    delivery.mailing.deliveries.update(state="sent", finished_at=delivery.due_at)
    events = [sendgrid(delivery, "delivered", number=number) for number in range(1000)]
    with django_assert_max_num_queries(3010):
        assert post("sendgrid", events).status_code == 200


def test_events_find_their_reader_by_number_else_by_message_id_else_by_address(delivery, post):
    payload = postmark_bounce(delivery, Metadata={})
    post("postmark", payload)
    event = MailEvent.objects.get()
    assert (event.subscriber, event.mailing) == (delivery.subscriber, None)
    assert Subscriber.objects.get().state == "bounced"


def test_what_happens_to_a_former_address_or_to_strangers_is_nothing_to_us(delivery, post):
    for payload in (
        postmark_bounce(delivery, Email="former@example.org"),
        postmark_bounce(delivery, Email="stranger@example.org", Metadata={"delivery": "999999"}),
        postmark_bounce(delivery, Email="", Metadata={"delivery": "9" * 40}),
    ):
        assert post("postmark", payload).status_code == 200
    assert not MailEvent.objects.exists()
    assert Subscriber.objects.get().state == "active"


def ses(kind, delivery, **fields):
    headers = [{"name": "X-Metadata", "value": json.dumps({"delivery": str(delivery.pk)})}]
    mail = {"messageId": "0000014", "destination": [delivery.subscriber.email], "headers": headers}
    recipient = {"emailAddress": delivery.subscriber.email} | fields.pop("recipient", {})
    people = {"Bounce": "bouncedRecipients", "Complaint": "complainedRecipients"}[kind]
    return {"eventType": kind, "mail": mail, kind.lower(): {people: [recipient]} | fields}


@pytest.mark.parametrize(
    ("kind", "fields", "state"),
    [
        ("Complaint", {"complaintFeedbackType": "abuse"}, "complained"),
        ("Bounce", {"bounceType": "Permanent", "bounceSubType": "General"}, "bounced"),
        ("Bounce", {"bounceType": "Permanent", "bounceSubType": "OnAccountSuppressionList"}, "bounced"),
        ("Bounce", {"bounceType": "Transient", "bounceSubType": "MailboxFull"}, "active"),
        ("Bounce", {"bounceType": "Undetermined", "bounceSubType": "Undetermined"}, "active"),
        (
            "Bounce",
            {
                "bounceType": "Permanent",
                "bounceSubType": "General",
                "recipient": {"diagnosticCode": "smtp; 550 5.7.1 blocked"},
            },
            "active",
        ),
    ],
)
def test_events_of_amazon_ses(delivery, kind, fields, state):
    """By Anymail's reader alone: its address needs boto3 to be made."""
    reader = AmazonSESTrackingWebhookView.__new__(AmazonSESTrackingWebhookView)
    notification = {"MessageId": "22b80b92-fdea-4c2c", "Timestamp": "2026-11-26T08:00:00.000Z"}
    (event,) = reader.esp_to_anymail_events(ses(kind, delivery, **fields), notification)
    take(report_of(event, "Amazon SES"))
    assert Subscriber.objects.get().state == state
    assert MailEvent.objects.get().mailing == delivery.mailing


def test_the_webhook_is_there_only_where_a_secret_is_set():
    postmark_url = "anymail+postmark:?server_token=t"
    assert service_urls.webhook_provider(postmark_url, []) == ""
    assert service_urls.webhook_provider(postmark_url, [SECRET]) == "postmark"
    assert service_urls.anymail_settings(postmark_url, [SECRET])["WEBHOOK_SECRET"] == [SECRET]
    for url, secret in [(postmark_url, "short:one"), (postmark_url, "no-colon-in-this-secret"), ("maildir:", SECRET)]:
        with pytest.raises(ImproperlyConfigured, match="WEBHOOK_SECRET"):
            service_urls.webhook_provider(url, [secret])


@pytest.mark.urls("dynamically_typed.urls")
def test_without_a_secret_the_address_is_not_found(client):
    assert client.post("/webhooks/postmark/", {}, content_type="application/json").status_code == 404
