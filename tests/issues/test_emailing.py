import datetime
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
import time_machine
from django.conf import settings as django_settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from issues.emailing import MERGE_FIELDS, PREFERENCES_URL, UNSUBSCRIBE_URL, render_issue_email
from issues.errors import BadMarkdown
from issues.models import Issue, Story
from issues.variants import END, shown_unless, whole
from papers.models import Resource

EVERYTHING = """\
The model has $p(x)$, **bold** words, `code` and a note.[^1] See [the paper](https://example.org/paper) and DT #1.

![A grid of squares](figures/grid.png "Three training pairs.")

> Intelligence is skill.
>
> — François Chollet, [Measure](https://example.org/measure)

| Model | Size |
|:------|-----:|
| GPT-2 | 1.5B |

```python
def attention(query): return query  # comment
```

/// comparison | Which haiku?

//// prompt
Write one.
////

//// answer | GPT-2
Down the hill.
////

//// answer | GPT-3
Steps on the hillside.
////
///

[^1]: The note.
"""


def as_read(issue):
    """The email of those who get the whole issue."""
    email = render_issue_email(issue)
    return replace(email, html=whole(email.html), text=whole(email.text))


class Tags(HTMLParser):
    """Every start tag with its attributes, as a mail program would meet them."""

    def __init__(self, html):
        super().__init__()
        self.found = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def named(self, *names):
        return [attributes for tag, attributes in self.found if tag in names]


@pytest.fixture
def make_full_issue(publication, make_issue, make_story, make_paper, make_image):
    def make(body=EVERYTHING, **fields):
        make_image("grid.png")
        resource = Resource.objects.get_or_create(url="https://example.org/code", title="The code", kind="code")[0]
        issue = make_issue(
            title="A full issue", date=datetime.date(2021, 1, 17), intro="Welcome.", outro="Goodbye.", **fields
        )
        paper = make_paper(authors=["Brown", "Mann", "Ryder", "Subbiah", "Kaplan"], container_title="NeurIPS")
        make_story("The first story", issue=issue, body=body, papers=[paper], resources=[resource])
        return issue

    return make


@pytest.fixture
def email(make_full_issue):
    return as_read(make_full_issue())


def test_every_part_of_an_issue_stands_in_both_forms(email, publication):
    publication.refresh_from_db()
    for part in (
        publication.name,
        "#1",
        "17 January 2021",
        "Read on the web",
        "A full issue",
        "Welcome.",
        "Machine Learning Research",
        "The first story",
        "p(x)",
        "Three training pairs",
        "A grid of squares",
        "François Chollet",
        "GPT-2",
        "Down the hill.",
        "Which haiku?",
        "def attention(query): return query",
        "The note.",
        "Language Models are Few-Shot Learners",
        "Brown, Mann, Ryder and 2 others, NeurIPS, 2020",
        "The code",
        "Goodbye.",
        "confirmed a subscription",
        "Reply to it",
        "Unsubscribe",
        publication.postal_address,
    ):
        words = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", email.html)) + " ".join(
            attributes.get("alt") or "" for attributes in Tags(email.html).named("img")
        )
        assert part in words, part
        assert part.removeprefix("#") in re.sub(r"\s+", " ", email.text), part


def test_the_marks_for_each_readers_links_stand_in_both_parts(email):
    assert MERGE_FIELDS == (UNSUBSCRIBE_URL, PREFERENCES_URL)
    for field in MERGE_FIELDS:
        assert f'href="{field}"' in email.html
        assert f": {field}\n" in email.text
        assert field not in email.subject


def test_every_address_is_whole(email, make_full_issue):
    tags = Tags(email.html)
    addresses = [attributes["href"] for attributes in tags.named("a") if attributes["href"] not in MERGE_FIELDS]
    addresses += [attributes["src"] for attributes in tags.named("img")]
    assert f"{django_settings.SITE_URL}/stories/the-first-story/" in addresses
    assert all(re.match(r"https?://[^/]+/|mailto:", address) for address in addresses), addresses
    assert all(address in email.text for address in addresses if "/media/" not in address)


