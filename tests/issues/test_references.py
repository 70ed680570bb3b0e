"""References between stories and issues: links where readers may go, text where not, and never a title too early."""

import datetime

import pytest

from issues.html_tree import parse
from issues.models import Publication, Reference
from issues.rendering import render_for_email, render_for_web
from issues.writing import save_story

pytestmark = pytest.mark.django_db
LONG_AGO = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)


@pytest.fixture
def published(make_issue, make_story):
    """Issue #41 with the story `gpt-3`."""
    issue = make_issue(number=41, title="Forty-one", published_at=LONG_AGO)
    make_story('GPT-3 *and* "others"', slug="gpt-3", issue=issue)
    return issue


def links(html):
    return [(link.attributes["href"], link.text) for link in parse(html).find("a")]


@pytest.mark.usefixtures("published")
def test_an_issue_and_a_story_become_links_under_their_titles_or_other_words():
    html = render_for_web("DT #41, [[gpt-3]], [[gpt-3|an *earlier* story]], [[gpt-3|`code`]].").html
    assert links(html) == [
        ("/issues/41/", "DT #41"),
        ("/stories/gpt-3/", 'GPT-3 *and* "others"'),
        ("/stories/gpt-3/", "an earlier story"),
        ("/stories/gpt-3/", "code"),
    ]
    assert 'class="reference"' in html


@pytest.mark.usefixtures("published")
def test_references_in_a_mail_have_whole_addresses(settings):
    settings.SITE_URL = "https://digest.example.org"
    assert links(render_for_email("DT #41"))[0][0] == "https://digest.example.org/issues/41/"


@pytest.mark.parametrize("words", ["DT #99", "[[no-such]]", "[[no-such|other words]]"])
def test_an_unknown_target_stays_text_and_is_listed_with_its_sentence(make_story, words):
    story = make_story(body=f"First sentence. As {words} said. Last one.")
    assert "<a" not in story.body_html
    assert words in parse(story.body_html).text
    [reference] = Reference.objects.unresolved()
    assert reference.key == ("#99" if "99" in words else "no-such")
    assert reference.context == f"As {words} said."
    assert reference.target is None


@pytest.mark.usefixtures("published")
def test_the_sentence_is_that_of_the_link_and_not_of_a_similar_one():
    found = render_for_web("See DT #411 first. Then DT #41. It's [[gpt-3|the *lab's* \"story\"]]. End.").references
    assert {reference.key: reference.context for reference in found} == {
        "#411": "See DT #411 first.",
        "#41": "Then DT #41.",
        "gpt-3": "It’s the lab’s “story”.",
    }


@pytest.mark.usefixtures("published")
def test_code_formulas_and_alternative_texts_make_no_references(make_image):
    make_image("x.png")
    rendered = render_for_web(
        "`DT #41` `[[gpt-3]]`\n\n```\nDT #41 [[gpt-3]]\n```\n\n    DT #41\n\n$[[gpt-3]]$\n\n![DT #41](figures/x.png)"
    )
    assert "<a" not in rendered.html
    assert rendered.references == []


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize(
    "source",
    [
        "[see DT #41](https://example.org)",
        "[see [[gpt-3]]](https://example.org)",
        "[*a* [[gpt-3|b]] c](https://example.org 'x')",
        "<https://example.org/DT#41>",
        "[DT #41][x]\n\n[x]: https://example.org",
    ],
)
def test_a_link_holds_no_link(source):
    html = render_for_web(source).html
    assert html.count("<a ") == 1
    assert links(html)[0][0].startswith("https://example.org")


@pytest.mark.usefixtures("published")
def test_only_the_digest_s_own_short_name_makes_a_reference():
    assert links(render_for_web("DT#41 DT #041").html) == [("/issues/41/", "DT#41"), ("/issues/41/", "DT #041")]
    for words in ("dt #41", "XDT #41", "DT  #41", "DT #41a", "#41", "DT #٤١", r"DT \#41x", "DT #4100000000"):
        assert "<a" not in render_for_web(words).html, words


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize("name", ["C++ (news)", "a.b", "[x]", "A|B", "$^", "\\d", "Two Words"])
def test_a_short_name_may_hold_any_character(name):
    Publication.objects.current()
    Publication.objects.filter(pk=1).update(short_name=name)
    rendered = render_for_web(f"See aXb #41 and DT #41 and {name} #41.")
    assert all(text == f"{name} #41" for _, text in links(rendered.html))


def test_a_slug_of_any_length_can_be_stored(make_story):
    story = make_story(body=f"[[{'a' * 120}]] [[{'b' * 121}]] [[{'c' * 500}]] [[ünï]] [[a b]]")
    assert [reference.key for reference in story.references.all()] == ["a" * 120]


def test_a_draft_s_title_does_not_reach_readers_before_its_issue_is_public(make_issue, make_story):
    make_story("A secret title", slug="secret", issue=make_issue(number=50, title="Secret issue"))
    make_story("A queued secret", slug="queued")
    make_story(
        "A coming secret",
        slug="coming",
        issue=make_issue(number=51, published_at=datetime.datetime(2999, 1, 1, tzinfo=datetime.UTC)),
    )
    public = make_story(body="[[secret]] [[queued]] [[coming]] DT #50 DT #51", issue=make_issue(published_at=LONG_AGO))
    assert "ecret title" not in public.body_html
    assert "secret</" not in public.body_html
    assert "<a" not in public.body_html
    assert "ecret issue" not in public.body_html


def test_stories_of_one_issue_link_to_each_other_before_it_is_public(make_issue, make_story):
    issue = make_issue(number=50)
    make_story("The other", slug="other", issue=issue)
    assert links(make_story(body="[[other]] and DT #50", issue=issue).body_html) == [
        ("/stories/other/", "The other"),
        ("/issues/50/", "DT #50"),
    ]


def test_what_is_no_longer_named_is_no_longer_stored_and_the_rest_keeps_its_row(make_story, published):
    story = make_story(body="DT #41 and [[gpt-3]] and [[none]]")
    kept = story.references.get(key="#41").pk
    story.body = "DT #41, changed, and [[new]]"
    save_story(story)
    assert set(story.references.values_list("key", flat=True)) == {"#41", "new"}
    assert story.references.get(key="#41").pk == kept
    assert story.references.get(key="#41").target == published
    assert story.references.get(key="#41").context == "DT #41, changed, and [[new]]"


def test_the_first_sentence_counts_when_a_target_is_named_twice(make_story, published):
    story = make_story(body="First DT #41. Second DT #41. [[gpt-3]] and [[gpt-3|again]].")
    assert story.references.get(key="#41").context == "First DT #41."
    assert story.references.count() == 2


def test_a_story_that_refers_to_itself_is_no_loop(make_issue, make_story):
    story = make_story("Itself", slug="itself", body="[[itself]]", issue=make_issue(published_at=LONG_AGO))
    save_story(story)
    assert links(story.body_html) == [("/stories/itself/", "Itself")]


def test_a_sentence_that_names_a_story_and_its_issue_is_shown_once(client, published, make_issue, make_story):
    later = make_issue(number=52, published_at=LONG_AGO)
    source = make_story("Later", body="As [[gpt-3]] (DT #41) did.", issue=later)

    def told(page, heading):
        return client.get(page).content.decode().partition(heading)[2].partition("</section>")[0]

    assert told("/stories/gpt-3/", "Referred to by").count(source.get_absolute_url()) == 1
    assert "/stories/gpt-3/" in told(source.get_absolute_url(), "Refers to")
    assert "/issues/41/" not in told(source.get_absolute_url(), "Refers to")
