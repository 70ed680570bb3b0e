import datetime
import re

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.views.defaults import bad_request, server_error

from issues.lists import STORIES_ON_PAGE
from issues.models import Correction, Publication, TopicAlias
from papers.models import Resource


@pytest.fixture
def public_issue(make_issue):
    def make(**fields):
        return make_issue(published_at=timezone.now(), **fields)

    return make


@pytest.fixture
def fill(public_issue, make_story, make_paper, make_topic):
    """Make so many published stories, three to an issue, each with all that a page shows of it."""

    def make(count):
        topics = [make_topic("language models"), make_topic("few-shot learning")]
        topics[1].builds_on.add(topics[0])
        resource = Resource.objects.create(url="https://example.org/code", title="The code", kind="code")
        stories = []
        for number in range(count):
            issue = stories[-1].issue if number % 3 else public_issue()
            papers = [make_paper(f"Paper {number}", authors=("Brown", "Mann")), make_paper(f"Other {number}")]
            body = f"As [[story-{number}]] and DT #{max(issue.number - 1, 1)} told."
            story = make_story(issue=issue, papers=papers, resources=[resource], body=body, topics=topics)
            Correction.objects.create(story=story, text="A number was wrong.")
            stories.append(story)
        return stories

    return make


def queries(client, address):
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return len(captured)