def test_a_title_leads_to_the_storys_permanent_page(email, settings):
    assert f'href="{django_settings.SITE_URL}/stories/the-first-story/"' in email.html
    assert f"{django_settings.SITE_URL}/stories/the-first-story/" in email.text


def test_links_follow_the_address_that_the_settings_name(make_full_issue, settings):
    settings.SITE_URL = "https://digest.example.org"
    email = as_read(make_full_issue())
    assert "localhost" not in email.html + email.text


def test_nothing_in_it_can_act_or_load_but_pictures(email):
    tags = {tag for tag, _ in Tags(email.html).found}
    assert not tags & {"script", "form", "input", "iframe", "object", "embed", "link", "svg", "video", "base"}
    assert "http-equiv" not in email.html
    assert "url(" not in email.html
    assert "@import" not in email.html
    assert not re.search(r"\son\w+=", email.html)


def test_every_picture_has_a_width_and_words_in_its_place(email):
    pictures = Tags(email.html).named("img")
    assert [(picture["alt"], picture["width"]) for picture in pictures] == [("A grid of squares", "600")]
    assert all("srcset" not in picture and "height" not in picture for picture in pictures)


def test_the_same_issue_gives_the_same_email_at_any_time(make_full_issue):
    issue = make_full_issue()
    with time_machine.travel(datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)):
        first = as_read(issue)
    with time_machine.travel(datetime.datetime(2027, 7, 1, tzinfo=datetime.UTC)):
        assert as_read(Issue.objects.get(pk=issue.pk)) == first


def test_hostile_titles_stay_words(publication, make_issue, make_story):
    title = """<script>alert(1)</script> & "quotes" 'too'"""
    issue = make_issue(title=title, summary=title)
    make_story(title, slug="hostile", issue=issue)
    email = as_read(issue)
    assert Tags(email.html).named("script") == []
    assert email.html.count("&lt;script&gt;alert(1)") >= 3
    assert title in email.text
    assert title in email.subject


@pytest.mark.parametrize("mark", [PREFERENCES_URL, END, shown_unless([1]), "\ue000preferences_token\ue001"])
@pytest.mark.parametrize("place", ["title", "body", "section", "paper", "author", "resource", "topic", "issue"])
def test_nothing_that_somebody_types_passes_for_a_readers_own_link_or_hides_one(
    publication, make_issue, make_story, make_section, make_paper, make_topic, place, mark
):
    """Such as what hides all that follows, with the link to unsubscribe, from everybody."""
    words = {
        each: mark if each == place else each for each in ["title", "section", "paper", "author", "topic", "issue"]
    }
    paper = make_paper(words["paper"], authors=[words["author"]])
    label = mark if place == "resource" else "label"
    resource = Resource.objects.create(title=label, url="https://example.org/", kind="code")
    issue = make_issue(title=words["issue"])
    story = make_story(
        words["title"],
        slug="story",
        issue=issue,
        position=1,
        section=make_section(words["section"], slug="section"),
        topics=[make_topic(words["topic"], slug="topic")],
        papers=[paper],
        resources=[resource],
    )
    if place == "body":
        Story.objects.filter(pk=story.pk).update(body=f"[a link](https://evil.example/?t={mark})")
    with pytest.raises(BadMarkdown, match="character"):
        render_issue_email(issue)


@pytest.mark.parametrize("field", ["subject", "title"])
def test_a_subject_never_has_a_second_line(publication, make_issue, field):
    issue = make_issue()
    setattr(issue, field, "A\r\nBcc: someone@example.org\x00\u2028 b\x0bc")
    email = as_read(issue)
    assert email.subject.endswith("A Bcc: someone@example.org b c")
    assert email.subject.isprintable()


@pytest.mark.parametrize(
    ("fields", "subject"),
    [
        ({"subject": "Look at this", "title": "A title"}, "Look at this"),
        ({"subject": " ", "title": "A title"}, "DT #55: A title"),
        ({"subject": "", "title": ""}, "DT #55: The first story"),
    ],
)
def test_without_a_subject_number_and_title_make_one(publication, make_issue, make_story, fields, subject):
    issue = make_issue(number=55, **fields)
    make_story("The first story", issue=issue)
    assert as_read(issue).subject == subject


