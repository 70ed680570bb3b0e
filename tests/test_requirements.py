"""The pinned requirements, against what the installed packages say of themselves."""

import re
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parent.parent
OLDEST_PYTHON = "3.11.2"  # Debian 12's
FILES = ["requirements.txt", "requirements-esp.txt", "requirements-dev.txt"]


def pins(file):
    return re.findall(r"^([\w.-]+)==", (ROOT / file).read_text(), flags=re.MULTILINE)


@pytest.mark.parametrize("name", pins("requirements-dev.txt"))
def test_every_package_takes_the_oldest_python(name):
    takes = distribution(name).metadata["Requires-Python"]
    assert takes is None or SpecifierSet(takes).contains(OLDEST_PYTHON)


@pytest.mark.parametrize("file", FILES)
def test_what_only_the_oldest_python_needs_is_pinned_too(file):
    """Pip refuses a file of hashes that lacks a package which it needs: make the lock with the oldest Python."""
    pinned = set(pins(file))
    marks = {"python_full_version": OLDEST_PYTHON, "python_version": "3.11", "extra": ""}
    needed = {
        canonical(needs.name)
        for name in pinned
        for needs in map(Requirement, distribution(name).requires or [])
        if needs.marker is None or needs.marker.evaluate(marks)
    }
    assert needed - {canonical(name) for name in pinned} == set()


@pytest.mark.parametrize("file", FILES)
def test_no_registry_and_no_path_is_named(file):
    assert not re.search(r"\w://|--index|--find-links|/home/|/tmp/", (ROOT / file).read_text())


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()
