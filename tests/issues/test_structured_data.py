"""What pages tell about themselves, read back by extruct, which crawlers use."""

import extruct
import pytest

from issues.models import Correction
from tests.issues.conftest import SITE


@pytest.fixture
def read(client):
    """Return a page's JSON-LD, OpenGraph and microformats."""

    def read(address):
        response = client.get(address)
        assert response.status_code == 200
        syntaxes = ["json-ld", "opengraph", "microformat"]
        return extruct.extract(response.content, base_url=SITE + address, syntaxes=syntaxes, uniform=False)

    return read


def only(data):
    """The one thing of a page in JSON-LD."""
    (thing,) = data["json-ld"]
    assert thing["@context"] == "https://schema.org"
    return thing


def test_a_story_says_who_wrote_it_when_about_what_and_what_was_corrected(read, archive):
    story = archive(1)[0]
    correction = Correction.objects.create(story=story, text="It was </script> & <b>9</b>.")
    address = SITE + story.get_absolute_url()
    data = only(read(story.get_absolute_url()))
    assert data["@type"] == "Article"
    assert data["headline"] == story.title
    assert data["mainEntityOfPage"] == data["url"] == address
    assert data["datePublished"] == story.issue.published_at.isoformat()
    assert data["dateModified"] == correction.published_at.isoformat()
    assert data["author"] == {"@type": "Organization", "name": "Dynamically Typed", "url": f"{SITE}/"}
    assert data["articleSection"] == "Machine Learning Research"
    assert data["keywords"] == ["language models", "robots"]
    assert data["license"] == "https://creativecommons.org/licenses/by/4.0/"
    assert data["image"].startswith(f"{SITE}/media/figures/")
    assert data["isPartOf"]["@type"] == "PublicationIssue"
    assert data["isPartOf"]["issueNumber"] == 1
    assert data["isPartOf"]["isPartOf"]["@type"] == "Periodical"
    assert [paper["@type"] for paper in data["citation"]] == ["ScholarlyArticle"] * 2
    assert data["correction"][1] == {
        "@type": "CorrectionComment",
        "url": f"{address}#correction-{correction.pk}",
        "text": "It was </script> & <b>9</b>.",
        "datePublished": correction.date.isoformat(),
    }


def test_nothing_that_an_editor_writes_can_end_the_data(client, archive):
    story = archive(1)[0]
    story.title = "A </script><script>alert(1)</script> <!-- title\u2028"
    story.save()
    page = client.get(story.get_absolute_url()).content.decode()
    start = page.index('<script type="application/ld+json">') + len('<script type="application/ld+json">')
    data = page[start : page.index("</script>", start)]
    assert not set(data) & set("<>&\u2028")
    assert "alert(1)" in data
    assert page.count("<script") == 2  # this and colours.js


def test_an_issue_is_a_part_of_the_publication_and_has_its_stories(read, archive):
    stories = archive(2)
    data = only(read("/issues/1/"))
    assert (data["@type"], data["issueNumber"], data["name"]) == ("PublicationIssue", 1, stories[0].issue.title)
    assert [part["url"] for part in data["hasPart"]] == [SITE + story.get_absolute_url() for story in stories]
    assert data["isPartOf"]["@id"] == only(read("/"))["@id"]


def test_a_paper_is_a_scholarly_article_with_authors_and_identifiers(read, archive, make_paper, make_story):
    story = archive(1)[0]
    paper = make_paper(
        "A & B", doi="10.1000/xyz", container_title="Nature", abstract="We show <b>.", type="article-journal"
    )
    told = make_story(issue=story.issue, papers=[paper])
    data = only(read(paper.get_absolute_url()))
    assert (data["@type"], data["name"], data["datePublished"]) == ("ScholarlyArticle", "A & B", "2020-05-28")
    assert data["abstract"] == "We show <b>."
    assert data["isPartOf"]["name"] == "Nature"
    assert {each["propertyID"]: each["value"] for each in data["identifier"]} == {
        "arXiv": paper.arxiv_id,
        "DOI": "10.1000/xyz",
    }
    assert data["sameAs"] == ["https://doi.org/10.1000/xyz", f"https://arxiv.org/abs/{paper.arxiv_id}"]
    assert [part["headline"] for part in data["subjectOf"]] == [told.title]


@pytest.mark.parametrize("page", ["/issues/", "/topics/", "/papers/", "/topics/robots/"])
def test_a_list_is_a_collection(read, archive, page):
    archive(1)
    data = only(read(page))
    assert (data["@type"], data["url"]) == ("CollectionPage", SITE + page)


def test_a_shared_story_shows_title_summary_and_picture(read, archive):
    story = archive(1)[0]
    found = dict(read(story.get_absolute_url())["opengraph"][0]["properties"])
    assert found["og:title"] == story.title
    assert found["og:type"] == "article"
    assert found["og:url"] == SITE + story.get_absolute_url()
    assert found["og:site_name"] == "Dynamically Typed"
    assert found["og:image"].startswith(f"{SITE}{story.get_absolute_url()}card-")
    assert found["og:image:alt"] == f"Dynamically Typed #{story.issue.number}: {story.title}"
    assert (found["og:image:width"], found["og:image:height"]) == ("1200", "630")
    assert found["article:section"] == "Machine Learning Research"


def test_a_story_is_an_h_entry(read, archive):
    story = archive(1)[0]
    story.summary = "What it says."
    story.save()
    (entry,) = [each for each in read(story.get_absolute_url())["microformat"] if each["type"] == ["h-entry"]]
    found = entry["properties"]
    assert found["name"] == [story.title]
    assert found["summary"] == ["What it says."]
    assert found["url"] == found["uid"] == [SITE + story.get_absolute_url()]
    assert found["category"] == ["language models", "robots"]
    assert found["author"][0]["properties"]["name"] == ["Dynamically Typed"]
    assert found["published"] == [story.issue.date.isoformat()]
    assert "told" in found["content"][0]["value"]


def test_an_issue_is_an_h_feed_of_its_stories(read, archive):
    stories = archive(3)
    (feed,) = [each for each in read("/issues/1/")["microformat"] if each["type"] == ["h-feed"]]
    assert [entry["properties"]["name"] for entry in feed["children"]] == [[story.title] for story in stories]


@pytest.mark.parametrize("query", ["?utm_source=mail", "?before=9.9&utm_source=mail"])
def test_a_list_has_one_canonical_address_whatever_else_is_asked(client, archive, query):
    archive(1)
    canonical = f"{SITE}/topics/robots/" + ("?before=9.9" if "before" in query else "")
    assert f'<link rel="canonical" href="{canonical}">' in client.get(f"/topics/robots/{query}").content.decode()


def test_a_preview_of_a_waiting_story_says_no_date(admin_client, archive, make_story):
    story = make_story("It waits")
    page = admin_client.get(f"/admin/issues/story/{story.pk}/preview/").content.decode()
    assert '"headline": "It waits"' in page
    assert "datePublished" not in page
