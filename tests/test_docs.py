"""The documentation, against the files that it speaks of."""

import re
from pathlib import Path

import pytest

from dynamically_typed.csp import build_policy

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted((ROOT / "docs").glob("*.md"))
APPS = ["papers", "issues", "subscribers", "deliveries", "accounts", "audit", "dynamically_typed"]
# What Django's apps usually hold is in the map once for all.
USUAL = {"__init__", "models", "admin", "forms", "urls", "views", "apps", "errors", "tasks"}
USUAL |= {"templatetags", "management", "migrations"}


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: page.name)
def test_links_between_pages_and_paths_of_files_lead_somewhere(page):
    text = page.read_text()
    linked = [page.parent / link for link in re.findall(r"\]\(([\w./-]+\.md|LICENSE)(?:#[\w-]+)?\)", text)]
    folders = "|".join([*APPS, "tests", "scripts", "benchmarks", "static", "templates", "docs", "examples"])
    named = [ROOT / path for path in re.findall(rf"`((?:{folders})/[\w./-]*)`", text)]
    assert [path for path in linked + named if not path.exists()] == []


def test_the_readme_leads_to_every_page():
    readme = (ROOT / "README.md").read_text()
    assert [page.name for page in PAGES if f"](docs/{page.name})" not in readme] == []


def test_nginx_sends_the_policy_of_the_site_with_exported_pages(settings):
    header = f'add_header Content-Security-Policy "{build_policy(settings.SECURE_CSP)}";'
    assert header in (ROOT / "docs/running.md").read_text()


@pytest.mark.parametrize("app", APPS)
def test_the_map_of_the_code_has_every_module(app):
    text = (ROOT / "docs/architecture.md").read_text()
    [part] = re.findall(rf"^### [^\n]*`{app}/`.*?(?=^##)", text, re.DOTALL | re.MULTILINE)
    modules = {path.name for path in (ROOT / app).glob("*.py") if path.stem not in USUAL}
    folders = {f"{path.parent.name}/" for path in (ROOT / app).glob("*/__init__.py") if path.parent.name not in USUAL}
    assert {name for name in modules | folders if f"`{name}`" not in part} == set()
