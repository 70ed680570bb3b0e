"""An email from which only some stories are cut, in the words that readers see."""

import re

import pytest

from issues import variants
from issues.emailing import render_issue_email
from issues.variants import select, whole


@pytest.fixture
def issue(publication, make_issue, make_story, make_section, make_topic):
    """Two sections: Research with Robots (robots), Sight (vision) and Speech; Tools with Library (robots)."""
    research, tools = make_section("Research", position=1), make_section("Tools", position=2)
    robots, vision = make_topic("robots"), make_topic("computer vision", slug="computer-vision")
    issue = make_issue(title="", intro="The intro.", outro="The outro.")
    make_story("Robots", issue=issue, section=research, topics=[robots], position=1)
    make_story("Sight", issue=issue, section=research, topics=[vision], position=2)
    make_story("Speech", issue=issue, section=research, position=3)
    make_story("Library", issue=issue, section=tools, topics=[robots], position=4)
    return issue


def words(html):
    return " ".join(re.sub(r"<style.*?</style>|<!--.*?-->|<[^>]+>", " ", html, flags=re.DOTALL).split())


def cut(email, choice):
    selection = select(email.stories, choice)
    return (
        selection,
        words(variants.cut(email.html, selection, is_html=True)),
        variants.cut(email.text, selection, is_html=False),
    )


@pytest.mark.parametrize(
    ("choice", "titles"),
    [
        ("topic/robots", ["Robots", "Library"]),
        ("section/research", ["Robots", "Sight", "Speech"]),
        ("section/tools", ["Library"]),
        ("topic/computer-vision section/tools", ["Sight", "Library"]),
        ("topic/robots topic/gone", ["Robots", "Library"]),
    ],
)
def test_only_the_chosen_stories_are_in_both_parts(issue, choice, titles):
    email = render_issue_email(issue)
    _, html, text = cut(email, choice)
    for title in ("Robots", "Sight", "Speech", "Library"):
        address = f"/stories/{title.lower()}/"
        assert (title in html) == (title in titles), title
        assert (address in text) == (title in titles), title
    for shared in ("The intro.", "The outro.", "Unsubscribe"):
        assert shared in html
        assert shared in text
    assert "\ue000end" not in html + text
    assert "\ue000if" not in html + text


def test_a_section_is_named_once_above_whichever_of_its_stories_comes_first(issue):
    email = render_issue_email(issue)
    for choice, names in [
        ("topic/computer-vision", ["Research"]),
        ("section/research", ["Research"]),
        ("section/tools", ["Tools"]),
        ("topic/robots", ["Research", "Tools"]),
    ]:
        selection = select(email.stories, choice)
        html = variants.cut(email.html, selection, is_html=True)
        assert re.findall(r'<p class="section"[^>]*>([^<]+)<', html) == names


def test_the_mail_says_what_was_chosen_and_where_the_rest_is(issue):
    email = render_issue_email(issue)
    _, html, text = cut(email, "topic/robots topic/computer-vision")
    line = "You get the stories on robots and computer vision that you chose."
    assert line in html
    assert line in text
    assert "The whole issue is here" in html
    assert f"/issues/{issue.number}/" in text
    for content in (email.html, email.text):
        assert "that you chose" not in whole(content)


def test_subject_and_preheader_tell_of_the_stories_that_are_there(issue):
    email = render_issue_email(issue)
    selection, html, _ = cut(email, "section/tools")
    assert email.subject == "DT #1: Robots"
    assert selection.subject == "DT #1: Library"
    assert html.startswith("DT #1: Library Library ")  # the title of the page, then the preheader
    issue.subject, issue.preheader = "Its own", "Robots, sight and speech"
    email = render_issue_email(issue)
    selection, html, _ = cut(email, "topic/robots")
    assert selection.subject == "Its own"
    assert html.startswith("Its own Robots · Library")


def test_the_list_at_the_top_holds_what_follows_and_goes_where_it_is_short(issue, make_story):
    email = render_issue_email(issue)
    _, html, text = cut(email, "section/research")
    assert "In this issue" not in html
    assert "In this issue" not in text
    make_story("Fourth", issue=issue, section=issue.stories.first().section, position=5)
    email = render_issue_email(issue)
    _, html, text = cut(email, "section/research")
    listed = text[text.index("In this issue") : text.index("---")]
    assert [line for line in listed.splitlines() if line] == [
        "In this issue",
        "Research",
        *["- Robots", "- Sight", "- Speech", "- Fourth"],
    ]
    assert "Library" not in html


def test_titles_that_look_like_markup_stay_words_in_the_preheader(publication, make_issue, make_story, make_section):
    issue = make_issue()
    make_story("<b>&amp;", slug="b", issue=issue, position=1)
    make_story("Other", issue=issue, section=make_section("O<i>ther", slug="other", position=9), position=2)
    email = render_issue_email(issue)
    selection = select(email.stories, "section/machine-learning-research")
    assert "&lt;b&gt;&amp;amp;" in variants.cut(email.html, selection, is_html=True).split("</div>")[0]
    selection = select(email.stories, "section/other")
    assert "the stories on O&lt;i&gt;ther that" in variants.cut(email.html, selection, is_html=True)
    assert "the stories on O<i>ther that" in variants.cut(email.text, selection, is_html=False)


def test_a_topic_is_found_under_the_names_it_had(issue):
    topic = issue.stories.get(title="Sight").topics.get()
    topic.aliases.create(name="sight", slug="sight")
    stories = render_issue_email(issue).stories
    assert select(stories, "topic/sight").numbers == (2,)
    assert select(stories, "topic/sight topic/computer-vision").names == ("computer vision",)


def test_who_chose_nothing_or_all_that_there_is_gets_the_whole_issue(issue):
    stories = render_issue_email(issue).stories
    for choice in ("", "section/research section/tools"):
        selection = select(stories, choice)
        assert selection.numbers == (1, 2, 3, 4)
        assert selection.names == ()
    assert select(stories, "topic/nothing") is None
    assert select([], "topic/robots") is not None, "a mailing from before stories were marked"
