import io

import pytest
from django.core.management import CommandError, call_command

from papers.models import Lookup, Paper
from tests.papers.sources.server import recorded, status

ARXIV = "2005.14165"
pytestmark = pytest.mark.django_db


def run(*arguments, **options):
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("look_up_papers", *arguments, stdout=out, stderr=err, **options)
    except CommandError as error:
        return f"{out.getvalue()}{err.getvalue()}{error}"
    return out.getvalue() + err.getvalue()


def test_named_papers_are_stored_and_looked_up(services):
    services.arxiv(ARXIV, recorded("arxiv-2005.14165.xml"))
    report = run("https://arxiv.org/abs/2005.14165")
    assert "arXiv:2005.14165: Filled in: title, type, authors" in report
    assert Paper.objects.get().title == "Language Models are Few-Shot Learners"


def test_papers_that_lack_something_are_looked_up(services, make_paper):
    services.arxiv(ARXIV, recorded("arxiv-2005.14165.xml"))
    make_paper("Complete", abstract="An abstract")
    make_paper("", arxiv_id=ARXIV, authors=[])
    make_paper("Without identifier", arxiv_id=None)
    assert "found                        1" in run(missing=True)
    assert len(services.asked("/api/query")) == 1


def test_a_dry_run_asks_and_changes_nothing(services, make_paper):
    services.arxiv(ARXIV, recorded("arxiv-2005.14165.xml"))
    services.arxiv("2005.00001", recorded("arxiv-empty.xml"))
    make_paper("GPT-3", arxiv_id=ARXIV)
    report = run(ARXIV, "2005.00001", dry_run=True)
    assert "To be decided: title, authors." in report
    assert "Nothing was changed: this was a dry run." in report
    assert Paper.objects.get().title == "GPT-3"
    assert not Lookup.objects.exists()


def test_what_is_not_found_is_said_and_the_rest_goes_on(services):
    services.arxiv(ARXIV, recorded("arxiv-2005.14165.xml"))
    services.arxiv("2005.00001", status(500))
    report = run("nothing", "2005.00001", ARXIV)
    assert "refused: nothing: There is no arXiv identifier" in report
    assert "arXiv:2005.00001: arXiv is out of order (it answered 500)." in report
    assert "found                        1" in report
    assert "Not everything was found." in report


def test_without_a_paper_it_says_what_it_takes():
    assert "or give --missing" in run()
