import pytest
from django.db import connection
from django.utils import timezone

from issues.models import Publication
from papers.models import Resource


@pytest.fixture
def page(client):
    def of(**parameters):
        response = client.get("/search/", parameters)
        assert response.status_code == 200
        assert not response.cookies
        return response.content.decode()

    return of


def test_a_hit_shows_where_the_words_stand_and_leads_to_them(archive, page):
    html = page(q="pours OR espresso")
    assert "Naïve robots pour <mark>espresso</mark> in Zürich" not in html  # “pour” is marked, too
    assert "robots <mark>pour espresso</mark> in Zürich" in html
    assert 'href="/stories/robots-in-a-cafe/#:~:text=pour%20espresso"' in html


def test_a_hit_shows_the_text_rather_than_the_names_after_it(make_issue, make_story, make_topic, make_paper, page):
    make_story(
        issue=make_issue(published_at=timezone.now()),
        body="A robot learns to walk. " + "It falls. " * 40,
        topics=[make_topic("robot arms"), make_topic("robot legs")],
        papers=[make_paper("Robot Learning by Robots")],
    )
    assert "A <mark>robot</mark> learns to walk." in page(q="robot kind:story")


def test_what_is_typed_and_what_is_found_is_escaped(make_issue, make_story, page):
    issue = make_issue(published_at=timezone.now())
    make_story("Tags <b>&amp; co</b>", issue=issue, body="A `<script>alert(1)</script>` & more robots.")
    html = page(q='<script>alert(1)</script> "robots')
    assert "<script>alert" not in html
    html = page(q="script")
    assert "&lt;<mark>script</mark>&gt;" in html
    assert "Tags &lt;b&gt;&amp;amp; co&lt;/b&gt;" in html
    assert "<script>alert" not in html


def test_filters_are_chips_that_can_be_dropped(archive, page):
    html = page(q='transformer topic:"language models" -author:brown')
    assert 'href="?q=transformer+-author%3Abrown"' in html
    assert 'href="?q=transformer+topic%3A%22language+models%22"' in html


def test_facets_lead_to_the_results_with_and_without_a_value(archive, page):
    html = page(q="transformer")
    assert (
        'href="?q=transformer+topic%3A%22computer+vision%22">computer vision</a> <span class="count">1</span>' in html
    )
    assert 'href="?q=transformer+-topic%3A%22computer+vision%22" aria-label="Without computer vision"' in html


def test_the_order_asked_for_is_kept_by_every_link_and_by_the_box(archive, page):
    html = page(q="transformer", sort="date")
    assert '<input type="hidden" name="sort" value="date">' in html
    assert 'href="?q=transformer+year%3A2020&amp;sort=date"' in html
    assert '<span aria-current="true">Newest first</span>' in html


def test_a_correction_is_said_and_what_was_typed_stays_in_the_box(archive, page):
    html = page(q="transfromers")
    assert "Nothing matches <strong>transfromers</strong>" in html
    assert 'value="transfromers"' in html
    assert "3 results" in html


def test_an_empty_result_offers_a_way_on(archive, page):
    html = page(q="espresso topic:langage year:2019")
    assert "Nothing found" in html
    assert "There is nothing like <strong>topic:langage</strong> here." in html
    assert 'Did you mean <a href="?q=espresso+topic%3A%22language+models%22+year%3A2019">' in html
    assert '<a href="?q=espresso+year%3A2019&amp;sort=date">' in html
    assert 'href="?q=topic%3A%22AI+ethics%22"' in html


def test_the_syntax_is_explained_beside_the_box(db, page):
    html = page()
    assert "<summary>What you can type</summary>" in html
    assert "trans*" in html


def test_long_results_come_in_pages_that_keep_the_query(make_issue, make_story, page):
    issue = make_issue(published_at=timezone.now())
    for number in range(45):
        make_story(f"Robot {number}", issue=issue)
    html = page(q="robot", page="2")
    assert "Page 2 of 3" in html
    assert 'rel="next" href="?q=robot&amp;page=3"' in html
    assert html.count('class="story-line hit"') == 20
    assert page(q="robot", page="3").count('class="story-line hit"') == 5
    assert "Page 3 of 3" in page(q="robot", page="400")


def test_more_than_a_thousand_results_are_said_to_be_more(archive, page, monkeypatch):
    monkeypatch.setattr("issues.search.searching.MOST", 2)
    html = page(q="transformer")
    assert "More than 2 results" in html
    assert "The newest 2 are ordered and counted here." in html


def test_a_search_page_is_not_for_search_engines(db, page):
    assert '<meta name="robots" content="noindex, follow">' in page(q="robots")


@pytest.mark.parametrize("count", [2, 30])
def test_a_search_makes_no_more_queries_for_many_results(
    count, make_issue, make_story, make_paper, make_topic, queries_of
):
    Publication.objects.current()
    issue, topic = make_issue(published_at=timezone.now()), make_topic("robots")
    for number in range(count):
        resource = Resource.objects.create(url=f"https://example.org/{number}", title=f"Robot {number}")
        paper = make_paper(f"On robot {number}")
        make_story(f"Robot {number}", issue=issue, topics=[topic], papers=[paper], resources=[resource])
    # On PostgreSQL also the savepoint, its settings, and whether there is anything but what is recent.
    assert queries_of("/search/?q=robot") <= {"sqlite": 9, "postgresql": 13}[connection.vendor]


def test_a_search_can_be_begun_on_every_page(client, archive):
    assert 'href="/search/"' in client.get("/issues/").content.decode()
    assert 'action="/search/"' in client.get("/").content.decode()
