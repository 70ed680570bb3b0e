import pytest
from hypothesis import given
from hypothesis import strategies as st

from papers.errors import BadIdentifier
from papers.identifiers import ArxivId, looks_like_arxiv, normalise_address, parse_arxiv_id, parse_doi
from papers.recognising import find_repositories


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("arXiv:1501.00001v1", ArxivId("1501.00001", 1)),
        ("arxiv.org/abs/1501.00001v1", ArxivId("1501.00001", 1)),
        ("https://arxiv.org/abs/1501.00001v1#comments", ArxivId("1501.00001", 1)),
        ("math.CA/0611800v2", ArxivId("math/0611800", 2)),
        ("arxiv.org/pdf/0706.0001.pdf", ArxivId("0706.0001")),
        ("https://arxiv.org/pdf/2005.14165v4.pdf?download=1", ArxivId("2005.14165", 4)),
        ("http://www.arxiv.org/html/2005.14165", ArxivId("2005.14165")),
        ("https://export.arxiv.org/abs/hep-th/9901001", ArxivId("hep-th/9901001")),
        ("doi.org/10.48550/arXiv.2202.01037", ArxivId("2202.01037")),
        ("https://doi.org/10.48550/ARXIV.2202.01037", ArxivId("2202.01037")),
        ("doi:10.48550/arxiv.2202.01037", ArxivId("2202.01037")),
        ("hep-th/9901001", ArxivId("hep-th/9901001")),
        ("  ARXIV: 2005.14165v4 [cs.CL] ", ArxivId("2005.14165", 4)),
    ],
)
def test_an_arxiv_identifier_is_read_in_each_form_that_people_paste(text, expected):
    assert parse_arxiv_id(text) == expected
    assert looks_like_arxiv(text)


@pytest.mark.parametrize(
    "text",
    [
        "1234.12345",  # month 34
        "1412.12345",  # five digits before 2015
        "1501.0001",  # four digits since 2015
        "0703.0001",  # before the new scheme
        "0000.0000",
        "math/0613800",  # month 13
        "2005.14165v99999999",
        "2005.1416",
        "２００５.14165",
        "arXiv:",
        "10.1038/nature12373",
        "https://example.org/abs/2005.14165",
        "",
    ],
)
def test_what_is_no_arxiv_identifier_is_refused_with_a_sentence_that_names_it(text):
    with pytest.raises(BadIdentifier, match="arXiv identifier") as refusal:
        parse_arxiv_id(text)
    assert f"“{text}”" in str(refusal.value)
    assert not looks_like_arxiv(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.1016/S0027-9684(15)31340-7", "10.1016/s0027-9684(15)31340-7"),
        ("doi:10.7717/peerj.4375.", "10.7717/peerj.4375"),
        ("DOI: 10.7717/PeerJ.4375", "10.7717/peerj.4375"),
        ("https://doi.org/10.1038/S41586-021-03819-2", "10.1038/s41586-021-03819-2"),
        ("http://dx.doi.org/10.1038/s41586-021-03819-2?utm_source=x", "10.1038/s41586-021-03819-2"),
        ("doi:https://www.doi.org/10.1038/s41586-021-03819-2#abstract", "10.1038/s41586-021-03819-2"),
        ("https://doi.org/10.1002%2F(SICI)1097-0258(19980815)17:15%3C1661::AID%3E3.0.CO;2-2", None),
        ("(10.1000/182)"[1:], "10.1000/182"),
        ("10.1000/182}.", "10.1000/182"),
        ("10.1000/a(b)", "10.1000/a(b)"),
        ("10.1000/a%41", "10.1000/a%41"),  # no address: nothing is encoded here
    ],
)
def test_a_doi_is_read_without_what_surrounds_it(text, expected):
    assert parse_doi(text) == (expected or "10.1002/(sici)1097-0258(19980815)17:15<1661::aid>3.0.co;2-2")


@pytest.mark.parametrize(
    "text", ["", "doi:", "10.1/x", "10.1000/", "nature12373", "10.1000/a b", "https://doi.org/10.1000/a%00b"]
)
def test_what_is_no_doi_is_refused(text):
    with pytest.raises(BadIdentifier, match="is not a DOI"):
        parse_doi(text)


