import hashlib
import re

from django.conf import settings

FOLDER = settings.BASE_DIR / "static" / "vendor"
LINE = re.compile(r"^\| `(?P<name>[\w.-]+)` \|.*\| `(?P<sum>[0-9a-f]{64})` \|$", re.M)


def test_scripts_of_others_are_as_they_were_published_and_bring_their_licence():
    listed = dict(LINE.findall((FOLDER / "README.md").read_text()))
    assert listed == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in FOLDER.glob("*.js")}
    for name in listed:
        assert (FOLDER / f"{name.split('.')[0]}.LICENSE.txt").exists()
