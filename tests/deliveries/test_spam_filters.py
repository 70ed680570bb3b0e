"""What a spam filter's own rules say of an issue as it arrives, without asking anybody on the network."""

import re
import shutil
import subprocess

import pytest

from deliveries import sending
from issues.models import Publication

pytestmark = pytest.mark.django_db
MOST = 2.0  # points; filters usually begin to mark mails at 5


@pytest.mark.skipif(not shutil.which("spamassassin"), reason="needs Debian's package spamassassin")
def test_spamassassin_finds_little_to_say_of_an_issue(make_mailing, smtp_server, publication, tmp_path):
    Publication.objects.update(postal_address="1 Example Street, Example Town")
    sending.send_batch(make_mailing().pk)
    told = subprocess.run(
        ["spamassassin", "--local", "--test-mode", "--prefs-file", tmp_path / "none"],
        input=smtp_server.envelopes[0].original_content,
        stdout=subprocess.PIPE,
        check=True,
        timeout=120,
    ).stdout.decode()
    analysis = told[told.index("Content analysis details:") :]
    points = float(re.search(r"\(\s*(-?[0-9.]+) points", analysis)[1])
    assert points <= MOST, analysis
