"""What an editor reads when a service is down, slow, throttling or wrong; nothing of that stops a paper from being stored."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from papers import looking_up
from papers.errors import NotOurTurn
from papers.models import LookupState, Paper
from tests.papers.sources.server import (
    after,
    body,
    changed,
    cut_off,
    dripping,
    gzip_bomb,
    hang_up,
    recorded,
    redirect,
    status,
)

ARXIV, DOI = "2005.14165", "10.1000/few.shot"
HTML = b"<!DOCTYPE html><html><body>Please log in to the network</body></html>"
LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;&lol;&lol;&lol;">]>
<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>http://arxiv.org/abs/2005.14165v1</id><title>&lol2;</title></entry></feed>"""
UTF16 = LAUGHS.decode().replace("?>", ' encoding="utf-16"?>', 1).encode("utf-16")
pytestmark = pytest.mark.django_db


def look_up(**identifiers):
    paper = Paper(**identifiers)
    paper.clean()
    paper.save()
    lookup = looking_up.open_lookup(paper)
    looking_up.run(lookup.pk)
    lookup.refresh_from_db()
    return lookup


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (after(0.8, recorded("arxiv-2005.14165.xml")), "arXiv didn't answer in time."),
        (dripping, "arXiv took longer than 1 seconds."),
        (hang_up, "arXiv broke its answer off."),
        (cut_off, "arXiv broke its answer off."),
        (status(500), "arXiv is out of order (it answered 500)."),
        (status(403), "arXiv refused the question (it answered 403)."),
        (status(429, Retry_After="600"), "arXiv asks to wait 600 seconds."),
        (status(429), "arXiv asks for fewer requests."),
        (body(b"Rate exceeded.", "text/plain"), "arXiv asks for fewer requests."),
        (recorded("arxiv-error.xml"), "arXiv answered with an error: “start must be an integer”."),
        (recorded("arxiv-empty.xml"), "arXiv doesn't know 2005.14165."),
        (body(HTML, "text/html"), "arXiv answered with a web page instead of a record."),
        (
            body(b"<feed xmlns='http://www.w3.org/2005/Atom'><entry><id>"),
            "arXiv answered with something that can't be read.",
        ),
        (body(b"<rss/>"), "arXiv answered with something that can't be read."),
        (body(b"\xff\xfe\x00"), "arXiv answered with something that can't be read."),
        (body(b""), "arXiv answered with something that can't be read."),
        (body(LAUGHS), "arXiv answered with something that can't be read."),
        (body(UTF16), "arXiv answered with something that can't be read."),
        (body(b" " * 5_000_001), "arXiv answered with more than 5 MB."),
        (gzip_bomb(200_000_000), "arXiv answered with more than 5 MB."),
        (body(b"not gzip", Content_Encoding="gzip"), "arXiv answered with something that can't be read."),
        (body(b"x", Content_Encoding="br"), "arXiv answered in an encoding that wasn't asked for."),
        (redirect("http://169.254.169.254/latest/meta-data"), "arXiv sends to another host, which isn't followed."),
        (redirect("file:///etc/passwd"), "arXiv sends to another host, which isn't followed."),
        (redirect("?id_list=2005.14165"), "arXiv sends from one address to the next and comes to no end."),
    ],
)
def test_a_fault_of_arxiv_is_a_sentence(services, answer, sentence):
    services.arxiv(ARXIV, answer)
    lookup = look_up(arxiv_id=ARXIV)
    assert lookup.state == LookupState.FAILED
    assert lookup.message.startswith(sentence)
    assert Paper.objects.get().title == ""


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (body(b'{"message": {"DOI"'), "Crossref answered with something that can't be read."),
        (body(b"[]"), "Crossref answered with something that can't be read."),
        (body(b"[" * 100_000), "Crossref answered with something that can't be read."),
        (body(HTML, "text/html"), "Crossref answered with a web page instead of a record."),
        (body(HTML), "Crossref answered with a web page instead of a record."),
        (changed("crossref-few-shot.json", DOI="10.1000/other"), "Crossref answered with another paper, 10.1000/other"),
        (body(b'{"message": null}'), "Crossref answered with another paper, without a DOI"),
        (status(503, Retry_After="30"), "Crossref asks to wait 30 seconds."),
        (
            status(429, Retry_After=format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)),
            "Crossref asks to wait 3,",
        ),
    ],
)
def test_a_fault_of_crossref_is_a_sentence(services, answer, sentence):
    services.crossref(DOI, answer)
    lookup = look_up(doi=DOI)
    assert lookup.state == LookupState.FAILED
    assert lookup.message.startswith(sentence)


def test_a_service_that_is_not_there_is_a_sentence(services, settings):
    settings.CROSSREF_URL = "http://127.0.0.1:9"
    assert look_up(doi=DOI).message.startswith("Crossref can't be reached.")


