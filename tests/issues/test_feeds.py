"""Feeds, read by feedparser and held to the rules of the W3C's validator (https://validator.w3.org/feed/docs/)."""

import datetime
import html
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import feedparser
import jsonschema_rs
import pytest
from django.utils import timezone
from django.utils.http import http_date

from issues.feeds import issues, lists, stories
from issues.models import Correction, Publication, TopicAlias
from issues.search import indexing
from issues.writing import render_stories_again, save_issue, save_story, save_topic, set_resources
from papers.models import Author, AuthorAlias, Resource
from tests.issues.conftest import SITE

ATOM = "{http://www.w3.org/2005/Atom}"
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
TAG_URI = re.compile(r"tag:[a-z0-9.-]+,\d{4}-\d\d-\d\d:[!-~]+")  # RFC 4151
FEEDS = [
    "/feed",
    "/issues/feed",
    "/corrections/feed",
    "/sections/machine-learning-research/feed",
    "/topics/robots/feed",
    "/topics/language-models+robots/feed",
    "/authors/brown/feed",
    "/papers/feed",
    "/resources/feed",
]

ADDRESS = {"type": "string", "pattern": "^https?://[^ ]+$"}
TEXT = {"type": "string", "minLength": 1}
MOMENT = {"type": "string", "pattern": f"^{RFC_3339.pattern}$"}
AUTHORS = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": False,
        "properties": {"name": TEXT, "url": ADDRESS, "avatar": ADDRESS},
    },
}
EXTENSIONS = {"^_[A-Za-z0-9_]+$": {"type": "object"}}
JSON_FEED = {  # https://www.jsonfeed.org/version/1.1/, strictly: no key but its own and extensions
    "type": "object",
    "required": ["version", "title", "items", "home_page_url", "feed_url", "authors"],
    "additionalProperties": False,
    "patternProperties": EXTENSIONS,
    "properties": {
        "version": {"const": "https://jsonfeed.org/version/1.1"},
        "title": TEXT,
        "home_page_url": ADDRESS,
        "feed_url": ADDRESS,
        "description": TEXT,
        "next_url": ADDRESS,
        "icon": ADDRESS,
        "favicon": ADDRESS,
        "authors": AUTHORS,
        "language": TEXT,
        "expired": {"type": "boolean"},
        "hubs": {
            "type": "array",
            "items": {"type": "object", "required": ["type", "url"], "properties": {"type": TEXT, "url": ADDRESS}},
        },
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id", "url", "title", "content_html", "date_published", "date_modified"],
                "additionalProperties": False,
                "patternProperties": EXTENSIONS,
                "properties": {
                    "id": TEXT,
                    "url": ADDRESS,
                    "title": TEXT,
                    "content_html": TEXT,
                    "summary": TEXT,
                    "date_published": MOMENT,
                    "date_modified": MOMENT,
                    "tags": {"type": "array", "items": TEXT, "uniqueItems": True},
                    "authors": AUTHORS,
                    "language": TEXT,
                },
            },
        },
    },
}


def atom(client, feed, **parameters):
    """The feed as feedparser reads it."""
    response = client.get(f"{feed}.atom", parameters)
    assert response.status_code == 200
    parsed = feedparser.parse(response.content, response_headers={"content-type": response["Content-Type"]})
    assert not parsed.bozo, parsed.bozo_exception
    assert parsed.version == "atom10"
    return parsed


def entry_of(client, story, feed="/feed"):
    address = SITE + story.get_absolute_url()
    return next(entry for entry in atom(client, feed).entries if entry.link == address)


class AddressReader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.addresses, self.tags, self.attributes = [], set(), set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.addresses += [value for name, value in attrs if name in ("href", "src")]


def check_content(html):
    """The validator's rules for HTML in a feed: whole addresses, nothing that a reader has to throw away."""
    reader = AddressReader()
    reader.feed(html)
    assert [address for address in reader.addresses if not re.match(r"(https?://|mailto:)", address)] == []
    assert not reader.tags & {"script", "style", "iframe", "object", "embed", "form", "input", "math"}
    assert not {name for name in reader.attributes if name.startswith("on")} | (
        reader.attributes & {"style", "id", "class", "srcset"}
    )


