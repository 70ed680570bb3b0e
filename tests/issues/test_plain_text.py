import re
import unicodedata
from collections import Counter
from html import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issues.html_tree import Element, parse
from issues.plain_text import as_plain_text


def lines(html, **options):
    return as_plain_text(html, **options).split("\n")


def test_paragraphs_are_wrapped_and_keep_a_blank_line_between_them():
    text = as_plain_text(f"<p>{'word ' * 40}</p>\n<p>Second.</p>")
    assert text.endswith("word\n\nSecond.")
    assert max(len(line) for line in text.split("\n")) <= 72


def test_the_width_can_be_chosen():
    assert max(len(line) for line in lines(f"<p>{'word ' * 40}</p>", width=40)) <= 40


def test_headings_are_underlined_by_their_rank():
    assert as_plain_text("<h2>A story</h2><h3>A part</h3>") == "A story\n=======\n\nA part\n------"


def test_white_space_collapses_but_a_line_break_and_a_no_break_space_stay():
    assert as_plain_text("<p>one\n  two<br>\nthree&nbsp;&nbsp;four</p>") == "one two\nthree\u00a0\u00a0four"


def test_links_are_numbered_and_an_address_is_listed_once():
    text = as_plain_text(
        '<p><a href="https://example.org/a">One</a>, <a href="https://example.org/b">two</a>, '
        '<a href="https://example.org/a">one again</a>.</p>'
    )
    assert text == ("One [1], two [2], one again [1].\n\n[1] https://example.org/a\n[2] https://example.org/b")


@pytest.mark.parametrize(
    ("href", "words"),
    [
        ("https://example.org/a", "https://example.org/a"),
        ("https://example.org/a", "example.org/a"),
        ("mailto:editor@example.org", "editor@example.org"),
    ],
)
def test_an_address_that_is_its_own_words_is_not_repeated(href, words):
    assert as_plain_text(f'<p><a href="{href}">{words}</a></p>') == href.removeprefix("mailto:")


def test_a_long_address_is_not_broken():
    address = f"https://example.org/{'a' * 200}"
    assert f"[1] {address}" in lines(f'<p><a href="{address}">Here</a></p>')


def test_no_line_is_longer_than_mail_allows():
    address = f"https://example.org/{'é' * 1500}"
    text = as_plain_text(f'<p><a href="{address}">Here</a></p><pre>{"x" * 3000}</pre>')
    assert max(len(line.encode()) for line in text.split("\n")) <= 998
    assert address in text.replace("\n", "")


def test_lists_hang_under_their_markers():
    html = f"<ul><li>One {'word ' * 20}<ul><li>Deeper</li></ul></li><li>Two</li></ul><ol><li>First</li><li>Second</li></ol>"
    assert lines(html) == [
        "- One " + " ".join(["word"] * 13),
        "  " + " ".join(["word"] * 7),
        "  - Deeper",
        "- Two",
        "",
        "1. First",
        "2. Second",
    ]


def test_a_list_of_paragraphs_keeps_them_apart():
    assert as_plain_text("<ol><li><p>One</p><p>More</p></li><li><p>Two</p></li></ol>") == (
        "1. One\n\n   More\n\n2. Two"
    )


def test_a_numbered_list_starts_where_it_says():
    assert as_plain_text('<ol start="9"><li>Nine</li><li>Ten</li></ol>') == "9. Nine\n10. Ten"


def test_definitions_stand_under_their_terms():
    assert as_plain_text("<dl><dt>Zero-shot</dt><dd>No example.</dd><dt>Few-shot</dt><dd>Some.</dd></dl>") == (
        "Zero-shot\n    No example.\n\nFew-shot\n    Some."
    )


def test_a_quote_has_marks_and_names_its_speaker():
    html = (
        '<figure class="quote"><blockquote><p>To be.</p><p>Or not.</p></blockquote>'
        '<figcaption>Hamlet, <a href="https://example.org/">Act III</a></figcaption></figure>'
    )
    assert as_plain_text(html) == ("> To be.\n>\n> Or not.\n— Hamlet, Act III [1]\n\n[1] https://example.org/")


def test_a_quote_within_a_quote_has_two_marks():
    assert as_plain_text("<blockquote><p>A</p><blockquote><p>B</p></blockquote></blockquote>") == "> A\n>\n> > B"


TABLE = (
    '<table><thead><tr><th>Model</th><th class="align-right">Size</th></tr></thead><tbody>'
    '<tr><td>GPT-2</td><td class="align-right">1.5B</td></tr><tr><td>GPT-3</td><td class="align-right">175B</td></tr>'
    "</tbody></table>"
)