@pytest.mark.parametrize("count", [1, 10])
def test_a_page_makes_as_many_queries_for_ten_stories_as_for_one(client, fill, count):
    stories = fill(count)
    story = stories[count // 2]
    made = {
        address: queries(client, address)
        for address in (
            "/",
            "/issues/",
            story.issue.get_absolute_url(),
            story.get_absolute_url(),
            f"/years/{story.issue.date.year}/",
            "/topics/",
            "/topics/language-models/",
            story.section.get_absolute_url(),
            "/papers/",
            "/papers/?topic=language-models&author=brown&year=2020&q=brown&order=stories",
            story.papers.first().get_absolute_url(),
            "/authors/brown/",
            "/resources/",
            "/resources/?topic=language-models&kind=code&q=code",
            "/theme.css",
        )
    }
    assert list(made.values()) == [7, 3, 7, 6, 4, 2, 4, 3, 6, 4, 6, 4, 4, 3, 1]  # what is kept counts once


def test_the_home_page_shows_the_latest_issue_with_its_stories_and_the_ways_in(client, fill):
    stories = fill(4)
    page = client.get("/").content.decode()
    assert "Story 4" in page
    assert "Story 3" not in page
    assert stories[0].issue.get_absolute_url() in page
    assert 'href="/topics/language-models/"' in page
    assert 'href="/papers/' in page
    assert 'action="/subscribe/"' in page


def test_an_empty_archive_has_all_its_pages_and_no_ways_to_nothing(client, db):
    for address in ("/", "/issues/", "/topics/", "/papers/", "/resources/"):
        answer = client.get(address)
        assert answer.status_code == 200
        assert "Browse" not in answer.content.decode()


def test_an_issue_shows_its_stories_by_section_then_position(client, public_issue, make_story, make_section):
    issue = public_issue(intro="Good *morning*.", outro="Until next time.")
    tools = make_section("Cool Things", position=2)
    research = make_section("Machine Learning Research", position=1)
    make_story("Last", issue=issue, section=tools)
    make_story("First", issue=issue, section=research)
    page = client.get(issue.get_absolute_url()).content.decode()
    assert page.index("<em>morning</em>") < page.index(">First<") < page.index(">Last<")
    assert page.rindex(">Last<") < page.index("Until next time.")


def test_issues_and_stories_lead_to_their_neighbours_among_the_published(client, public_issue, make_issue, make_story):
    first, _, third = public_issue(), make_issue(), public_issue()
    before, here, after = make_story(issue=first), make_story(issue=third), make_story(issue=third)
    page = client.get(third.get_absolute_url()).content.decode()
    assert f'rel="prev" href="{first.get_absolute_url()}"' in page
    assert 'rel="next"' not in page
    page = client.get(here.get_absolute_url()).content.decode()
    assert f'rel="prev" href="{before.get_absolute_url()}"' in page
    assert f'rel="next" href="{after.get_absolute_url()}"' in page


def test_a_story_shows_papers_resources_topics_and_corrections(client, fill):
    story = fill(1)[0]
    page = client.get(story.get_absolute_url()).content.decode()
    paper = story.papers.first()
    assert f'href="{paper.get_absolute_url()}">{paper.title}<' in page
    assert f'href="https://arxiv.org/abs/{paper.arxiv_id}"' in page
    assert 'href="https://example.org/code">The code<' in page
    assert 'href="/topics/few-shot-learning/"' in page
    assert f'id="correction-{story.corrections.get().pk}"' in page


def test_papers_and_their_authors_stand_in_the_order_of_each_story(client, public_issue, make_story, make_paper):
    issue, one, two = public_issue(), make_paper("One", authors=("Zeta", "Alpha")), make_paper("Two")
    for papers in ([two, one], [one, two]):
        story = make_story(issue=issue, papers=papers)
        page = client.get(story.get_absolute_url()).content.decode()
        titles = re.findall(r'paper-line-title" href="[^"]*">(\w+)<', page)
        assert titles == [paper.title for paper in papers]
        assert page.index("Zeta") < page.index("Alpha")


def test_a_story_shows_what_it_refers_to_and_what_refers_to_it(client, public_issue, make_story):
    old, new = public_issue(), public_issue()
    told = make_story("Told before", issue=old)
    story = make_story("Told again", issue=new, body="Bigger than [[told-before]] was. More.")
    page = client.get(story.get_absolute_url()).content.decode()
    assert 'id="refers-to"' in page
    assert f'<a href="{told.get_absolute_url()}">Told before</a><q' in page
    page = client.get(told.get_absolute_url()).content.decode()
    assert 'id="referred-to-by"' in page
    assert "Bigger than Told before was.</q>" in page


def test_a_reference_from_a_draft_is_not_shown(client, public_issue, make_issue, make_story):
    told = make_story("Told before", issue=public_issue())
    make_story("A secret", issue=make_issue(), body="Bigger than [[told-before]] was.")
    assert "A secret" not in client.get(told.get_absolute_url()).content.decode()


@pytest.mark.parametrize("published_at", [None, timezone.now() + datetime.timedelta(days=1)])
def test_what_is_not_public_is_not_found_by_anybody(
    client, make_issue, make_story, make_topic, make_paper, published_at
):
    paper, topic = make_paper(), make_topic()
    issue = make_issue(published_at=published_at)
    story = make_story("A secret", issue=issue, papers=[paper], topics=[topic.name])
    waiting = make_story("Another secret")
    client.force_login(get_user_model().objects.create_superuser("editor"))
    for hidden in (issue, story, waiting, paper, topic, story.section):
        assert client.get(hidden.get_absolute_url()).status_code == 404
    for listing in ("/", "/issues/", "/topics/", "/papers/"):
        page = client.get(listing).content.decode()
        assert "A secret" not in page
        assert paper.title not in page
        assert topic.name not in page


def test_a_topic_tells_what_it_builds_on_and_what_builds_on_it(client, fill):
    fill(1)
    assert "What builds on it" in client.get("/topics/language-models/").content.decode()
    page = client.get("/topics/few-shot-learning/").content.decode()
    assert "Builds on" in page
    assert 'href="/topics/language-models/"' in page


def test_another_name_of_a_topic_leads_to_it_for_good(client, fill, make_topic):
    fill(1)
    TopicAlias.objects.create(topic=make_topic("language models"), name="LLMs", slug="llms")
    response = client.get("/topics/llms/")
    assert (response.status_code, response["Location"]) == (301, "/topics/language-models/")


def test_a_long_topic_goes_on_from_page_to_page_without_a_gap(client, public_issue, make_story, make_topic):
    topic = make_topic()
    for issue in (public_issue(), public_issue()):
        for _ in range(STORIES_ON_PAGE * 2 // 3):
            make_story(issue=issue, topics=[topic.name])
    first = client.get(topic.get_absolute_url())
    second = client.get(topic.get_absolute_url(), {"before": first.context["older"]})
    titles = [story.title for page in (first, second) for story in page.context["stories"]]
    assert len(first.context["stories"]) == STORIES_ON_PAGE
    assert len(titles) == len(set(titles)) == STORIES_ON_PAGE * 2 // 3 * 2
    assert second.context["older"] == ""


@pytest.mark.parametrize(
    "address", ["/topics/language-models/?before=yesterday", "/issues/?before=x", "/papers/?page=x", "/issues/0/"]
)
def test_a_place_that_a_list_does_not_have_is_not_found(client, fill, address):
    fill(1)
    assert client.get(address).status_code == 404


def test_public_pages_set_no_cookie_and_load_nothing_from_elsewhere(client, fill):
    story = fill(2)[0]
    for address in ("/", story.get_absolute_url(), story.issue.get_absolute_url(), "/topics/", "/papers/"):
        response = client.get(address)
        assert not response.cookies
        assert "Cookie" not in response.get("Vary", "")
        page = response.content.decode()
        for attribute in ('src="http', 'stylesheet" href="http', "style=", "<style"):
            assert attribute not in page


def test_a_story_page_tells_search_engines_and_zotero_what_it_is(client, public_issue, make_story, settings):
    settings.SITE_URL = "https://digest.example.org"
    story = make_story('On "quotes" & <tags>', issue=public_issue(), slug="quotes", topics=["language models"])
    page = client.get(story.get_absolute_url()).content.decode()
    assert '<link rel="canonical" href="https://digest.example.org/stories/quotes/">' in page
    assert '<meta property="og:title" content="On &quot;quotes&quot; &amp; &lt;tags&gt;">' in page
    assert f'content="{story.issue.published_at:%Y-%m-%dT%H:%M}' in page
    assert '<meta property="article:tag" content="language models">' in page
    assert '<meta name="DC.type" content="blogPost">' in page
    assert "citation_" not in page


def test_the_theme_holds_the_publication_s_colours_and_is_kept_until_they_change(client, publication):
    first = client.get("/theme.css")
    assert first["Content-Type"].startswith("text/css")
    assert publication.accent_light in first.content.decode()
    assert "max-age" in first["Cache-Control"]
    assert client.get("/theme.css", headers={"if-none-match": first["ETag"]}).status_code == 304
    Publication.objects.update(accent_light="#123456")
    changed = client.get("/theme.css", headers={"if-none-match": first["ETag"]})
    assert "#123456" in changed.content.decode()


def test_a_missing_page_is_told_in_the_site_s_own_look(client, publication):
    response = client.get("/nothing/here/")
    assert response.status_code == 404
    assert "There is no such page" in response.content.decode()
    assert publication.name in response.content.decode()


def test_a_bad_request_is_told_without_what_was_wrong_with_it(rf, publication):
    page = bad_request(rf.get("/"), ValueError("secret")).content.decode()
    assert "be read" in page
    assert "secret" not in page


def test_a_broken_page_is_told_in_the_same_look_without_the_database(rf, django_db_blocker):
    with django_db_blocker.block():
        assert "The fault is ours" in server_error(rf.get("/")).content.decode()
