import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from dynamically_typed.environment import BASE_DIR
from dynamically_typed.proxy import ClientAddressMiddleware


def address_seen(**headers):
    request = RequestFactory().get("/", REMOTE_ADDR="172.18.0.1", headers=headers)
    ClientAddressMiddleware(lambda request: HttpResponse())(request)
    return request.META["REMOTE_ADDR"]


@pytest.mark.parametrize(
    ("forwarded_for", "address"),
    [("198.51.100.7", "198.51.100.7"), ("10.0.0.1, 198.51.100.7", "198.51.100.7"), ("2001:db8::7", "2001:db8::7")],
)
def test_the_client_is_who_our_own_proxy_says(forwarded_for, address):
    assert address_seen(**{"x-forwarded-for": forwarded_for}) == address


@pytest.mark.parametrize("headers", [{}, {"x-forwarded-for": "unknown"}, {"x-forwarded-for": "198.51.100.7, "}])
def test_without_a_word_of_the_proxy_the_connection_counts(headers):
    assert address_seen(**headers) == "172.18.0.1"


def test_nobody_is_believed_unless_the_operator_says_so(settings):
    assert "dynamically_typed.proxy.ClientAddressMiddleware" not in settings.MIDDLEWARE


def test_the_guide_has_the_proxy_drop_what_a_wsgi_server_takes_for_its_headers():
    """`X_Forwarded_For` and `X-Forwarded-For` have one name in WSGI, and the last of them would count."""
    guide = (BASE_DIR / "docs/running.md").read_text()
    assert "request_header -*_*" in guide
    assert "underscores_in_headers on" not in guide, "nginx drops them"