def test_an_issue_without_a_title_or_stories_is_named_by_its_number(publication, make_issue):
    email = as_read(make_issue(number=55, title=""))
    assert email.subject == "DT #55"
    assert "Issue 55\n========" in email.text


def test_a_long_subject_is_cut_to_what_a_mailing_can_store(publication, make_issue):
    subject = as_read(make_issue(title="long " * 40)).subject
    assert len(subject) <= 200
    assert subject.endswith("…")


def test_stories_stand_by_section_and_name_it_once(publication, make_issue, make_section, make_story):
    issue = make_issue()
    later, sooner = make_section("Later", position=2), make_section("Sooner", position=1)
    make_story("Third", issue=issue, section=later)
    make_story("First", issue=issue, section=sooner)
    make_story("Second", issue=issue, section=sooner)
    text = as_read(issue).text
    places = [text.index(word) for word in ("Sooner", "First", "Second", "Later", "Third")]
    assert places == sorted(places)
    assert text.count("Sooner") == 1


@pytest.mark.parametrize(("stories", "has_contents"), [(3, False), (4, True)])
def test_contents_are_listed_when_there_are_more_than_three_stories(
    publication, make_issue, make_story, stories, has_contents
):
    issue = make_issue()
    for _ in range(stories):
        make_story(issue=issue)
    email = as_read(issue)
    assert ("In this issue" in email.html) == has_contents
    assert ("In this issue" in email.text) == has_contents


def test_links_under_a_story_are_ordered_by_kind(publication, make_issue, make_story):
    kinds = [("A video", "video"), ("A demo", "demo"), ("Some code", "code")]
    links = [Resource.objects.create(url=f"https://example.org/{k}", title=title, kind=k) for title, k in kinds]
    issue = make_issue()
    make_story(issue=issue, resources=links)
    text = as_read(issue).text
    assert re.findall(r"- (\w+): ([\w ]+) \[", text) == [
        ("Code", "Some code"),
        ("Demo", "A demo"),
        ("Video", "A video"),
    ]


@pytest.mark.parametrize(
    ("authors", "names"),
    [
        (["Brown"], "Brown, 2020"),
        (["Brown", "Mann"], "Brown and Mann, 2020"),
        (["Brown", "Mann", "Ryder", "Kaplan"], "Brown, Mann, Ryder and Kaplan, 2020"),
        ([f"Author{number}" for number in range(31)], "Author0, Author1, Author2 and 28 others, 2020"),
    ],
)
def test_long_lists_of_authors_are_shortened(publication, make_issue, make_story, make_paper, authors, names):
    issue = make_issue()
    make_story(issue=issue, papers=[make_paper(authors=authors)])
    assert names in as_read(issue).text


def test_the_inbox_shows_the_preheader_and_nothing_after_it(publication, make_issue):
    email = as_read(make_issue(preheader="Puzzles & grids", summary="Not this"))
    shown = re.sub(r"<[^>]+>", "", email.html[email.html.index("<body") :]).lstrip()
    assert re.match("Puzzles &amp; grids(\u2007\u034f){100}\\s", shown)
    assert "Not this" in as_read(make_issue(preheader="", summary="Not this")).html


def test_it_says_its_language_and_title(publication, make_issue):
    publication.language = "nl"
    publication.save()
    html = as_read(make_issue(title="Iets")).html
    assert '<html lang="nl"' in html
    assert "<title>DT #1: Iets</title>" in html


def test_the_look_survives_a_mail_program_that_drops_style_sheets(email):
    without = re.sub(r"<style.*?</style>", "", email.html, flags=re.DOTALL)
    assert all("style" in attributes for attributes in Tags(without).named("p", "h1", "h2", "blockquote", "pre"))
    assert all(attributes.get("role") == "presentation" for attributes in Tags(without).named("table")[:2])


def test_dark_and_narrow_rules_stay_and_win_over_inlined_styles(email):
    styles = " ".join(re.findall(r"<style>(.*?)</style>", email.html, flags=re.DOTALL))
    for condition in (r"prefers-color-scheme:\s*dark", r"max-width:\s*480px"):
        rules = re.search(rf"@media \({condition}\)\s*{{((?:[^{{}}]*{{[^}}]*}})*)", styles).group(1)
        declarations = [declaration for block in re.findall(r"{([^}]*)}", rules) for declaration in block.split(";")]
        assert len(declarations) > 5
        assert all("!important" in declaration for declaration in declarations if declaration.strip())
    assert 'name="color-scheme" content="light dark"' in email.html


