"""A real browser for tests that look at the site as people do: Debian's Chromium, driven by Playwright.

After a press the next page comes when it comes: ask with `expect`, which waits. What is asked of a page at once
(`count()`, `all_inner_texts()`, `evaluate()`) is asked of one that is known to be there.

Playwright's event loop runs in the tests' thread, where neither Django's ORM nor our own loops would start without
help. So the browser lives for this folder's tests only, and `apart` gives a function a thread without a loop.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connections
from django.test import Client
from playwright.sync_api import expect, sync_playwright

from scripts.browsing import FLAGS
from tests.admin_forms import member_of

CHROMIUM = Path("/usr/bin/chromium")
PATIENCE = 30_000  # milliseconds until something that should appear counts as missing


@pytest.fixture(scope="package")
def browser():
    if not CHROMIUM.exists():
        missing = f"There is no {CHROMIUM}: install Debian's chromium to run the tests in a browser."
        if os.environ.get("REQUIRE_SERVICES") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        expect.set_options(timeout=PATIENCE)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def site(live_server, settings):
    """The running site, to which the links in mails lead, too: `site.url`."""
    settings.SITE_URL = live_server.url
    return live_server


@pytest.fixture
def new_page(browser, site):
    """Open a page in a context of its own, as another person's browser; any error in it fails the test at its end.

    Errors are those in its console, with what the Content-Security-Policy refused, and requests to other hosts.
    Paths are enough: `page.goto("/subscribe/")`. Options are those of Playwright's contexts, such as `color_scheme`.
    """
    contexts, errors = [], []

    def open_page(**options):
        context = browser.new_context(base_url=site.url, **options)
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        context.on("console", lambda message: errors.extend(_error(message)))
        context.on("weberror", lambda error: errors.append(str(error.error)))
        context.on("request", lambda request: errors.extend(_elsewhere(request.url, site.url)))
        return context.new_page()

    yield open_page
    for context in contexts:
        context.close()
    assert not errors


@pytest.fixture
def page(new_page):
    return new_page()


@pytest.fixture
def open_as(new_page, site, apart, publication):
    """Open a page as a new member of one of the groups that come with the migrations, on a laptop's screen."""

    def session_of(group):
        client = Client()
        client.force_login(member_of(group))
        return client.cookies[settings.SESSION_COOKIE_NAME].value

    def open_page(group, **options):
        page = new_page(**{"viewport": {"width": 1280, "height": 800}, **options})
        session = apart(session_of, group)
        page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": site.url}])
        return page

    return open_page


@pytest.fixture
def apart():
    """Run a function in a thread without an event loop, with its own connection to the database; return its result."""
    with ThreadPoolExecutor(max_workers=1) as executor:

        def run(function, *arguments, **options):
            return executor.submit(function, *arguments, **options).result()

        yield run
        executor.submit(connections.close_all).result()


def _error(message):
    """The text of a console error; none of it where the page itself answers 4xx, as some should."""
    own_status = message.page is not None and message.location["url"] == message.page.url
    return [] if message.type != "error" or own_status else [f"{message.text} ({message.location['url']})"]


def _elsewhere(url, site_url):
    there = urlsplit(url)
    local = there.scheme in ("data", "blob", "about") or there.netloc == urlsplit(site_url).netloc
    return [] if local else [f"A page asked another host: {url}"]
