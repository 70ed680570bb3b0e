"""The arrows between the apps: papers <- issues <- deliveries -> subscribers; all may write the audit trail.

And what is imported late, because it takes much memory and few processes need it.
"""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OURS = {
    "accounts",
    "audit",
    "transactional",
    "papers",
    "issues",
    "subscribers",
    "deliveries",
    "dynamically_typed",
    "tests",
    "scripts",
}
MAY_IMPORT = {
    "audit": set(),
    "transactional": set(),
    "accounts": {"audit"},
    "papers": {"audit"},
    "issues": {"audit", "papers", "transactional"},
    "subscribers": {"audit", "transactional"},
    "deliveries": {"audit", "papers", "issues", "subscribers", "transactional"},
}

HEAVY = ["PIL", "bleach", "click_repl", "cryptography", "css_inline", "latex2mathml", "markdown"]
EVERY_PROCESS = f"""
import sys
import django
import dynamically_typed.__main__
django.setup()
import deliveries.tasks, issues.tasks, papers.tasks, subscribers.tasks, dynamically_typed.urls
print(*(name for name in {HEAVY} if name in sys.modules))
"""


@pytest.mark.parametrize("app", MAY_IMPORT)
def test_an_app_imports_only_what_the_arrows_allow(app):
    forbidden = OURS - MAY_IMPORT[app] - {app}
    crossings = [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for path in sorted((ROOT / app).rglob("*.py"))
        if "migrations" not in path.parts
        for line, module in imported_modules(path)
        if module.partition(".")[0] in forbidden
    ]
    assert crossings == []


def imported_modules(path):
    """Every absolute import of a file, inside functions and TYPE_CHECKING blocks too, with its line."""
    for node in ast.walk(ast.parse(path.read_text(), filename=str(path))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.lineno, node.module


def test_the_walk_sees_every_kind_of_import(tmp_path):
    file = tmp_path / "module.py"
    file.write_text("import papers.models\ndef f():\n    from issues import models\nfrom . import views\n")
    assert list(imported_modules(file)) == [(1, "papers.models"), (3, "issues")]


@pytest.mark.parametrize("app", MAY_IMPORT)
def test_no_app_reaches_another_by_a_relative_import(app):
    climbing = [
        str(path.relative_to(ROOT))
        for path in (ROOT / app).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.level > len(path.relative_to(ROOT).parts) - 1
    ]
    assert climbing == []


def test_what_takes_much_memory_and_few_processes_need_is_imported_late(tmp_path):
    environment = os.environ | {"VAR_DIR": str(tmp_path)}
    loaded = subprocess.run(
        [sys.executable, "-c", EVERY_PROCESS], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert loaded.stdout.split() == []
