import pytest

from issues.preflight.material import gather


@pytest.fixture
def found(publication):
    """The sentences that a check has for an issue, each with the mark of its severity: E or W."""

    def run(check, issue):
        return [f"{finding.severity[0].upper()}: {finding.sentence}" for finding in check(gather(issue))]

    return run


@pytest.fixture
def issue(make_issue):
    return make_issue(number=50)
