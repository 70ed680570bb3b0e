"""`make audit`: the public pages under axe, Lighthouse and the Nu HTML checker, in Debian's Chromium; a table, and 1 if any fails.

The site is served as in production, with the example digest, from a folder that is deleted afterwards; or `--url` names
one that runs. Lighthouse and the checker come from npm into var/audit, in the versions below.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from playwright.sync_api import Browser, sync_playwright

from benchmarks.site import Process, free_port, say, wait_for_port
from scripts.browsing import FLAGS, violations

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / "var" / "audit"
PACKAGES = {"lighthouse": "12.8.2", "vnu-jar": "26.9.27"}
PROGRAMS = {"chromium": "chromium", "npm": "npm", "java": "default-jre-headless"}  # each with Debian's package
# Pages of the example digest, one of each kind.
AUDITED = {
    "home": "/",
    "issue": "/issues/40/",
    "story": "/stories/gpt-3-few-shot/",
    "topic": "/topics/language-models/",
    "paper": "/papers/arxiv-2005-14165/",
    "archive": "/issues/",
    "sign-up": "/subscribe/",
}
CHECKED = AUDITED | {
    "comparison": "/stories/values-targeted-gpt-3/",
    "formulas": "/stories/gold-mining-acquisition/",
    "thread": "/stories/gpt-3-few-shot/thread/",
    "year": "/years/2020/",
    "topics": "/topics/",
    "topics filtered": "/topics/?q=model",
    "section": "/sections/ml-research/",
    "papers": "/papers/",
    "papers filtered": "/papers/?topic=language-models",
    "resources": "/resources/",
    "author": "/authors/tom-b-brown/",
    "search": "/search/?q=language",
    "corrections": "/corrections/",
    "missing": "/nothing/here/",
}
HEADINGS = "<h1>A feed</h1><h2>Stories</h2><h3>A story</h3>"  # above those of a story, which begin with <h4>
WIDTHS, SCHEMES = (320, 1280), ("light", "dark")
LEAST = {"performance": 90, "accessibility": 95, "best-practices": 95, "seo": 90}


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", help="of a running site with the example digest, without a slash at its end")
    parser.add_argument("--skip-lighthouse", action="store_true", help="for a quick look: it takes most of the time")
    options = parser.parse_args(arguments)
    install_tools()
    with site(options.url) as url:
        problems = check_html(url) + run_axe(url)
        if not options.skip_lighthouse:
            problems += run_lighthouse(url)
    say("\n".join(["", *problems, f"{len(problems)} problems." if problems else "No problem found."]))
    return 1 if problems else 0


def install_tools() -> None:
    missing = [package for program, package in PROGRAMS.items() if not shutil.which(program)]
    if missing:
        raise SystemExit(f"Missing: Debian's {', '.join(missing)}. Install them with apt-get.")
    marker = TOOLS / "installed.json"
    if marker.exists() and json.loads(marker.read_text()) == PACKAGES:
        return
    TOOLS.mkdir(parents=True, exist_ok=True)
    wanted = [f"{name}@{version}" for name, version in PACKAGES.items()]
    run("npm", "install", "--silent", "--ignore-scripts", "--no-save", "--prefix", str(TOOLS), *wanted)
    marker.write_text(json.dumps(PACKAGES))


@contextmanager
def site(url: str | None) -> Iterator[str]:
    """The address of a site with the example digest: the one given, or one that is started for this."""
    if url:
        yield url
        return
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        url = f"http://localhost:{port}"
        os.environ |= {
            "DEBUG": "false",
            "VAR_DIR": folder,
            "SECRET_KEY": "of a site that nobody else sees",
            "ALLOWED_HOSTS": "localhost",
            "SITE_URL": url,
            "SECURE_SSL_REDIRECT": "false",
            "SERVE_MEDIA": "true",
        }
        for command in (("migrate",), ("import_digest", "examples/digest"), ("collectstatic", "--noinput")):
            run(sys.executable, "manage.py", *command, "--verbosity", "0")
        server = Process.python(
            "-m",
            "granian",
            "--interface",
            "wsgi",
            "--port",
            str(port),
            "dynamically_typed.wsgi:application",
            quiet=True,
        )
        try:
            wait_for_port(port)
            yield url
        finally:
            server.stop()


def check_html(url: str) -> list[str]:
    """The pages, and the HTML in the feeds, under the Nu HTML checker."""
    with tempfile.TemporaryDirectory() as folder:
        for name, path in CHECKED.items():
            (Path(folder) / f"{name}.html").write_bytes(fetch(url + path))
        for item in json.loads(fetch(f"{url}/feed.json"))["items"]:
            name = item["url"].rstrip("/").rpartition("/")[2]
            page = f'<!doctype html><html lang="en"><title>{name}</title>{HEADINGS}{item["content_html"]}'
            (Path(folder) / f"feed {name}.html").write_text(page)
        jar = TOOLS / "node_modules/vnu-jar/build/dist/vnu.jar"
        files = sorted(map(str, Path(folder).iterdir()))
        done = run("java", "-jar", str(jar), "--format", "json", "--stdout", "--exit-zero-always", *files)
        messages = json.loads(done.stdout)["messages"]
    found = [
        f"Nu HTML checker: {Path(each['url']).stem}, line {each.get('lastLine')}: {each['message']}"
        for each in messages
        if each["type"] == "error" or each.get("subType") == "warning"
    ]
    say(f"Nu HTML checker: {len(files)} documents, {len(found)} messages")
    return found


def fetch(url: str) -> bytes:
    """The body, also of the page that says that there is none. Raises HTTPError for any other that isn't there."""
    try:
        with urlopen(url, timeout=30) as response:  # noqa: S310, our own site
            return bytes(response.read())
    except HTTPError as error:
        if not url.endswith(CHECKED["missing"]):
            raise
        return error.read()


