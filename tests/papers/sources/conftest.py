import pytest

from tests.papers.sources.server import MetadataServer


@pytest.fixture
def services(settings):
    """All three services on one server, which are asked without pauses."""
    server = MetadataServer()
    settings.ARXIV_URL = settings.CROSSREF_URL = settings.OPENALEX_URL = server.url
    settings.METADATA_TIMEOUTS = {"connect": 1.0, "read": 0.5, "whole": 1.0}
    settings.METADATA_INTERVALS = {"arxiv": 0.0, "crossref": 0.0, "openalex": 0.0}
    settings.METADATA_BACK_OFF = 0.01
    yield server
    server.close()
