"""Each promise of docs/digest-format.md about the Markdown, in its web and its email form."""

import datetime
import re

import pytest
from django.core.files.storage import default_storage

from issues import rendering
from issues.errors import BadMarkdown
from issues.html_tree import parse
from issues.rendering import render_for_email, render_for_web

pytestmark = pytest.mark.django_db
LONG_AGO = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
COMPARISON = """\
/// comparison | What makes a person *beautiful*?

//// prompt

Say it in **one** word.

////

//// answer | GPT-3 175B

First.

- a list

////

//// answer | Values-targeted GPT-3

Second.

////

///

After it.
"""


def web(source, **options):
    return render_for_web(source, **options).html


def tree(html):
    return parse(html)


def only(html, *tags):
    """The one element of these tags."""
    found = list(tree(html).find(*tags))
    assert len(found) == 1, html
    return found[0]


def of_class(html, name):
    def walk(element):
        for child in element.elements:
            if name in child.classes:
                yield child
            yield from walk(child)

    return list(walk(tree(html)))


# Figures


def test_a_figure_shows_its_caption_its_alternative_text_its_size_and_files_that_exist(make_image):
    make_image("arc.png", size=(2000, 1000))
    figure = only(web('![Three grids](figures/arc.png "What to take from it")'), "figure")
    image, caption = figure.elements
    assert figure.classes == ["figure"]
    assert caption.text == "What to take from it"
    assert image.attributes["alt"] == "Three grids"
    assert (image.attributes["width"], image.attributes["height"]) == ("2000", "1000")
    assert (image.attributes["loading"], image.attributes["decoding"]) == ("lazy", "async")
    addresses = [candidate.split()[0] for candidate in image.attributes["srcset"].split(", ")]
    assert [candidate.split()[1] for candidate in image.attributes["srcset"].split(", ")] == ["480w", "960w", "1440w"]
    for address in [image.attributes["src"], *addresses]:
        assert default_storage.exists(address.removeprefix("/media/"))


def test_a_figure_in_a_mail_is_one_whole_address_no_wider_than_the_column(make_image, settings):
    settings.SITE_URL = "https://digest.example.org"
    make_image("arc.png", size=(2000, 1000))
    image = next(tree(render_for_email('![Three grids](figures/arc.png "Caption")')).find("img"))
    assert image.attributes.keys() == {"src", "alt", "width"}
    assert image.attributes["width"] == "600"
    path = image.attributes["src"].removeprefix("https://digest.example.org/media/")
    assert path.endswith("-1200.png")
    assert default_storage.exists(path)


def test_a_small_figure_is_not_enlarged_in_a_mail(make_image):
    make_image("icon.png", size=(120, 80))
    assert next(tree(render_for_email("![An icon](figures/icon.png)")).find("img")).attributes["width"] == "120"


def test_a_figure_marked_as_decorative_has_an_empty_alternative_text_and_is_no_error(make_image):
    make_image("x.png")
    rendered = render_for_web("![decorative](figures/x.png)")
    assert next(tree(rendered.html).find("img")).attributes["alt"] == ""
    assert rendered.errors == []


def test_a_figure_without_alternative_text_is_an_error_that_says_what_to_write(make_image):
    make_image("x.png")
    for source in ("![](figures/x.png)", "![  ](figures/x.png 'Caption')"):
        [error] = render_for_web(source).errors
        assert "figures/x.png" in error
        assert "alternative text" in error


def test_a_figure_that_is_missing_is_an_error_and_its_words_stand_in_its_place():
    rendered = render_for_web("![Three grids](figures/none.png) and ![](figures/nil.png)")
    assert "<img" not in rendered.html
    assert only(rendered.html, "p").text == "[Three grids] and [figures/nil.png]"
    assert "There is no picture “figures/none.png”" in rendered.errors[0]
    assert "[Three grids]" in render_for_email("![Three grids](figures/none.png)")


def test_a_picture_of_another_site_is_never_loaded():
    rendered = render_for_web("![x](https://example.org/x.png)")
    assert "<img" not in rendered.html
    assert rendered.errors