def texts(element, name):
    return [child.text for child in element.findall(ATOM + name)]


def links(element, rel):
    return [child.get("href") for child in element.findall(ATOM + "link") if child.get("rel") == rel]


# Valid


@pytest.mark.parametrize("feed", FEEDS)
def test_an_atom_feed_keeps_the_rules_of_the_validator(client, archive, feed):
    archive(4)
    response = client.get(f"{feed}.atom")
    assert response["Content-Type"] == "application/atom+xml; charset=utf-8"
    root = ElementTree.fromstring(response.content)
    assert root.tag == f"{ATOM}feed"
    assert root.get(XML_LANG) == "en"
    assert links(root, "self") == [f"{SITE}{feed}.atom"]
    assert len(links(root, "alternate")) == 1
    assert links(root, "license") == ["https://creativecommons.org/licenses/by/4.0/"]
    assert texts(root, "rights") == ["CC BY 4.0 https://creativecommons.org/licenses/by/4.0/"]
    assert root.find(f"{ATOM}author/{ATOM}name").text == "Dynamically Typed"
    entries = root.findall(f"{ATOM}entry")
    assert entries
    for element in (root, *entries):
        for name in ("id", "title", "updated"):
            (text,) = texts(element, name)
            assert text.strip()
        (updated,) = texts(element, "updated")
        assert RFC_3339.fullmatch(updated)
        assert datetime.datetime.fromisoformat(updated) <= timezone.now()
    ids = [text for element in entries for text in texts(element, "id")]
    assert len(set(ids)) == len(ids)
    assert all(TAG_URI.fullmatch(text) for text in ids)
    assert texts(root, "updated")[0] == max(text for element in entries for text in texts(element, "updated"))
    for entry in entries:
        (alternate,) = links(entry, "alternate")
        if feed != "/resources/feed":  # whose entries lead to other sites
            assert alternate.startswith(f"{SITE}/")
            assert client.get(alternate.removeprefix(SITE).partition("#")[0]).status_code == 200
        (published,) = texts(entry, "published")
        assert RFC_3339.fullmatch(published)
        (summary,) = entry.findall(f"{ATOM}summary")
        assert summary.text.strip()
        (content,) = entry.findall(f"{ATOM}content")
        assert content.get("type") == "html"
        check_content(content.text)
        assert all(category.get("term") for category in entry.findall(f"{ATOM}category"))


@pytest.mark.parametrize("feed", FEEDS)
def test_a_json_feed_keeps_its_schema_and_says_what_atom_says(client, archive, feed):
    archive(4)
    response = client.get(f"{feed}.json")
    assert response["Content-Type"] == "application/feed+json; charset=utf-8"
    document = response.json()
    jsonschema_rs.validator_for(JSON_FEED).validate(document)
    assert document["feed_url"] == f"{SITE}{feed}.json"
    parsed = atom(client, feed)
    assert document["title"] == parsed.feed.title
    assert document["_license"]["name"] == "CC BY 4.0"
    for item, entry in zip(document["items"], parsed.entries, strict=True):
        assert (item["id"], item["url"], item["title"]) == (entry.id, entry.link, entry.title)
        assert (item["date_published"], item["date_modified"]) == (entry.published, entry.updated)
        assert item.get("tags", []) == [tag.term for tag in entry.get("tags", [])]
        check_content(item["content_html"])


@pytest.mark.parametrize("feed", ["/feed", "/issues/feed", "/corrections/feed"])
def test_a_feed_of_an_empty_archive_is_valid_and_stays_the_same(client, publication, feed):
    assert atom(client, feed).entries == []
    jsonschema_rs.validator_for(JSON_FEED).validate(client.get(f"{feed}.json").json())
    assert client.get(f"{feed}.atom")["ETag"] == client.get(f"{feed}.atom")["ETag"]


def test_a_control_character_in_a_title_does_not_break_the_feed(client, archive):
    story = archive(1)[0]
    story.title, story.summary = "A\x0bB & <C>", "One\x01 two"
    story.save()
    entry = entry_of(client, story)
    assert entry.title == "AB & <C>"
    assert entry.summary == "One two"


# What is in it