def test_a_doi_longer_than_its_column_is_refused():
    assert parse_doi("10.1000/" + "x" * 247)
    with pytest.raises(BadIdentifier):
        parse_doi("10.1000/" + "x" * 248)


@given(st.text(alphabet="10.5a/()[]{}<>%4v;:,.E ", max_size=20).map(lambda tail: "10.1000/" + tail))
def test_a_doi_that_was_read_is_read_as_itself(text):
    try:
        doi = parse_doi(text)
    except BadIdentifier:
        return
    assert parse_doi(doi) == doi


@given(
    st.integers(7, 30),
    st.integers(1, 12),
    st.integers(0, 9999),
    st.sampled_from(["", "v1", "v12"]),
    st.sampled_from(["", "arXiv:", "https://arxiv.org/abs/", "10.48550/arXiv."]),
)
def test_an_arxiv_identifier_that_was_read_is_read_as_itself(year, month, serial, version, prefix):
    digits = 4 if year < 15 else 5
    text = f"{prefix}{year:02}{month:02}.{serial:0{digits}}{version}"
    if (year, month) < (7, 4):
        return
    parsed = parse_arxiv_id(text)
    assert parse_arxiv_id(parsed.id) == ArxivId(parsed.id)
    assert parsed.version == (int(version[1:]) if version else None)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://GitHub.com/fchollet/ARC", "https://github.com/fchollet/ARC"),
        (" HTTPS://example.org ", "https://example.org/"),
        ("http://example.org:80/a", "http://example.org/a"),
        ("https://example.org:8443/a", "https://example.org:8443/a"),
        ("https://example.org./a/", "https://example.org/a/"),
        ("https://example.org/a#part", "https://example.org/a"),
        ("https://example.org/a?utm_source=dt&b=1&utm_medium=x", "https://example.org/a?b=1"),
        ("https://example.org/a?fbclid=1", "https://example.org/a"),
        ("https://example.org/a?b=1%202&c&d=+&UTM_source=x", "https://example.org/a?b=1%202&c&d=+"),
        ("https://example.org/künstlich?q=ü", "https://example.org/k%C3%BCnstlich?q=%C3%BC"),
        ("https://example.org/k%C3%BCnstlich", "https://example.org/k%C3%BCnstlich"),
        ("https://Bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://[2001:DB8::1]:443/x", "https://[2001:db8::1]/x"),
        ("https://en.wikipedia.org/wiki/Attention_(machine_learning)", None),
    ],
)
def test_an_address_has_one_form(address, expected):
    assert normalise_address(address) == (expected or address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "example.org",
        "javascript:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,x",
        "ftp://example.org/x",
        "mailto:ada@example.org",
        "//example.org/x",
        "https://",
        "https:///path",
        "https://example.org:99999/",
        "https://example.org:port/",
        "https://[::1/",
        "https://exa mple.org/",
        "https://example.org/a b",
        'https://example.org/"onclick=',
        "https://example.org/<script>",
        "https://example.org\\@evil.example/",
        "https://a..b/",
        f"https://{'a' * 64}.example/",
    ],
)
def test_what_is_no_web_address_is_refused(address):
    with pytest.raises(BadIdentifier):
        normalise_address(address)


def test_an_address_with_a_password_is_refused_since_it_would_be_published():
    for address in ("https://ada:secret@example.org/", "https://github.com@evil.example/"):
        with pytest.raises(BadIdentifier, match="password"):
            normalise_address(address)


@given(st.text(alphabet="aA%2?&=#/.:ü@utm_source [];\\'~", max_size=30))
def test_a_normalised_address_stays_as_it_is(tail):
    try:
        address = normalise_address(f"https://example.org/{tail}")
    except BadIdentifier:
        return
    assert normalise_address(address) == address


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Code: https://github.com/openai/gpt-3.", ["https://github.com/openai/gpt-3"]),
        ("(github.com/a/b.git, see https://github.com/a/b/tree/main)", ["https://github.com/a/b"]),
        (
            "GitLab.com/group/project and codeberg.org/x/y-z",
            ["https://gitlab.com/group/project", "https://codeberg.org/x/y-z"],
        ),
        ("https://github.com/openai", []),
        ("https://notgithub.com/a/b, ada@github.com/a/b, https://evil.example/github.com/a/b", []),
    ],
)
def test_repositories_are_found_in_a_text(text, found):
    assert find_repositories(text) == found
