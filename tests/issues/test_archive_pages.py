"""The ways into the archive: the table of issues, years, topics, threads."""

import datetime
import re

import pytest
from django.utils import timezone

from issues.charts import year_chart
from issues.models import TopicYear
from issues.publishing import publish
from issues.search.indexing import index_stories
from issues.writing import save_issue


@pytest.fixture
def issue_of(make_issue):
    """A public issue of a year, or of a date."""

    def make(date, **fields):
        date = datetime.date(date, 3, 1) if isinstance(date, int) else date
        return make_issue(published_at=timezone.now(), date=date, **fields)

    return make


def counts(topic):
    return dict(TopicYear.objects.filter(topic=topic).values_list("year", "story_count"))


# Issues and years


def test_the_table_of_issues_tells_number_date_title_stories_and_minutes(client, issue_of, make_story):
    issue = issue_of(datetime.date(2020, 6, 7), number=40, title="No fine-tuning")
    for number in range(2):
        make_story(f"Part {number}", issue=issue, body="word " * 300)
    page = client.get("/issues/").content.decode()
    row = re.search(r"<tbody>(.*?)</tbody>", page, re.S)[1]
    cells = [" ".join(re.sub(r"<[^>]*>", " ", cell).split()) for cell in re.findall(r"<t[dh].*?</t[dh]>", row, re.S)]
    assert cells == ["40", "7 Jun", "No fine-tuning Part 0 Part 1", "2", "3"]


def test_the_table_goes_on_from_page_to_page_without_a_gap(client, issue_of, monkeypatch):
    monkeypatch.setattr("issues.views.archive.PAGE_SIZE", 2)
    for _ in range(5):
        issue_of(2020)
    address, numbers = "/issues/", []
    while address:
        response = client.get(address)
        numbers += [issue.number for issue in response.context["issues"]]
        address = f"/issues/?before={response.context['older']}" if response.context["older"] else ""
    assert numbers == [5, 4, 3, 2, 1]


def test_a_year_has_a_calendar_and_leads_to_the_years_beside_it(client, issue_of, make_story, make_topic):
    for year in (2019, 2021):
        issue_of(year)
    story = make_story(issue=issue_of(datetime.date(2020, 6, 7)), topics=[make_topic("robots")])
    page = client.get("/years/2020/").content.decode()
    june = page.split("June", 1)[1].split("July", 1)[0]
    assert f'href="{story.issue.get_absolute_url()}"' in june
    assert f'rel="prev" href="{"/years/2019/"}"' in page
    assert f'rel="next" href="{"/years/2021/"}"' in page
    assert 'href="/topics/robots/"' in page


def test_a_year_without_an_issue_between_others_says_so_and_others_are_not_found(client, issue_of, make_issue):
    issue_of(2019)
    issue_of(2021)
    make_issue(date=datetime.date(2022, 1, 1))
    assert "No issue was published in 2020" in client.get("/years/2020/").content.decode()
    for year in ("2018", "2022", "0", "99999999"):
        assert client.get(f"/years/{year}/").status_code == 404
    assert 'href="/years/2021/"' in client.get("/").content.decode()


# Topics


def test_counts_of_a_topic_follow_what_is_published(make_issue, make_story, make_topic):
    topic, other = make_topic("robots"), make_topic("vision")
    issue = make_issue(date=datetime.date(2020, 1, 1))
    story = make_story(issue=issue, topics=[topic])
    assert counts(topic) == {}
    publish(issue)
    assert counts(topic) == {2020: 1}
    issue.date = datetime.date(2021, 1, 1)
    save_issue(issue)
    assert counts(topic) == {2021: 1}
    story.topics.set([other])
    index_stories([story.pk])
    assert (counts(topic), counts(other)) == ({}, {2021: 1})


def test_a_topic_draws_its_stories_by_year_and_tells_them_as_a_table(client, issue_of, make_story, make_topic):
    topic = make_topic("robots")
    for year in (2019, 2021, 2021):
        make_story(issue=issue_of(year), topics=[topic])
    page = client.get(topic.get_absolute_url()).content.decode()
    assert "2019: 1, 2020: 0, 2021: 2</desc>" in page
    assert '<tr><th scope="row">2020</th><td>0</td></tr>' in page
    assert page.count("<rect") == 2


def test_the_highest_column_has_the_full_height_and_what_is_there_is_seen():
    chart = year_chart({2019: 1, 2021: 1000})
    assert [column.height for column in chart.columns] == [2, 0, 96]
    assert [column.year for column in chart.columns] == [2019, 2020, 2021]
    assert year_chart({2020: 4}) is None
    assert year_chart({}) is None


def test_a_topic_names_those_that_its_stories_share_with_it_most(client, issue_of, make_story, make_topic, make_issue):
    names = ("robots", "vision", "sound", "secret", "motors", "swarms")
    robots, vision, sound, secret, motors, swarms = map(make_topic, names)
    robots.builds_on.add(motors)  # said already, beside it
    swarms.builds_on.add(robots)
    for topics in ([robots, sound, vision, motors, swarms], [robots, vision, motors], [sound]):
        make_story(issue=issue_of(2020), topics=topics)
    make_story(issue=make_issue(), topics=[robots, secret])
    related = client.get(robots.get_absolute_url()).context["topic"].related_rows
    assert [row["name"] for row in related] == ["vision", "sound"]