def test_an_entry_has_the_whole_text_with_whole_addresses_and_readable_formulas(client, archive):
    story = archive(1)[0]
    (content,) = entry_of(client, story).content
    html = client.get("/feed.json").json()["items"][0]["content_html"]
    for text in (html, content.value):
        assert f'src="{SITE}/media/figures/' in text
        assert "Its caption" in text
        assert f'href="{SITE}{story.get_absolute_url()}#fn' in text
        assert "&lt;a href=" in text
        assert "/not/a/link" in text
        assert f"{SITE}/not/a/link" not in text
        assert "a/b" in text
        assert "It was 7, not &lt; 8." in text
        assert "Paper 0 &amp; more" in text
    assert '<a href="https://example.org/code?a=1&amp;b=2">The &lt;code&gt;</a>' in html
    assert 'title="A &gt; B"' in html


def test_an_entry_names_topics_and_papers(client, archive):
    story = archive(1)[0]
    (item,) = client.get("/feed.json").json()["items"]
    paper = story.papers.order_by("story_papers__position").first()
    assert item["tags"] == ["language models", "robots"]
    assert item["_papers"]["items"][0] == {
        "title": "Paper 0 & more",
        "url": SITE + paper.get_absolute_url(),
        "arxiv": paper.arxiv_id,
    }


def test_a_summary_of_the_editor_stands_beside_the_content(client, archive):
    story = archive(1)[0]
    story.summary = "What it says & means."
    story.save()
    entry = entry_of(client, story)
    assert entry.summary == "What it says &amp; means."
    assert "What it says" not in entry.content[0].value


def test_an_issue_is_told_whole(client, archive):
    stories = archive(2)
    (item,) = client.get("/issues/feed.json").json()["items"]
    assert item["title"] == "DT #1: Issue number 1"
    assert "Good <em>morning</em>" in item["content_html"]
    for story in stories:
        assert f'<h2><a href="{SITE}{story.get_absolute_url()}">{story.title}</a></h2>' in item["content_html"]


def test_a_correction_is_an_entry_that_leads_to_it(client, archive):
    story = archive(1)[0]
    (item,) = client.get("/corrections/feed.json").json()["items"]
    assert item["title"] == f"Correction: {story.title}"
    assert item["url"] == f"{SITE}{story.get_absolute_url()}#correction-{story.corrections.get().pk}"
    assert item["summary"] == "It was 7, not < 8."


def test_combined_topics_have_the_stories_about_all_of_them(client, archive, make_story):
    both = archive(1)[0]
    make_story("Only robots", issue=both.issue, topics=["robots"])
    assert len(atom(client, "/topics/robots/feed").entries) == 2
    assert [entry.title for entry in atom(client, "/topics/language-models+robots/feed").entries] == [both.title]


def test_an_author_s_feed_has_the_stories_about_the_author_s_papers(client, archive, make_story, make_paper):
    issue = archive(1)[0].issue
    ada = make_paper(authors=())
    ada.authorships.create(author=Author.objects.named("Lovelace", "Ada"), position=0)
    story = make_story("Notes on the engine", issue=issue, papers=[ada])
    parsed = atom(client, "/authors/ada-lovelace/feed")
    assert [entry.title for entry in parsed.entries] == [story.title]
    assert parsed.feed.title == "Dynamically Typed: Ada Lovelace"


def test_a_list_of_papers_is_followed_with_the_parameters_of_its_page(client, archive):
    archive(4)
    page = client.get("/papers/?author=li").content.decode()
    assert page.count('href="/papers/feed.atom?author=li"') == 2  # in the head, and for people
    feed = atom(client, "/papers/feed", author="li")
    assert [entry.title for entry in feed.entries] == ["Language Models are Few-Shot Learners"] * 4
    assert feed.feed.title == "Dynamically Typed: papers, Li"
    assert client.get("/papers/feed.atom?before=41").status_code == 404


def test_a_resource_is_told_of_with_its_kind_and_the_stories_that_link_to_it(client, archive):
    archive(4)
    (entry,) = atom(client, "/resources/feed", kind="code").entries
    assert (entry.link, entry.title) == ("https://example.org/code?a=1&b=2", "The <code>")
    assert entry.content[0].value.count(f'<a href="{SITE}/stories/') == 4
    assert atom(client, "/resources/feed", kind="dataset").entries == []