def test_one_service_that_is_down_does_not_stop_the_others(services):
    services.arxiv(ARXIV, recorded("arxiv-with-doi.xml"))
    services.crossref(DOI, status(500))
    lookup = look_up(arxiv_id=ARXIV)
    assert lookup.state == LookupState.FOUND
    assert lookup.message.startswith("Filled in: title, type, authors, issued, DOI")
    assert lookup.message.endswith("Crossref is out of order (it answered 500).")


@pytest.mark.parametrize(
    "fault", [status(500), status(429), hang_up, cut_off, body(b"Rate exceeded."), status(503, Retry_After="0")]
)
def test_what_passes_is_tried_again(services, fault):
    services.arxiv(ARXIV, fault, fault, recorded("arxiv-2005.14165.xml"))
    assert look_up(arxiv_id=ARXIV).state == LookupState.FOUND
    assert len(services.asked("/api/query")) == 3


def test_what_does_not_pass_is_given_up_after_three_attempts(services):
    services.arxiv(ARXIV, status(500))
    look_up(arxiv_id=ARXIV)
    assert len(services.asked("/api/query")) == 3


@pytest.mark.parametrize("answer", [status(404), status(403), recorded("arxiv-error.xml"), body(HTML)])
def test_what_another_try_would_not_change_is_asked_once(services, answer):
    services.arxiv(ARXIV, answer)
    look_up(arxiv_id=ARXIV)
    assert len(services.asked("/api/query")) == 1


def test_a_failure_is_not_kept(services):
    services.crossref(DOI, body(HTML), changed("crossref-few-shot.json", relation={}))
    look_up(doi=DOI)
    lookup = looking_up.open_lookup(Paper.objects.get())
    looking_up.run(lookup.pk)
    lookup.refresh_from_db()
    assert lookup.state == LookupState.FOUND


def test_a_service_that_asks_to_wait_is_left_alone_by_everybody(services):
    services.crossref(DOI, status(429, Retry_After="600"))
    look_up(doi=DOI)
    with pytest.raises(NotOurTurn) as refusal:
        look_up(doi="10.1000/another")
    assert 590 < refusal.value.seconds <= 600
    assert len(services.asked("/works/10.")) == 1


def test_a_redirect_on_the_same_host_is_followed(services):
    services.crossref("10.1000/old", redirect("/works/10.1000%2Ffew.shot"))
    services.crossref(DOI, changed("crossref-few-shot.json", DOI="10.1000/old", relation={}))
    assert look_up(doi="10.1000/old").state == LookupState.FOUND


EVERYTHING = """
    title subtitle author container-title publisher volume issue page issued abstract relation type ISBN updated-
    by authorships biblio primary_location locations abstract_inverted_index publication_date is_retracted
""".split()  # noqa: SIM905


@pytest.mark.parametrize(
    "junk", [None, 7, "text", [], [None], {}, {"a": None}, [[None]], [{"date-parts": [[None]]}], True]
)
def test_fields_of_any_shape_are_read_or_left_out(services, junk):
    crossref = {"message": dict.fromkeys(EVERYTHING, junk) | {"DOI": DOI}}
    openalex = dict.fromkeys(EVERYTHING, junk) | {"doi": f"https://doi.org/{DOI}"}
    services.crossref(DOI, body(json.dumps(crossref).encode()))
    services.openalex(DOI, body(json.dumps(openalex).encode()))
    assert look_up(doi=DOI).state == LookupState.FOUND


@pytest.mark.parametrize(
    "issued",
    [[[None]], [[]], [], None, [[2021, 13]], [[2021, 2, 30]], [[0]], [["x"]], [[2999, 1, 1]], [[2021, None, None]]],
)
def test_a_date_that_is_none_is_left_out(services, issued):
    services.crossref(
        DOI, changed("crossref-few-shot.json", issued={"date-parts": issued}, relation={}, **{"published-online": None})
    )
    look_up(doi=DOI)
    assert Paper.objects.get().issued == ("2021" if issued == [[2021, None, None]] else "")


def test_texts_that_are_too_long_are_cut_to_what_fits(services):
    long = "x" * 10_000
    author = {"family": long, "given": long, "suffix": long}
    fields = {
        "title": [long],
        "container-title": [long],
        "volume": long,
        "page": long,
        "author": [author],
        "publisher": long,
    }
    services.crossref(DOI, changed("crossref-few-shot.json", relation={}, **fields))
    assert look_up(doi=DOI).state == LookupState.FOUND
    paper = Paper.objects.get()
    assert len(paper.title) == 500
    paper.full_clean()


def test_control_characters_and_lone_surrogates_do_not_reach_the_database(services):
    services.crossref(DOI, body(b'{"message": {"DOI": "10.1000/few.shot", "title": ["A\\u0000b \\ud800 c"]}}'))
    look_up(doi=DOI)
    assert Paper.objects.get().title == "A b c"