def test_a_table_that_fits_has_aligned_columns():
    assert lines(TABLE) == ["Model | Size", "------+-----", "GPT-2 | 1.5B", "GPT-3 | 175B"]


def test_a_table_that_does_not_fit_names_the_column_before_each_value():
    wide = TABLE.replace("175B", "175 billion parameters").replace("1.5B", "")
    assert as_plain_text(wide, width=25) == ("Model: GPT-2\nSize: –\n\nModel: GPT-3\nSize: 175 billion\nparameters")


def test_code_is_indented_and_never_wrapped():
    code = "def f(x):\n    return x  # " + "long " * 30
    html = f'<div class="highlight"><pre><span></span><code>{code}\n</code></pre></div>'
    assert as_plain_text(html) == "\n".join("    " + line.rstrip() for line in code.split("\n"))


@pytest.mark.parametrize(
    ("alt", "caption", "text"),
    [
        ("A grid", "Three pairs.", "[Figure: A grid. Three pairs]"),
        ("A grid", "A grid.", "[Figure: A grid]"),
        ("", "Three pairs", "[Figure: Three pairs]"),
        ("", "", ""),
    ],
)
def test_a_figure_says_its_alternative_text_and_caption_once(alt, caption, text):
    image = f'<img src="https://example.org/a.png" width="600" alt="{alt}">'
    assert as_plain_text(f'<figure class="figure">{image}<figcaption>{caption}</figcaption></figure>') == text


@pytest.mark.parametrize(
    "reference", ['<sup class="footnote-ref">1</sup>', '<sup><span class="footnote-ref">1</span></sup>']
)
def test_footnotes_have_the_same_mark_in_the_text_and_before_the_note(reference):
    note = '<div class="footnote"><hr><ol><li><p>A note.</p></li></ol></div>'
    assert as_plain_text(f"<p>Said.{reference}</p>{note}") == "Said.[^1]\n\n[^1] A note."


def test_a_comparison_names_who_says_what():
    html = (
        '<figure class="comparison"><figcaption class="comparison-title">Haiku</figcaption>'
        '<div class="comparison-prompt"><p class="comparison-label">Prompt</p><p>Write one.</p></div>'
        '<div class="comparison-answers">'
        '<div class="comparison-answer"><p class="comparison-label">GPT-2</p><p>Down the hill.</p></div>'
        '<div class="comparison-answer"><p class="comparison-label">GPT-3</p><p>Steps.</p><p>More.</p></div>'
        "</div></figure>"
    )
    assert as_plain_text(html) == (
        "Haiku\n\nPrompt:\n    Write one.\n\nGPT-2:\n    Down the hill.\n\nGPT-3:\n    Steps.\n\n    More."
    )


def test_formulas_and_emphasis_read_as_they_are_typed_in_mail():
    html = '<p><em class="math">x² ≤ 1</em> is <em>small</em>, <strong>not</strong> <code>big()</code>.</p><p class="math">∑ᵢ xᵢ</p>'
    assert as_plain_text(html) == "x² ≤ 1 is *small*, *not* `big()`.\n\n    ∑ᵢ xᵢ"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("10<sup>−6</sup>", "10⁻⁶"),
        ("H<sub>2</sub>O", "H₂O"),
        ("x<sup>a+1</sup>", "x^(a+1)"),
        ("x<sub>k</sub>", "x_k"),
        ("the 19<sup>th</sup>", "the 19th"),
    ],
)
def test_raised_and_lowered_characters_keep_their_meaning(html, text):
    assert as_plain_text(f"<p>{html}</p>") == text


def test_an_abbreviation_is_explained_once():
    abbreviation = '<abbr title="Large Language Model">LLM</abbr>'
    assert as_plain_text(f"<p>{abbreviation} and {abbreviation}</p>") == "LLM (Large Language Model) and LLM"


def test_markup_in_words_stays_words():
    assert as_plain_text("<p>&lt;script&gt;alert(1)&lt;/script&gt; &amp; co</p>") == "<script>alert(1)</script> & co"


# Nothing may be lost: HTML of the vocabulary, made by Hypothesis.

words = st.text(st.characters(categories=["Ll", "Lu", "Lo", "Nd"]), min_size=1, max_size=12).filter(
    lambda word: word == unicodedata.normalize("NFKC", word)
)
sentences = st.lists(words, min_size=1, max_size=8).map(" ".join)