def test_a_search_can_be_followed_with_the_parameters_of_its_page(client, archive, make_issue, make_story):
    archive(1)
    old, new = (make_issue(published_at=timezone.now() - datetime.timedelta(hours=hours)) for hours in (2, 1))
    first = make_story("Robots that walk", issue=old, body="They walk & walk.")
    later = make_story("A walk", issue=new, body="Through the park.")
    indexing.rebuild()
    query = {"q": 'walk -"swim & dive"', "sort": "relevance", "page": "3", "utm_source": "mail"}
    parsed = atom(client, "/search/feed", **query)
    assert [entry.title for entry in parsed.entries] == [later.title, first.title]
    (address,) = (link.href for link in parsed.feed.links if link.rel == "self")
    assert address == f"{SITE}/search/feed.atom?q=walk+-%22swim+%26+dive%22"
    assert client.get(address.removeprefix(SITE)).status_code == 200
    assert parsed.feed.link == f"{SITE}/search/?q=walk+-%22swim+%26+dive%22"
    items = client.get("/search/feed.json", query).json()["items"]
    assert [item["title"] for item in items] == [later.title, first.title]
    assert parsed.feed.id != atom(client, "/search/feed", q="walk").feed.id


@pytest.mark.parametrize("query", ["", "nothing-like-it", 'topic:x OR "', "\x0b \x0b", "-", "a" * 2000])
def test_the_feed_of_any_search_is_valid(client, archive, query):
    archive(1)
    atom(client, "/search/feed", q=query)
    jsonschema_rs.validator_for(JSON_FEED).validate(client.get("/search/feed.json", {"q": query}).json())


def test_the_feed_of_a_search_takes_as_many_queries_for_ten_stories_as_for_one(archive, queries_of, short_pages):
    searches = ["/search/feed.atom?q=small", "/search/feed.atom?q=small+topic:robots"]
    archive(1)
    indexing.rebuild()
    for_one = [queries_of(search) for search in searches]
    archive(9)
    indexing.rebuild()
    assert [queries_of(search) for search in searches] == for_one


def test_a_topic_leads_to_the_feeds_of_its_stories_in_each_section_and_a_section_to_those_of_its_topics(
    client, archive, make_issue, make_section, make_story, make_topic
):
    """By way of a search, which people can read as well."""
    issue, topic = make_issue(published_at=timezone.now()), make_topic('graphs & "trees"')
    one, other = make_section("One & all"), make_section("Another")
    for title, section, topics in (
        ("Here", one, [topic]),
        ("There", other, [topic]),
        ("Else", one, [make_topic("else")]),
    ):
        make_story(title, issue=issue, section=section, topics=topics)
    for page, name in ((topic.get_absolute_url(), "One &amp; all"), (one.get_absolute_url(), "graphs &amp;")):
        [link] = re.findall(rf'<a href="(/search/[^"]+)">{name}', client.get(page).content.decode())
        [feed] = re.findall(r'<a href="(/search/feed.json[^"]+)">', client.get(html.unescape(link)).content.decode())
        assert [item["title"] for item in client.get(html.unescape(feed)).json()["items"]] == ["Here"]


def test_a_search_leads_to_its_feed(client, archive):
    archive(1)
    page = client.get("/search/", {"q": 'small "a & b"'}).content.decode()
    for form in ("atom", "json"):
        [address] = set(re.findall(rf'href="(/search/feed\.{form}\?[^"]+)"', page))
        assert address == f"/search/feed.{form}?q=small%20%22a%20%26%20b%22"
        assert client.get(address).status_code == 200


# What is not in it


@pytest.mark.parametrize("form", ["atom", "json"])
def test_what_is_not_public_is_in_no_feed(client, archive, make_issue, make_story, make_paper, make_topic, form):
    public = archive(1)[0]
    later = make_issue(published_at=timezone.now() + datetime.timedelta(hours=1), title="A secret issue")
    for issue in (None, make_issue(title="A secret draft"), later):
        secret = make_story(issue=issue, title=f"A secret {issue}", papers=[*public.papers.all()])
        secret.topics.set(["language models", "robots"])
        Correction.objects.create(story=secret, text="A secret correction")
    Correction.objects.create(
        story=public, text="A secret to come", published_at=timezone.now() + datetime.timedelta(1)
    )
    for feed in FEEDS:
        assert "secret" not in client.get(f"{feed}.{form}").content.decode().lower(), feed