def test_a_figure_may_be_named_by_a_reference_definition(make_image):
    make_image("x.png")
    assert only(web('![Seen][fig]\n\n[fig]: figures/x.png "Caption"'), "figure").text == "Caption"


def test_the_quotes_of_a_caption_are_text(make_image):
    make_image("x.png")
    html = web('![a <b> & c](figures/x.png "<i>x</i> & \\"y\\"")')
    assert only(html, "figcaption").text == '<i>x</i> & "y"'
    assert next(tree(html).find("img")).attributes["alt"] == "a <b> & c"


# Footnotes


def test_a_footnote_has_a_link_there_and_a_link_back():
    html = web("Text[^1] and more[^b].\n\n[^1]: The *note*.\n[^b]: Another.", scope="story")
    for number in (1, 2):
        assert (
            f'<sup id="fnref-story-{number}"><a class="footnote-ref" href="#fn-story-{number}">{number}</a></sup>'
            in html
        )
        assert f'<div class="sidenote" id="fn-story-{number}" role="note">' in html
        assert f'href="#fnref-story-{number}"' in html
    assert "The <em>note</em>." in html


def test_footnotes_of_two_stories_on_one_page_have_their_own_ids():
    source = "Text[^1] twice[^1].\n\n[^1]: Note."
    ids = re.findall(r'id="([^"]*)"', web(source, scope="one") + web(source, scope="two"))
    assert len(ids) == len(set(ids)) == 6


@pytest.mark.parametrize("label", ["1", "smith2019", "a b", "ä.b:c", '"><b>', "-1-", "*x*"])
def test_a_footnote_s_label_may_hold_anything_and_its_links_still_meet(label):
    html = web(f"Text[^{label}] and again[^{label}].\n\n[^{label}]: Note.", scope="s-1-t")
    ids = re.findall(r'id="([^"]*)"', html)
    assert ids == ["fnref-s-1-t-1", "fnref2-s-1-t-1", "fn-s-1-t-1"]
    assert set(re.findall(r'href="#([^"]*)"', html)) == set(ids)


def test_footnotes_in_a_mail_are_numbers_without_links():
    html = render_for_email("Text[^1].\n\n[^1]: The note.", scope="story")
    assert "id=" not in html
    assert "href=" not in html
    assert "The note." in html
    assert [mark.text for mark in of_class(html, "footnote-ref")] == ["1"]


def test_a_side_note_follows_the_block_that_refers_to_it_first_and_begins_with_its_number():
    html = web("One[^b] and[^a].\n\n- two[^b]\n\nThree[^c].\n\n[^a]: First.\n[^b]: Second.\n[^c]: Third *note*.")
    assert [child.classes or child.tag for child in tree(html).elements] == [
        "p",
        ["sidenotes"],
        "ul",
        "p",
        ["sidenotes"],
    ]
    assert [note.text.strip() for note in of_class(html, "sidenote")] == [
        "1 Second.\xa0↩\ufe0e",
        "2 First.",
        "3 Third note.",
    ]
    assert [mark.text for mark in of_class(html, "footnote-ref")] == ["1", "2", "1", "3"]
    assert [
        mark.text for mark in of_class(render_for_email("One[^b] and[^a].\n\n[^a]: A.\n[^b]: B."), "footnote-ref")
    ] == [
        "1",
        "2",
    ]


def test_a_side_note_may_hold_blocks():
    (note,) = of_class(web("One[^1].\n\n[^1]: First.\n\n    - a\n    - b"), "sidenote")
    assert [child.tag for child in note.elements] == ["p", "ul"]
    (note,) = of_class(web("One[^1].\n\n[^1]:\n    > quoted"), "sidenote")
    assert [child.tag for child in note.elements] == ["p", "blockquote"]


def test_what_no_text_refers_to_and_what_is_empty_stays_at_the_end():
    for source in ("One.\n\n[^1]: Note.", "One[^1].\n\n[^1]:"):
        assert tree(web(source)).elements[-1].classes == ["footnote"]


