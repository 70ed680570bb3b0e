"""What reaches readers is of a short list of elements, attributes and addresses, whatever was written."""

import html
import re

import nh3
import pytest
from bleach._vendor import html5lib  # bleach's own copy: a parser that does what browsers do
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from issues.errors import BadMarkdown
from issues.rendering import render_for_email, render_for_web
from issues.sanitising import sanitise
from tests.issues.hostile import ADDRESSES, HANDLERS, MUTATIONS, SCRIPTS, TEXTS, WORDS, everywhere

pytestmark = pytest.mark.once  # The database only names what a text refers to.
TAGS = set(
    "a abbr blockquote br code dd del div dl dt em figcaption figure h3 h4 h5 hr img li ol p pre span strong sub sup table "  # noqa: SIM905
    "tbody td th thead tr ul math menclose mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot mrow ms "
    "mspace msqrt mstyle msub msubsup msup mtable mtd mtext mtr munder munderover".split()
)
ATTRIBUTES = {
    "*": {"class", "id"},
    "a": {"href", "title"},
    "abbr": {"title"},
    "div": {"role", "aria-label", "tabindex"},
    "img": {"src", "srcset", "sizes", "width", "height", "alt", "loading", "decoding"},
    "ol": {"start"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
}
OF_FORMULAS = set(
    "accent accentunder alttext columnalign columnlines columnspacing depth display displaystyle fence form height "  # noqa: SIM905
    "largeop linethickness lspace mathvariant maxsize minsize movablelimits notation rowlines rowspacing rspace scriptlevel "
    "separator stretchy symmetric width".split()
)
SCHEMES = {"", "http", "https", "mailto"}


def tree_of(markup):
    """Nested tuples of tag, attributes and children, texts merged: what a browser makes of it."""
    root = html5lib.parseFragment(markup, namespaceHTMLElements=False)
    return as_tuples(root)


def as_tuples(element):
    children = [element.text or ""]
    for child in element:
        children += [as_tuples(child), child.tail or ""]
    tag = element.tag if isinstance(element.tag, str) else "comment"
    return re.sub(r"^\{.*\}", "", tag), tuple(sorted(element.attrib.items())), tuple(filter(None, children))


def elements_of(tree):
    yield tree
    for child in tree[2]:
        if isinstance(child, tuple):
            yield from elements_of(child)


def check(markup):
    """All that is promised of sanitised HTML."""
    tree = tree_of(markup)
    for tag, attributes, _ in list(elements_of(tree))[1:]:
        assert tag in TAGS
        for name, value in attributes:
            is_formula = tag.startswith("m")
            assert name in ATTRIBUTES["*"] | ATTRIBUTES.get(tag, set()) | (OF_FORMULAS if is_formula else set())
            check_value(tag, name, value)
    assert tree_of(markup + "<p>after</p>")[2][-1] == ("p", (), ("after",)), "something is left open"
    assert tree_of(sanitise(markup)) == tree, "sanitising again changes it"
    assert without_hosts(tree_of(second_opinion(markup))) == without_hosts(tree), "nh3 removes more"


def check_value(tag, name, value):
    if name == "href":
        bare = re.sub(r"[\x00-\x20\x7f-\xa0\u200b-\u200f\u202a-\u202e\ufeff]", "", value)
        assert urlsplit_scheme(bare) in SCHEMES
    if name in {"src", "srcset"}:
        for candidate in value.split(","):
            assert re.match(
                r"(http://testserver|https?://[\w.:-]+)?/media/figures/[0-9a-f]{16}/[\w-]+\.(png|jpg|webp)",
                candidate.strip(),
            )
    if name == "id":
        assert re.fullmatch(r"fn(ref)?\d*-[\w-]+", value)
    if name == "class":
        assert not value or re.fullmatch(r"[a-z0-9 -]+", value)


def urlsplit_scheme(address):
    found = re.match(r"([a-zA-Z][a-zA-Z0-9+.-]*):", address)
    return found[1].lower() if found else ""


def without_hosts(tree):
    """Without web addresses, since nh3 removes those whose host or port no browser could read."""
    tag, attributes, children = tree
    kept = tuple((name, value) for name, value in attributes if not re.match("https?:", value, re.I))
    return tag, kept, tuple(child if isinstance(child, str) else without_hosts(child) for child in children)


def second_opinion(markup):
    return nh3.clean(
        markup,
        tags=TAGS,
        attributes={
            tag: ATTRIBUTES["*"] | ATTRIBUTES.get(tag, set()) | (OF_FORMULAS if tag[0] == "m" else set())
            for tag in TAGS
        },
        url_schemes=SCHEMES - {""},
        link_rel=None,
        strip_comments=True,
    )


@pytest.fixture
def known_things(make_issue, make_story, make_image):
    """An issue, a story and a picture for texts to refer to; the story's title is hostile, too."""
    import datetime

    make_image("grid.png")
    issue = make_issue(
        number=1, title='"><script>alert(1)</script>', published_at=datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    )
    make_story('<img src=x onerror=alert(1)> " onmouseover="alert(1)', slug="known", issue=issue)


def render_both(source):
    """The web's and the mail's form; nothing if the text is refused with a sentence."""
    try:
        return [render_for_web(source, scope="story").html, render_for_email(source, scope="story")]
    except BadMarkdown:
        return []


# One test for all texts, since what they refer to takes longer to make than a text to check.


@pytest.mark.usefixtures("known_things")
def test_a_hostile_text_leaves_only_what_is_allowed(subtests):
    for source in TEXTS:
        with subtests.test(ascii(source)):
            for markup in render_both(source):
                check(markup)


@pytest.mark.usefixtures("known_things")
def test_hostile_words_do_no_harm_wherever_words_may_stand(subtests):
    for words in WORDS:
        with subtests.test(ascii(words)):
            for markup in render_both(everywhere(words)):
                check(markup)


@pytest.mark.parametrize(
    "markup",
    SCRIPTS
    + HANDLERS
    + MUTATIONS
    + [f'<a href="{html.escape(each)}">x</a><a href="{each}">y</a>' for each in ADDRESSES],
)
def test_hostile_html_leaves_only_what_is_allowed(markup):
    check(sanitise(markup))
    check(sanitise(f"<p>a</p><table><tr><td>{markup}</td></tr></table><math><mtext>{markup}</mtext></math><p>b</p>"))


PIECES = [
    *"abc \n\n\n\t*_`[]()<>!#|-+.:~^$\\/&\"'{}=@1",
    *("\n\n", "```", "~~~\n", "$$", "$", "](", "![", "[[", "]]", "[^1]", "[^1]: ", "> ", "- ", "1. ", "    ", ":   "),
    *("| a | b |\n|---|---|\n", "///", "/// comparison\n\n", "//// answer | x\n\n", "////\n\n", "///\n\n", "*[a]: b\n"),
    *("[a]: c\n", "DT #1", "known", "figures/grid.png", "http://", "www.a.bc", "javascript:", "<script>", "<img src=x"),
    *("<!--", "-->", "<![CDATA[", "&#", "&lt;", "\\(", "\\)", "\\frac{", "\\text{", "\\begin{cases}", "\\end{cases}"),
    *("\u202e", "é", "\x85", "\u2028"),
]
MARKDOWN = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=40).map("".join)