@pytest.mark.parametrize(
    "feed",
    [
        "/topics/nothing/feed",
        "/topics/nothing+robots/feed",
        "/topics/+/feed",
        "/topics/a+b+c+d+e+f/feed",
        "/sections/nothing/feed",
        "/authors/nobody/feed",
    ],
)
def test_a_feed_of_nothing_published_is_not_found(client, archive, make_topic, feed):
    make_topic("nothing")
    archive(1)
    assert client.get(f"{feed}.atom").status_code == 404


@pytest.mark.parametrize("feed", ["/feed", "/issues/feed", "/corrections/feed"])
@pytest.mark.parametrize("before", ["x", "-1", "1.x", "9" * 30, "²", "٣.٣"])
def test_a_place_that_no_feed_has_is_not_found(client, archive, feed, before):
    archive(1)
    assert client.get(f"{feed}.atom", {"before": before}).status_code == 404


def test_other_names_and_orders_of_topics_lead_to_the_feed_for_good(client, archive, make_topic):
    archive(1)
    TopicAlias.objects.create(topic=make_topic("robots"), name="robotics", slug="robotics")
    for feed in ("robotics+language-models", "robots+language-models", "robots+robots+language-models"):
        response = client.get(f"/topics/{feed}/feed.atom")
        assert (response.status_code, response["Location"]) == (301, "/topics/language-models+robots/feed.atom")


def test_another_name_of_an_author_leads_to_the_feed_for_good(client, archive):
    archive(1)
    AuthorAlias.objects.create(author=Author.objects.named("Brown"), slug="braun")
    response = client.get("/authors/braun/feed.json")
    assert (response.status_code, response["Location"]) == (301, "/authors/brown/feed.json")


# What moves `updated`, and what never changes


def test_updated_moves_with_a_correction_and_with_nothing_else(client, archive, make_section, make_topic):
    story = archive(1)[0]
    moments = [story.issue.published_at]

    def updated():
        return {
            feed: datetime.datetime.fromisoformat(atom(client, feed).entries[0].updated)
            for feed in ("/feed", "/issues/feed", "/topics/robots/feed")
        }

    before = updated()
    assert set(before.values()) == {moments[0]}
    story.body, story.title, story.summary = "Without the typo.", "A better title", "A summary"
    story.section = make_section("Another")
    save_story(story)
    story.topics.add("another topic")
    render_stories_again([story])
    story.issue.intro, story.issue.title = "Hello.", "A title"
    save_issue(story.issue)
    save_topic(make_topic("robots"))
    Publication.objects.update(name="Another name")
    correction = story.corrections.get()
    correction.text = "Without a typo, too."
    correction.save()
    assert updated() == before
    assert "Without the typo" in client.get("/feed.atom").content.decode()
    first = Correction.objects.create(story=story, text="It was 9.")
    assert set(updated().values()) == {first.published_at}
    second = Correction.objects.create(story=story, text="No, it was 10.")  # on the same day
    assert set(updated().values()) == {second.published_at}
    assert atom(client, "/feed").feed.updated == atom(client, "/feed").entries[0].updated
    assert datetime.datetime.fromisoformat(atom(client, "/feed").entries[0].published) == moments[0]


def test_ids_stay_when_the_site_moves_and_texts_change(client, archive, settings):
    story = archive(2)[0]

    def ids():
        found = [(atom(client, feed).feed.id, *(entry.id for entry in atom(client, feed).entries)) for feed in FEEDS]
        return [*found, [item["id"] for item in client.get("/feed.json").json()["items"]]]

    before = ids()
    settings.SITE_URL = "https://another.example.net"
    story.title = "Another title"
    save_story(story)
    Correction.objects.update(text="Another text")
    Publication.objects.update(name="Another name", from_email="another@example.net")
    assert ids() == before
    feeds_seen = [found[0] for found in before[:-1]]
    assert len(set(feeds_seen)) == len(FEEDS)


# Asked again