def test_no_words_move_a_footnote():
    html = web("Before ///Footnotes Go Here/// after[^1].\n\n[^1]: Note.")
    assert "Before ///Footnotes Go Here/// after" in html
    assert tree(html).elements[-1].classes == ["sidenotes"]


# Quotes, tables, lists, code, headings


def test_a_quote_with_a_last_paragraph_that_begins_with_a_dash_has_an_attribution():
    html = web("> We would.\n>\n> — Sam Altman, [Bloomberg](https://example.org)")
    figure = only(html, "figure")
    assert figure.classes == ["quote"]
    assert [child.tag for child in figure.elements] == ["blockquote", "figcaption"]
    assert figure.elements[0].text.strip() == "We would."
    assert figure.elements[1].text == "Sam Altman, Bloomberg"
    assert '<a href="https://example.org">Bloomberg</a>' in html


def test_a_quote_without_attribution_stays_a_quote():
    for source in ("> We would.", "> — only a dash", "> a\n>\n> b — c"):
        assert [child.tag for child in tree(web(source)).elements] == ["blockquote"]


def test_a_table_keeps_its_alignment_and_scrolls_by_itself_on_pages():
    source = "| a | b | c | d |\n|:--|:-:|--:|---|\n| 1 | 2 | 3 | `x|y` |"
    [frame] = of_class(web(source), "table-scroll")
    assert (frame.attributes["role"], frame.attributes["tabindex"]) == ("region", "0")
    assert [cell.classes for cell in frame.find("th")] == [["align-left"], ["align-center"], ["align-right"], []]
    assert [cell.classes for cell in frame.find("td")] == [["align-left"], ["align-center"], ["align-right"], []]
    assert [cell.attributes["scope"] for cell in frame.find("th")] == ["col"] * 4
    assert [cell.text for cell in frame.find("td")] == ["1", "2", "3", "x|y"]
    assert of_class(render_for_email(source), "table-scroll") == []
    assert of_class(render_for_email(source), "align-right")


def test_definition_and_numbered_lists():
    html = web("Term\n:   What it means.\n\n3. three\n4. four")
    assert [child.tag for child in only(html, "dl").elements] == ["dt", "dd"]
    assert [item.text for item in only(html, "ol").elements] == ["three", "four"]
    assert only(html, "ol").attributes == {"start": "3"}


def test_fenced_code_with_a_language_is_coloured_and_kept_as_written():
    source = 'def f(x):  # "quoted" <b> -- ...\n    return [[x]]'
    html = web(f"```python\n{source}\n```")
    assert only(html, "code").text == source + "\n"
    assert '<span class="k">def</span>' in html
    assert only(web("```nosuchlanguage\nx <y>\n```"), "code").text == "x <y>\n"


def test_headings_start_below_the_story_s_title():
    html = web("# One\n\n## Two\n\n### Three\n\n#### Four")
    assert [element.tag for element in tree(html).elements] == ["h3", "h3", "h4", "h5"]


def test_abbreviations_explain_themselves():
    assert web("*[HTML]: Hypertext\n\nHTML and `HTML`.") == (
        '<p><abbr title="Hypertext">HTML</abbr> and <code>HTML</code>.</p>'
    )


def test_quotes_and_dashes_are_set_well_but_not_in_code_and_formulas():
    assert only(web('"It\'s" -- so... `"it\'s" -- ...`'), "p").text == '“It’s” – so… "it\'s" -- ...'
    assert only(web('```\n"it\'s" -- ...\n```'), "code").text == '"it\'s" -- ...\n'
    assert 'alttext="f\'(x)"' in web("$f'(x)$").replace("&#39;", "'")


def test_addresses_become_links():
    html = web("See https://example.org/a_b_c?d=1&e=2, www.example.org and me@example.org.")
    assert [link.attributes["href"] for link in tree(html).find("a")] == [
        "https://example.org/a_b_c?d=1&e=2",
        "http://www.example.org",
        "mailto:me@example.org",
    ]
    assert "<a" not in web("`https://example.org`")