def element(tag, content, attributes=""):
    return content.map(lambda html: f"<{tag}{attributes}>{html}</{tag}>")


inline_leaves = sentences.map(escape)
inline = st.recursive(
    inline_leaves,
    lambda inner: st.one_of(
        element("em", inner),
        element("strong", inner),
        element("del", inner),
        st.builds('<a href="https://example.org/{}">{}</a>'.format, st.integers(1, 9), inner),
        element("code", inline_leaves),
        element("sup", inline_leaves),
        st.builds('<abbr title="{}">{}</abbr>'.format, inline_leaves, inline_leaves),
        st.lists(inner, min_size=2, max_size=3).map(" ".join),
    ),
    max_leaves=5,
)
tables = (
    st.integers(1, 4)
    .flatmap(lambda columns: st.lists(st.lists(inline, min_size=columns, max_size=columns), min_size=1, max_size=4))
    .map(
        lambda rows: "<table><thead>{}</thead><tbody>{}</tbody></table>".format(
            "".join(f"<tr>{''.join(f'<th>{cell}</th>' for cell in row)}</tr>" for row in rows[:1]),
            "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows[1:]),
        )
    )
)
figures = st.builds(
    '<figure class="figure"><img src="https://example.org/a.png" width="600" alt="{}"><figcaption>{}</figcaption></figure>'.format,
    inline_leaves,
    inline,
)
block_leaves = st.one_of(
    *(element(tag, inline) for tag in ("p", "h3", "h4", "h5")),
    element("pre", element("code", inline_leaves)),
    element("p", inline_leaves, ' class="math"'),
    tables,
    figures,
)


def answer(kind):
    return lambda label, content: (
        f'<div class="comparison-{kind}"><p class="comparison-label">{label}</p>{content}</div>'
    )


def containers(inner):
    several = st.lists(inner, min_size=1, max_size=3).map("\n".join)
    items = st.lists(element("li", st.one_of(inline, several)), min_size=1, max_size=3).map("".join)
    answers = st.lists(st.builds(answer("answer"), inline_leaves, several), min_size=2, max_size=3).map("".join)
    return st.one_of(
        element("ul", items),
        element("ol", items),
        element("blockquote", several),
        st.builds(
            '<figure class="quote"><blockquote>{}</blockquote><figcaption>{}</figcaption></figure>'.format,
            several,
            inline,
        ),
        st.builds("<dl><dt>{}</dt><dd>{}</dd></dl>".format, inline, several),
        st.builds(
            '<figure class="comparison"><figcaption class="comparison-title">{}</figcaption>{}'
            '<div class="comparison-answers">{}</div></figure>'.format,
            inline,
            st.builds(answer("prompt"), inline_leaves, several),
            answers,
        ),
        element("div", element("ol", items), ' class="footnote"'),
    )


documents = st.lists(st.recursive(block_leaves, containers, max_leaves=6), min_size=1, max_size=4).map("\n".join)


def words_of(text):
    return re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", text))


def words_said(node):
    """Every word that a reader of the HTML could learn: text, alternative texts, explanations, addresses."""
    if isinstance(node, str):
        return Counter(words_of(node))
    attributes = [node.attributes.get(name, "") for name in ("alt", "title")]
    return sum((words_said(child) for child in [*attributes, *node.children]), Counter())


def addresses_of(root: Element):
    return {link.attributes["href"] for link in root.find("a") if "href" in link.attributes}


@given(documents, st.sampled_from([20, 40, 72]))
def test_no_word_and_no_address_is_lost(html, width):
    text = as_plain_text(html, width=width)
    root = parse(html)
    said = words_said(root)
    kept = Counter(words_of(text))
    repeated = {word for title in re.findall(r'(?:alt|title)="([^"]*)"', html) for word in words_of(title)}
    assert {word: count for word, count in said.items() if kept[word] < (1 if word in repeated else count)} == {}
    assert all(address in text for address in addresses_of(root))
    assert not any(line.endswith(" ") for line in text.split("\n"))


def test_what_nests_absurdly_deep_is_still_read():
    inner = "<blockquote>" * 5000 + "<p>deep</p><p>inside</p>" + "</blockquote>" * 5000
    text = as_plain_text(f"<p>Before.</p>{inner}<p>After.</p>")
    assert text.startswith("Before.\n\n> ")
    assert text.endswith("\n\nAfter.")
    assert words_of(text) == ["Before", "deep", "inside", "After"]
