from django.http import HttpResponse
from django.test import RequestFactory

from dynamically_typed.csp import ContentSecurityPolicyMiddleware

POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)


def header_of(response):
    return ContentSecurityPolicyMiddleware(lambda request: response)(RequestFactory().get("/")).headers


def test_every_page_allows_this_site_only(client, db):
    assert client.get("/admin/login/").headers["Content-Security-Policy"] == POLICY


def test_a_view_may_set_its_own_policy():
    sandboxed = HttpResponse(headers={"Content-Security-Policy": "sandbox"})
    assert header_of(sandboxed)["Content-Security-Policy"] == "sandbox"


def test_a_page_that_does_not_exist_has_the_policy_too(client, db):
    assert client.get("/no/such/page/").headers["Content-Security-Policy"] == POLICY
