"""What `make run` and `make test` say when Python is not what they need."""

import subprocess
from pathlib import Path

import pytest

INSTALL = Path(__file__).resolve().parent.parent / "scripts" / "install"


@pytest.fixture
def make_python(tmp_path):
    """A Python that answers as the lines of this shell script say."""

    def make(*lines):
        python = tmp_path / "python3"
        python.write_text("\n".join(["#!/bin/sh", *lines]))
        python.chmod(0o755)
        return str(python)

    return make


def install(python, tmp_path):
    return subprocess.run(
        [INSTALL, python, tmp_path / "venv", "requirements.txt"], capture_output=True, text=True, timeout=60
    )


def test_no_python_gets_the_names_of_the_packages(tmp_path):
    done = install("no-such-python", tmp_path)
    assert done.returncode == 1
    assert done.stderr == "There is no no-such-python here. On Debian: apt install python3 python3-venv\n"


def test_a_python_that_is_too_old_gets_a_sentence(make_python, tmp_path):
    old = make_python('[ "$1" = --version ] && echo Python 3.9.2 && exit 0', "exit 1")
    done = install(old, tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("Python 3.9.2 is too old: 3.11 or newer is needed.")


def test_a_python_without_venv_gets_the_name_of_the_package(make_python, tmp_path):
    bare = make_python('case "$2" in *ensurepip*) exit 1 ;; esac')
    done = install(bare, tmp_path)
    assert done.returncode == 1
    assert done.stderr == "Python's venv module is missing. On Debian: apt install python3-venv\n"