@pytest.mark.parametrize("feed", FEEDS)
@pytest.mark.parametrize("form", ["atom", "json"])
def test_who_asks_again_is_told_that_nothing_has_changed(client, archive, feed, form):
    story = archive(1)[0]
    first = client.get(f"{feed}.{form}")
    for header in (
        {"If-None-Match": first["ETag"]},
        {"If-Modified-Since": first["Last-Modified"]},
        {"If-None-Match": first["ETag"], "If-Modified-Since": http_date(0)},
    ):
        again = client.get(f"{feed}.{form}", headers=header)
        assert (again.status_code, again.content) == (304, b"")
        assert again["ETag"] == first["ETag"]
    story.title = "Another title"
    story.save()
    assert client.get(f"{feed}.{form}", headers={"If-None-Match": first["ETag"]}).status_code == 200


def test_a_feed_may_be_kept_and_read_by_scripts_anywhere_and_sets_no_cookie(client, archive):
    archive(1)
    response = client.get("/feed.json")
    assert response["Cache-Control"] == "public, max-age=300"
    assert response["Access-Control-Allow-Origin"] == "*"
    assert not response.cookies
    assert "Vary" not in response
    assert client.post("/feed.json").status_code == 405
    assert client.head("/feed.json").status_code == 200
    assert client.options("/feed.json")["Access-Control-Allow-Methods"] == "GET, HEAD"


@pytest.fixture
def short_pages(monkeypatch):
    for module, name in [(stories, "STORIES"), (issues, "ISSUES"), (issues, "CORRECTIONS"), (lists, "ENTRIES")]:
        monkeypatch.setattr(module, name, 2)


@pytest.mark.parametrize("count", [1, 10])
def test_a_feed_takes_two_queries_at_any_size(archive, queries_of, short_pages, count):
    archive(count)
    for feed in FEEDS:
        for form in ("atom", "json"):
            assert queries_of(f"{feed}.{form}") == 2


@pytest.mark.parametrize("feed", FEEDS)
def test_the_pages_of_a_feed_have_every_entry_once(client, archive, short_pages, feed):
    for number, story in enumerate(archive(7)):
        set_resources(story, [(Resource.objects.create(url=f"https://example.org/{number}", title="Code"), "")])
    address, seen, first = f"{SITE}{feed}.atom", [], ""
    while address:
        root = ElementTree.fromstring(client.get(address.removeprefix(SITE)).content)
        assert links(root, "self") == [address]
        assert links(root, "first") == [f"{SITE}{feed}.atom"]
        assert texts(root, "id")[0] == (first := first or texts(root, "id")[0])
        seen += [text for entry in root.findall(f"{ATOM}entry") for text in texts(entry, "id")]
        address = next(iter(links(root, "next")), "")
    assert len(seen) == len(set(seen)) == {"/issues/feed": 3, "/papers/feed": 14}.get(feed, 7)
    address, items = f"{SITE}{feed}.json", []
    while address:
        page = client.get(address.removeprefix(SITE)).json()
        items += [item["id"] for item in page["items"]]
        address = page.get("next_url")
    assert items == seen


# Found


def test_pages_lead_to_their_feeds(client, archive):
    story = archive(1)[0]
    expected = {
        "/": ["/feed"],
        story.get_absolute_url(): ["/feed"],
        "/issues/": ["/feed", "/issues/feed"],
        "/topics/robots/": ["/feed", "/topics/robots/feed"],
        "/search/": ["/feed"],
        "/authors/brown/": ["/feed", "/authors/brown/feed"],
        "/papers/": ["/feed", "/papers/feed"],
        "/resources/": ["/feed", "/resources/feed"],
        story.section.get_absolute_url(): ["/feed", f"{story.section.get_absolute_url()}feed"],
    }
    for page, feeds_of_page in expected.items():
        html = client.get(page).content.decode()
        found = re.findall(
            r'<link rel="alternate" type="(application/(?:atom\+xml|feed\+json))" title="[^"]+" href="([^"]+)">', html
        )
        assert [address for _, address in found] == [
            f"{feed}.{form}" for feed in feeds_of_page for form in ("atom", "json")
        ]
        for media_type, address in found:
            assert client.get(address)["Content-Type"] == f"{media_type}; charset=utf-8"
