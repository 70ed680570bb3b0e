"""The HTML of a text as feed readers take it: whole addresses, few attributes, formulas as text."""

from functools import lru_cache
from html import escape
from urllib.parse import urljoin

from issues.html_tree import VOID_TAGS, Element, parse
from issues.rendering import UNREADABLE

KEPT = {"alt", "colspan", "height", "href", "rowspan", "scope", "src", "start", "title", "width"}
ADDRESSES = {"href", "src"}


@lru_cache(maxsize=512)
def html_for_feeds(html: str, page: str) -> str:
    """Return sanitised HTML with every address made whole, seen from the address of its page.

    Only what readers keep is left of the attributes. Formulas become text as in emails: many readers drop MathML's tags
    and keep its letters, so that a fraction would lose its line. Side notes stand at the end: there is no margin. The
    tree is written anew, never edited as text.
    """
    root = parse(html)
    notes = [child for child in root.elements if "sidenotes" in child.classes]
    text = [child for child in root.children if child not in notes]
    if notes:
        text += [Element("hr"), *notes]
    return "".join(write(child, page) for child in text)


def write(node: Element | str, page: str) -> str:
    if isinstance(node, str):
        return escape(node, quote=False)
    if node.tag == "math" and "alttext" in node.attributes:
        return f"<em>{escape(formula(node.attributes['alttext']), quote=False)}</em>"
    if "footnote-backref" in node.classes:
        return f"<sup>{node.text}</sup>" if node.text.isdigit() else ""
    attributes = "".join(
        f' {name}="{escape(urljoin(page, value) if name in ADDRESSES else value)}"'
        for name, value in node.attributes.items()
        if name in KEPT
    )
    if node.tag in VOID_TAGS:
        return f"<{node.tag}{attributes}>"
    return f"<{node.tag}{attributes}>{''.join(write(child, page) for child in node.children)}</{node.tag}>"


@lru_cache(maxsize=2048)
def formula(tex: str) -> str:
    from issues.mathematics import to_unicode  # Its libraries take 1 MB, and few processes draw feeds.

    return to_unicode(tex)


def readable(text: str) -> str:
    """Without the control characters that XML can't hold."""
    return UNREADABLE.sub("", text)