def run_axe(url: str) -> list[str]:
    problems = []
    say(f"\n{'axe, violations':18}" + "".join(f"{width:>8} {scheme:5}" for width in WIDTHS for scheme in SCHEMES))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for name, path in CHECKED.items():
            row = []
            for width in WIDTHS:
                for scheme in SCHEMES:
                    found = look_at(browser, url + path, width, scheme)
                    row.append(len(found))
                    problems += [f"axe: {name} at {width} px, {scheme}: {each}" for each in found]
            say(f"{name:18}" + "".join(f"{count:>14}" for count in row))
        browser.close()
    return problems


def look_at(browser: Browser, address: str, width: int, scheme: Any) -> list[str]:
    """What axe finds, and whether the page has to be scrolled sideways."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    page.goto(address)
    found = violations(page)
    if page.evaluate("document.documentElement.scrollWidth") > width:
        found.append("It is wider than its window.")
    context.close()
    return found


def run_lighthouse(url: str) -> list[str]:
    problems = []
    say(f"\n{'Lighthouse':18}" + "".join(f"{name:>16}" for name in LEAST) + f"{'KB':>8}{'requests':>10}")
    for name, path in AUDITED.items():
        done = run(
            str(TOOLS / "node_modules/.bin/lighthouse"),
            url + path,
            "--quiet",
            "--output=json",
            f"--only-categories={','.join(LEAST)}",
            f"--chrome-flags=--headless=new {' '.join(FLAGS)}",
            CHROME_PATH=shutil.which("chromium") or "",
        )
        report = json.loads(done.stdout)
        scores = {each: round(100 * (report["categories"][each]["score"] or 0)) for each in LEAST}
        requests = report["audits"]["network-requests"]["details"]["items"]
        size = sum(each["transferSize"] for each in requests) / 1024
        say(f"{name:18}" + "".join(f"{score:>16}" for score in scores.values()) + f"{size:>8.1f}{len(requests):>10}")
        problems += [
            f"Lighthouse: {name}: {each} {score}, below {LEAST[each]}: {', '.join(lost_in(report, each))}"
            for each, score in scores.items()
            if score < LEAST[each]
        ]
    return problems


def lost_in(report: Any, category: str) -> list[str]:
    """The titles of the audits that took points in a category."""
    audits = [report["audits"][each["id"]] for each in report["categories"][category]["auditRefs"] if each["weight"]]
    return [each["title"] for each in audits if each["score"] is not None and each["score"] < 1]


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a tool. Raises SystemExit with what it said if it fails."""
    done = subprocess.run(command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise SystemExit(f"{Path(command[0]).name} failed:\n{done.stderr.strip() or done.stdout.strip()}")
    return done


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