def test_the_publications_colours_are_used(publication, make_full_issue):
    publication.accent_light, publication.accent_dark = "#123456", "#abcdef"
    publication.save()
    html = as_read(make_full_issue()).html
    assert "color:#123456" in html
    assert "#abcdef !important" in html


def test_outlook_gets_its_table_of_a_fixed_width(email):
    opening = email.html.index('<!--[if mso]><table role="presentation" width="640"')
    closing = email.html.index("<!--[if mso]></td></tr></table><![endif]-->")
    assert opening < email.html.index("A full issue", opening) < closing
    assert "<o:PixelsPerInch>96</o:PixelsPerInch>" in email.html


def test_no_letter_is_smaller_than_twelve_pixels(email):
    shown = email.html.replace("font-size:1px;line-height:1px", "")  # the preheader's, which is hidden
    assert min(float(size) for size in re.findall(r"font(?:-size)?:\s*(\d+)px", shown)) >= 12


def luminance(colour):
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * channel for weight, channel in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    """Of WCAG 2.2."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_colour_is_legible_on_every_background(email, scheme):
    html = re.sub(r'<div class="preheader".*?</div>', "", email.html, flags=re.DOTALL)
    html = re.sub(r"\.preheader {[^}]*}", "", html)
    before, dark = html.split("@media (prefers-color-scheme: dark)")
    dark, after = dark.split("</style>", 1)
    shown = dark if scheme == "dark" else before + after
    texts = set(re.findall(r"(?<![-\w])color:\s*(#[0-9a-f]{6})", shown))
    backgrounds = set(re.findall(r"background-color:\s*(#[0-9a-f]{6})", shown))
    assert len(texts) > 5
    assert len(backgrounds) == 2
    for text in texts:
        for background in backgrounds:
            assert contrast(text, background) >= 4.5, (text, background)


def test_the_template_weighs_little_and_a_long_issue_is_not_clipped(
    publication, make_full_issue, make_story, make_issue
):
    assert len(as_read(make_issue()).html.encode()) <= 12_000
    issue = make_full_issue(
        EVERYTHING + "\n\n" + "A paragraph of a dozen words, as long as many of them are.\n\n" * 300
    )
    for _ in range(8):
        make_story(issue=issue, body="A sentence with [a link](https://example.org/). " * 40)
    assert len(as_read(issue).html.encode()) <= 102_000


def test_the_text_is_wrapped_but_for_addresses_and_code(email):
    long = [line for line in email.text.split("\n") if len(line) > 72]
    assert all("://" in line or line.startswith("    ") for line in long), long
    assert max(len(line.encode()) for line in email.text.split("\n")) <= 998


def test_papers_and_links_cost_no_queries_of_their_own(publication, make_issue, make_story, make_paper):
    def queries(issue):
        with CaptureQueriesContext(connection) as captured:
            as_read(issue)
        return len(captured)

    few, many = make_issue(), make_issue()
    for number in range(2):
        links = [Resource.objects.create(url=f"https://example.org/{number}-{n}", title="Link") for n in range(6)]
        make_story(issue=few, papers=[make_paper()], resources=links[:1])
        make_story(issue=many, papers=[make_paper(authors=["A", "B", "C"]) for _ in range(5)], resources=links[1:])
    assert queries(many) == queries(few)


def test_an_email_of_many_stories_takes_as_many_queries_as_one_of_two(publication, make_issue, make_story, make_image):
    def queries(issue):
        with CaptureQueriesContext(connection) as captured:
            as_read(issue)
        return len(captured)

    make_image("grid.png")
    few, many = make_issue(number=1, intro="DT #2"), make_issue(number=2, intro="DT #1")
    for issue, count in ((few, 2), (many, 12)):
        for number in range(count):
            make_story(f"{issue.number}-{number}", issue=issue, body=f"DT #{number + 1}\n\n![A grid](figures/grid.png)")
    assert queries(many) == queries(few)
