import re
from base64 import b64encode
from hashlib import sha256

from django.http import HttpResponse
from django.test import RequestFactory

from dynamically_typed.csp import ContentSecurityPolicyMiddleware

POLICY = (
    "default-src 'self'; script-src 'self' 'sha256-{hash}'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)


def policy_for(page):
    """This site only, and the one script that stands in the page."""
    [script] = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    return POLICY.format(hash=b64encode(sha256(script.encode()).digest()).decode())


def header_of(response):
    return ContentSecurityPolicyMiddleware(lambda request: response)(RequestFactory().get("/")).headers


def test_every_page_allows_this_site_and_its_own_script_only(client, db):
    policy = policy_for(client.get("/").content.decode())
    for address in ("/", "/subscribe/", "/admin/login/"):
        assert client.get(address).headers["Content-Security-Policy"] == policy


def test_a_view_may_set_its_own_policy():
    sandboxed = HttpResponse(headers={"Content-Security-Policy": "sandbox"})
    assert header_of(sandboxed)["Content-Security-Policy"] == "sandbox"


def test_a_page_that_does_not_exist_has_the_policy_too(client, db):
    answer = client.get("/no/such/page/")
    assert answer.headers["Content-Security-Policy"] == policy_for(answer.content.decode())