def test_links_in_a_mail_have_whole_addresses(settings):
    settings.SITE_URL = "https://digest.example.org"
    html = render_for_email("[a](/issues/1/) [b](https://example.org/) [c](//example.org/) [d](#below)")
    addresses = [link.attributes["href"] for link in tree(html).find("a")]
    assert addresses == ["https://digest.example.org/issues/1/", "https://example.org/", "//example.org/"]
    assert only(html, "span").text == "d"


# Mathematics


def test_formulas_are_mathml_on_pages_and_text_in_mails():
    html = web(r"Inline $\frac{1}{2}$." + "\n\n$$\n\\sum_i x_i\n$$")
    inline, display = tree(html).find("math")
    assert (inline.attributes["display"], inline.attributes["alttext"]) == ("inline", r"\frac{1}{2}")
    assert (display.attributes["display"], display.attributes["alttext"]) == ("block", r"\sum_i x_i")
    assert of_class(html, "math-block")[0].attributes["role"] == "region"
    assert "<script" not in html
    mail = render_for_email(r"Inline $\frac{a+b}{c}$." + "\n\n$$\nx^2\n$$")
    assert [element.text for element in of_class(mail, "math")] == ["(a+b)/c", "x²"]
    assert "<math" not in mail


def test_dollars_that_are_money_are_no_formula():
    assert web("It costs $5, and $6 then.") == "<p>It costs $5, and $6 then.</p>"
    assert "<math" not in web("`$x$` and \\$x\\$")


def test_a_formula_that_cannot_be_read_is_shown_as_its_source_with_a_warning():
    rendered = render_for_web(r"So $\frac{a$ it is.")
    assert of_class(rendered.html, "math-source")[0].text == r"\frac{a"
    assert r"\frac{a" in rendered.warnings[0]
    assert rendered.errors == []
    assert r"\frac{a" in render_for_email(r"So $\frac{a$ it is.")


# Comparisons


def test_a_comparison_has_a_title_a_prompt_and_its_answers_side_by_side():
    rendered = render_for_web(COMPARISON)
    assert rendered.errors == []
    figure = only(rendered.html, "figure")
    title, prompt, answers = figure.elements
    assert (title.tag, title.classes) == ("figcaption", ["comparison-title"])
    assert title.text == "What makes a person beautiful?"
    assert [child.text for child in prompt.elements] == ["Prompt", "Say it in one word."]
    assert [answer.elements[0].text for answer in answers.elements] == ["GPT-3 175B", "Values-targeted GPT-3"]
    assert [child.tag for child in answers.elements[0].elements] == ["p", "p", "ul"]
    assert tree(rendered.html).elements[-1].text == "After it."


def test_a_comparison_in_a_mail_has_the_same_parts():
    labels = [label.text for label in of_class(render_for_email(COMPARISON), "comparison-label")]
    assert labels == ["Prompt", "GPT-3 175B", "Values-targeted GPT-3"]


def test_title_and_prompt_of_a_comparison_are_optional():
    source = "/// comparison\n\n//// answer | A\n\na\n\n////\n\n//// answer | B\n\nb\n\n////\n\n///"
    rendered = render_for_web(source)
    assert rendered.errors == []
    assert [child.classes for child in only(rendered.html, "figure").elements] == [["comparison-answers"]]


def test_a_comparison_with_fewer_than_two_answers_is_an_error():
    for answers in ("", "//// answer | A\n\na\n\n////\n\n"):
        [error] = render_for_web(f"/// comparison\n\n{answers}///\n\nAfter.").errors
        assert "fewer than two answers" in error


def test_a_comparison_that_is_never_closed_is_an_error():
    unclosed = COMPARISON.replace("\n///\n", "\n")
    assert any("never closed" in error for error in render_for_web(unclosed).errors)
    assert any("never closed" in error for error in render_for_web("/// comparison\n\nAll the rest.").errors)


def test_an_answer_or_a_prompt_outside_of_a_comparison_is_an_error():
    for part in ("answer | A", "prompt"):
        [error] = render_for_web(f"//// {part}\n\na\n\n////").errors
        assert "outside of a comparison" in error