@pytest.mark.usefixtures("known_things")
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(MARKDOWN)
def test_any_text_gives_sanitised_and_closed_html_or_a_sentence(source):
    for markup in render_both(source):
        check(markup)


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/x.png",
        "//evil.example/x.png",
        "/media/../admin/",
        "/media/%2e%2e/admin/",
        "/media/&#46;&#46;/admin/",
        "/mediax/x.png",
        "/media/..\\admin",
        "data:image/png;base64,AAAA",
    ],
)
def test_a_picture_comes_from_the_own_media_folder_only(address):
    assert sanitise(f'<img src="{address}">') == "<img>"
    assert sanitise(f'<img srcset="/media/a.webp 1w,{address} 2w">') == "<img>"
    assert sanitise(f'<img srcset="/media/a.webp 1w, {address} 2w">') == "<img>"


@pytest.mark.parametrize("tag", sorted(TAGS))
def test_no_element_keeps_a_handler_a_style_or_an_address_that_is_not_its_own(tag):
    handlers = ["onclick", "onload", "onerror", "style", "xlink:href", "formaction", "action", "background", "poster"]
    attributes = [*handlers, "data-x", "name", "slot", "is"]
    markup = f"<{tag} {' '.join(f'{name}=x' for name in attributes)}>a</{tag}>"
    assert not {name for _, kept, _ in elements_of(tree_of(sanitise(markup))) for name, _ in kept}


def test_an_id_belongs_to_a_footnote_and_to_nothing_else():
    kept = sanitise('<p id="fn-story-1">a</p><p id="fnref2-story-1">b</p>')
    assert kept == '<p id="fn-story-1">a</p><p id="fnref2-story-1">b</p>'
    for name in ("location", "fn", "csrfmiddlewaretoken", "fn-a b", "__proto__", "forms"):
        assert sanitise(f'<p id="{name}">a</p>') == "<p>a</p>"


def test_a_class_is_one_of_the_design_or_goes():
    assert sanitise('<figure class="quote">a</figure>') == '<figure class="quote">a</figure>'
    assert sanitise('<div class="masthead quote">a</div>') == "<div>a</div>"
    assert sanitise('<p class="kd">a</p>') == "<p>a</p>"
    assert sanitise('<span class="kd">a</span>') == '<span class="kd">a</span>'


def test_links_keep_the_addresses_that_people_use():
    for address in (
        "https://example.org/a?b=c&amp;d#e",
        "http://example.org",
        "mailto:a@example.org",
        "/issues/41/",
        "#fn-a-1",
    ):
        assert sanitise(f'<a href="{address}">x</a>') == f'<a href="{address}">x</a>'
