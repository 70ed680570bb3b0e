"""Debian's Chromium, and what axe-core finds on a page in it: for the browser tests and for `make audit`."""

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
AXE = Path(__file__).resolve().parent.parent / "tests" / "browser" / "axe" / "axe.min.js"
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def violations(page: Page, **options: Any) -> list[str]:
    """What axe finds on the page as it is now, with the first element of each. `options` are those of axe.run."""
    page.evaluate(AXE.read_text())  # through the debugger, which no Content-Security-Policy stops
    wanted = {"runOnly": AXE_TAGS, "rules": {"target-size": {"enabled": True}}} | options
    found = page.evaluate("options => axe.run(document, options)", wanted)["violations"]
    return [f"{each['id']}: {each['help']} ({each['nodes'][0]['html'][:120]})" for each in found]