def test_a_block_takes_no_attributes():
    html = web("/// comparison\n    attrs: {class: masthead, id: location}\n\nx\n\n///")
    assert "comparison" not in [name for element in tree(html).elements for name in element.classes]
    assert "id=" not in html


# Raw HTML


def test_raw_html_is_shown_as_text_and_told_with_its_line():
    source = "A\n\n```html\n<div>in code</div>\n```\n\nB `<div>` c\n\n<div onclick=x>\n\n    <div>code</div>\n\ntext <br> more\n"
    rendered = render_for_web(source)
    assert "&lt;div onclick=x&gt;" in rendered.html
    assert [warning.split(" is shown")[0] for warning in rendered.warnings] == [
        "Line 9: “<div onclick=x>”",
        "Line 13: “<br>”",
    ]
    assert rendered.errors == []


def test_a_lonely_backtick_does_not_hide_html_from_the_warning():
    assert render_for_web("It`s so.\n\n<div>\n\nIt`s so.").warnings[0].startswith("Line 3")


def test_lines_are_counted_alike_whatever_ends_them():
    for end in ("\n", "\r\n"):
        assert render_for_web(end.join(["a", "", "<iframe>"])).warnings[0].startswith("Line 3")


def test_comparisons_of_numbers_are_no_html():
    assert render_for_web("If a < b and b > c, then <3.").warnings == []


# Limits


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("a\n\n" * (rendering.MAX_LENGTH // 3 + 1), "characters; 120,000 are the most"),
        ("[" * (rendering.MAX_BRACKETS + 1), "over 1,000 square brackets"),
        ("$a$ " * rendering.MAX_DOLLARS, "over 4,000 dollar signs"),
        ("a\n" * rendering.MAX_LINES, "over 3,000 lines"),
        ("a\r" * rendering.MAX_LINES, "over 3,000 lines"),
        ("**a" * 5_000, "without a blank line"),
        ("DT #1 " + " ".join(f"DT #{number}" for number in range(501)), "over 500 stories and issues"),
        ("a\n\nb\x02wzxhzdk:0\x03", r"Line 3 .* \(U\+0002\)"),
        ("a\x00", r"Line 1 .* \(U\+0000\)"),
        ("\ud800", r"\(U\+D800\)"),
        ("\uffff", r"\(U\+FFFF\)"),
    ],
)  # fmt: skip
def test_a_text_that_cannot_be_read_in_reasonable_time_is_refused_with_a_sentence(source, reason):
    for render in (render_for_web, render_for_email):
        with pytest.raises(BadMarkdown, match=reason):
            render(source)


def test_a_long_story_is_within_the_limits(make_image):
    make_image("x.png")
    part = "Words with *emphasis*, a [link](https://example.org) and a note[^{n}].\n\n![Seen](figures/x.png)\n\n[^{n}]: Note.\n\n"
    prose = ("Lorem ipsum dolor sit amet, consectetur adipiscing elit. " * 12 + "\n\n") * 48
    rendered = render_for_web("".join(part.format(n=number) for number in range(100)) + prose)
    assert rendered.errors == []
    assert rendered.word_count > 5_000


def test_deep_nesting_is_refused_or_flattened_but_never_a_crash():
    for source in (">" * 5_000 + " a", "\n".join("    " * depth + "- a" for depth in range(60)), "*" * 5_000):
        try:
            web(source)
        except BadMarkdown as error:
            assert "Make it flatter" in str(error)  # noqa: PT017


def test_rendering_asks_the_database_four_times_at_most(
    django_assert_max_num_queries, publication, make_issue, make_story, make_image
):
    for number in range(1, 11):
        make_image(f"x{number}.png", size=(10 + number, 10))
        make_story(f"Story {number}", issue=make_issue(number=number, published_at=LONG_AGO))
    source = "".join(f"DT #{n} [[story-{n}]]\n\n![a](figures/x{n}.png)\n\n" for n in range(1, 11))
    with django_assert_max_num_queries(4):
        assert render_for_web(source).html.count('class="reference"') == 20


def test_words_are_counted_without_blocks_of_code():
    assert render_for_web("Two words.\n\n```\nnot these\n```\n\n`three`").word_count == 3