def test_the_page_of_topics_shows_what_builds_on_what_once_in_full(client, issue_of, make_story, make_topic):
    topics = [make_topic(name) for name in ("vision", "language", "both", "beyond", "alone")]
    vision, language, both, beyond, _ = topics
    both.builds_on.add(vision, language)
    beyond.builds_on.add(both)
    make_story(issue=issue_of(2020), topics=topics)

    def names(trees):
        return {tree["topic"].name: names(tree["branches"]) for tree in trees}

    trees = client.get("/topics/").context["trees"]
    assert names(trees) == {"language": {"both": {"beyond": {}}}, "vision": {"both": {}}}


def test_topics_that_build_on_each_other_in_a_circle_do_not_hang_the_page(client, issue_of, make_story, make_topic):
    root, one, two = (make_topic(name) for name in ("root", "one", "two"))
    one.builds_on.add(root, two)
    two.builds_on.add(one)
    make_story(issue=issue_of(2020), topics=[root, one, two])
    assert client.get("/topics/").status_code == 200


def test_topics_are_filtered_without_a_script(client, issue_of, make_story, make_topic):
    make_story(issue=issue_of(2020), topics=[make_topic("robots", description="Arms & legs."), make_topic("vision")])
    page = client.get("/topics/", {"q": "ARMS &"}).content.decode()
    assert "1 topic with “ARMS &amp;”" in page
    assert 'href="/topics/vision/"' not in page
    assert "No topic is like this" in client.get("/topics/?q=<b>nothing").content.decode()


# Threads


def test_a_thread_goes_both_ways_with_the_sentence_around_each_link(client, issue_of, make_story):
    first = make_story("First", issue=issue_of(2019))
    make_story("Second", issue=issue_of(2020), body="It began with [[first]]. More.")
    make_story("Third", issue=issue_of(2021), body="As [[second]] told.")
    make_story("Beside", issue=issue_of(2021), body="Only [[first]] matters here.")
    page = client.get("/stories/second/thread/")
    assert [knot.text.title for knot in page.context["thread"].knots] == ["First", "Second", "Third"]
    assert "It began with First." in page.content.decode()
    assert "As Second told." in page.content.decode()
    titles = [knot.text.title for knot in client.get(f"{first.get_absolute_url()}thread/").context["thread"].knots]
    assert titles == ["First", "Second", "Third", "Beside"]


def test_a_thread_holds_nothing_that_is_not_public(client, issue_of, make_issue, make_story):
    make_story("Told", issue=issue_of(2020))
    make_story("Secret", issue=make_issue(), body="On [[told]].")
    page = client.get("/stories/told/thread/")
    assert "Secret" not in page.content.decode()
    assert client.get("/stories/secret/thread/").status_code == 404


def test_stories_that_refer_to_each_other_stand_in_a_thread_once(client, issue_of, make_story):
    issues = issue_of(2020), issue_of(2021)
    make_story("One", issue=issues[0])
    make_story("Two", issue=issues[1], body="After [[one]] (DT #1), again DT #1.")
    one = make_story("One more", issue=issues[0], body="Before [[two]].")
    page = client.get(f"{one.get_absolute_url()}thread/")
    assert [knot.text.title for knot in page.context["thread"].knots] == ["One", "One more", "Two"]


def test_a_reference_to_an_issue_stands_for_itself_and_each_sentence_once(client, issue_of, make_story):
    issue_of(2019, title="Old")
    make_story("New", issue=issue_of(2020), body="DT #1 and DT #1 again.")
    knots = client.get("/stories/new/thread/").context["thread"].knots
    assert [(str(knot.text), len(knot.references)) for knot in knots] == [("#1: Old", 0), ("New", 1)]


def test_a_long_thread_says_that_it_goes_on(client, issue_of, make_story, queries_of):
    for number in range(1, 10):
        make_story(f"Story {number}", slug=f"story-{number}", issue=issue_of(2020), body=f"On [[story-{number - 1}]].")
    assert "may go on" in client.get("/stories/story-9/thread/").content.decode()
    assert queries_of("/stories/story-9/thread/") == 7


def test_pages_appear_at_their_time_though_their_queries_were_put_together_before(
    client, make_issue, make_story, time_machine
):
    now = timezone.now()
    story = make_story(issue=make_issue(published_at=now + datetime.timedelta(hours=1)), topics=["robots"])
    pages = [story.get_absolute_url(), story.issue.get_absolute_url(), "/topics/robots/"]
    assert [client.get(page).status_code for page in pages] == [404] * 3
    time_machine.move_to(now + datetime.timedelta(hours=2))
    assert [client.get(page).status_code for page in pages] == [200] * 3
    assert story.title in client.get("/feed.atom").content.decode()
