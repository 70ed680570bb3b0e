"""Sitemaps, against the XSD of sitemaps.org, and the small files at the site's root."""

import datetime
import re
from urllib.robotparser import RobotFileParser

import pytest
from django.urls import get_resolver
from django.utils import timezone
from lxml import etree

from issues import sitemaps
from issues.models import Correction
from tests.issues.conftest import SITE

NS = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
# The rules of https://www.sitemaps.org/schemas/sitemap/0.9/sitemap.xsd and siteindex.xsd.
XSD = """<xsd:schema xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"
    targetNamespace="http://www.sitemaps.org/schemas/sitemap/0.9" elementFormDefault="qualified">
  <xsd:element name="urlset"><xsd:complexType><xsd:sequence>
    <xsd:element name="url" maxOccurs="unbounded"><xsd:complexType><xsd:sequence>
      <xsd:element name="loc" type="tLoc"/>
      <xsd:element name="lastmod" type="tLastmod" minOccurs="0"/>
      <xsd:element name="changefreq" type="xsd:string" minOccurs="0"/>
      <xsd:element name="priority" type="xsd:decimal" minOccurs="0"/>
    </xsd:sequence></xsd:complexType></xsd:element>
  </xsd:sequence></xsd:complexType></xsd:element>
  <xsd:element name="sitemapindex"><xsd:complexType><xsd:sequence>
    <xsd:element name="sitemap" maxOccurs="unbounded"><xsd:complexType><xsd:sequence>
      <xsd:element name="loc" type="tLoc"/>
      <xsd:element name="lastmod" type="tLastmod" minOccurs="0"/>
    </xsd:sequence></xsd:complexType></xsd:element>
  </xsd:sequence></xsd:complexType></xsd:element>
  <xsd:simpleType name="tLoc"><xsd:restriction base="xsd:anyURI">
    <xsd:minLength value="12"/><xsd:maxLength value="2048"/>
  </xsd:restriction></xsd:simpleType>
  <xsd:simpleType name="tLastmod"><xsd:union>
    <xsd:simpleType><xsd:restriction base="xsd:date"/></xsd:simpleType>
    <xsd:simpleType><xsd:restriction base="xsd:dateTime"/></xsd:simpleType>
  </xsd:union></xsd:simpleType>
</xsd:schema>"""


@pytest.fixture(scope="module")
def schema():
    return etree.XMLSchema(etree.fromstring(XSD))


@pytest.fixture
def read(client, schema):
    """Return what a valid sitemap or index lists: addresses, each with its last change or None."""

    def read(address):
        response = client.get(address.removeprefix(SITE))
        assert response["Content-Type"] == "application/xml; charset=utf-8"
        root = etree.fromstring(response.content)
        schema.assertValid(root)
        assert len(root) <= 50_000
        return {child.findtext(f"{NS}loc"): child.findtext(f"{NS}lastmod") for child in root}

    return read


@pytest.fixture
def read_all(read):
    def read_all():
        return {page: changed for file in read("/sitemap.xml") for page, changed in read(file).items()}

    return read_all


def test_the_sitemap_has_every_public_page_and_each_is_there(client, archive, read_all):
    story = archive(4)[0]
    pages = read_all()
    for thing in (story, story.issue, story.section, *story.topics.all(), *story.papers.all()):
        assert SITE + thing.get_absolute_url() in pages
    for listing in ("/", "/issues/", "/topics/", "/papers/", "/resources/", "/corrections/", "/authors/mann/"):
        assert f"{SITE}{listing}" in pages
    for page in pages:
        response = client.get(page.removeprefix(SITE))
        assert response.status_code == 200
        assert f'<link rel="canonical" href="{page}">' in response.content.decode()


def test_what_is_not_public_is_in_no_sitemap(archive, read_all, make_issue, make_story, make_paper, make_topic):
    public = set(archive(1) and read_all())
    later = make_issue(published_at=timezone.now() + datetime.timedelta(hours=1))
    for issue in (None, make_issue(), later):
        make_story(issue=issue, papers=[make_paper()], topics=[make_topic(f"secret {issue}").name])
    assert set(read_all()) == public


def test_an_empty_archive_has_a_sitemap_of_its_lists(read_all, db):
    assert len(read_all()) == 6


def test_the_last_change_is_that_of_publication_or_correction(archive, read_all, make_issue, make_story):
    story = archive(1)[0]
    published = story.issue.published_at.isoformat()
    addresses = [SITE + thing.get_absolute_url() for thing in (story, story.issue)]
    story.save()
    assert [read_all()[address] for address in addresses] == [published] * 2
    correction = Correction.objects.create(story=story, text="It was 9.")
    assert [read_all()[address] for address in addresses] == [correction.published_at.isoformat()] * 2
    paper = story.papers.first()
    assert read_all()[SITE + paper.get_absolute_url()] == published
    make_story(issue=make_issue(published_at=timezone.now() + datetime.timedelta(hours=1)), papers=[paper])
    assert read_all()[SITE + paper.get_absolute_url()] == published


def test_a_large_archive_is_cut_into_files_of_bounded_size(archive, read, read_all, monkeypatch):
    archive(7)
    whole = read_all()
    monkeypatch.setattr(sitemaps, "BLOCK", 3)
    files = read("/sitemap.xml")
    assert len([file for file in files if "sitemap-stories-" in file]) >= 3
    assert all(len(read(file)) <= 7 for file in files)
    assert read_all() == whole


@pytest.mark.parametrize(
    "address", ["/sitemap-stories-9.xml", "/sitemap-users-0.xml", f"/sitemap-stories-{10**30}.xml"]
)
def test_a_file_that_the_index_does_not_name_is_not_found(client, archive, address):
    archive(1)
    assert client.get(address).status_code == 404


@pytest.mark.parametrize("count", [1, 10])
def test_sitemaps_take_as_many_queries_for_ten_stories_as_for_one(archive, queries_of, count):
    archive(count)
    assert queries_of("/sitemap.xml") == 12
    for name in ("issues", "stories", "sections", "topics", "papers", "authors"):
        assert queries_of(f"/sitemap-{name}-0.xml") == 1
    assert queries_of("/sitemap-lists.xml") == 1


# At the root


def test_robots_txt_names_the_sitemap_and_shuts_pages_for_one_person(client, settings):
    settings.SITE_URL = SITE
    response = client.get("/robots.txt")
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    rules = RobotFileParser()
    rules.parse(response.content.decode().splitlines())
    assert rules.site_maps() == [f"{SITE}/sitemap.xml"]
    for page in ("/", "/issues/", "/stories/x/", "/subscribe/", "/feed.atom", "/static/css/site.css", "/media/a.png"):
        assert rules.can_fetch("Googlebot", SITE + page), page
    for page in ("/admin/", "/mail/", "/mail/x/html/", "/subscribe/confirm/x/", "/unsubscribe/x/"):
        assert not rules.can_fetch("Googlebot", SITE + page), page
    for page in (
        "/papers/?topic=x",
        "/papers/?year=2020&page=2",
        "/resources/?kind=code",
        "/search/?q=x",
        "/topics/?q=x",
    ):
        assert not rules.can_fetch("Googlebot", SITE + page), page
    with_token = [path for path in routes() if re.search("<(str:)?(token|key)>", path)]
    assert with_token
    for path in with_token:
        assert not rules.can_fetch("Googlebot", f"{SITE}/{path}"), path


def routes(resolver=None, prefix=""):
    for pattern in (resolver or get_resolver()).url_patterns:
        path = prefix + str(pattern.pattern)
        yield from routes(pattern, path) if hasattr(pattern, "url_patterns") else [path]


def test_llms_txt_leads_to_pages_that_are_there(client, archive, publication):
    archive(1)
    publication.description = 'What "this" is & for whom.'
    publication.save()
    text = client.get("/llms.txt").content.decode()
    assert text.startswith("# Dynamically Typed\n\n> ")
    assert 'What "this" is & for whom.' in text
    addresses = re.findall(rf"\({SITE}(/[^)]*)\)", text)
    assert len(addresses) == 7
    assert {client.get(address).status_code for address in addresses} == {200}


def test_security_txt_is_there_if_the_operator_says_whom_to_tell(client, db, settings, time_machine):
    assert client.get("/.well-known/security.txt").status_code == 404
    time_machine.move_to(datetime.datetime(2026, 11, 23, 12, tzinfo=datetime.UTC))
    settings.SECURITY_CONTACT, settings.SITE_URL = "mailto:security@example.org", SITE
    assert client.get("/.well-known/security.txt").content.decode().splitlines() == [
        "Contact: mailto:security@example.org",
        "Expires: 2027-11-22T00:00:00+00:00",
        f"Canonical: {SITE}/.well-known/security.txt",
    ]
