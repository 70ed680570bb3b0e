"""Checks of the issue as an email."""

import re
from collections.abc import Iterator

from django.urls import reverse

from issues.email_previews import whole_with
from issues.preflight.findings import Finding, error, warning
from issues.preflight.material import Material

LONGEST_SUBJECT = 70  # characters: what Gmail and Outlook show in a wide window; phones show some 40
SHORTEST_PREHEADER, LONGEST_PREHEADER = 30, 140  # characters: Gmail shows up to some 140 after a short subject
KILOBYTE = 1024
GMAIL_CLIPS = 102 * KILOBYTE  # of HTML; what follows, such as the link to unsubscribe, is behind “View entire message”
NEAR_THE_CLIP = 80 * KILOBYTE
LONGEST_LINK = 200  # bytes: of those that are each reader’s own
# What Gmail, Outlook for Windows or Yahoo leave out, by https://www.caniemail.com. It is harmless within @media, which is
# for those that know it.
IGNORED_CSS = re.compile(
    r"(?<![\w-])(?:position|float|columns?|column-count|gap|grid[\w-]*|flex[\w-]*|justify-content|align-items|transform|"
    r"transition|animation[\w-]*|filter|clip-path|object-fit|aspect-ratio|background-image|box-shadow|opacity)\s*:"
    r"|display\s*:\s*(?:inline-)?(?:flex|grid)|var\(|calc\(|@import|@font-face",
    re.IGNORECASE,
)
STYLE_ATTRIBUTE = re.compile(r"\sstyle=(?:\"([^\"]*)\"|'([^']*)')")
STYLE_ELEMENT = re.compile(r"<style[^>]*>(.*?)</style>", re.DOTALL)
MEDIA_RULE = re.compile(r"@media[^{]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}")


def subject_fits(material: Material) -> Iterator[Finding]:
    subject = material.email.subject
    if len(subject) > LONGEST_SUBJECT:
        yield warning(
            f"The subject has {len(subject)} characters: “{subject}”.",
            f"Make it {LONGEST_SUBJECT} at most, with what matters in the first 40; the rest is cut off.",
            material.field("subject"),
        )


def preheader_fits(material: Material) -> Iterator[Finding]:
    preheader = material.issue.preheader.strip() or material.issue.summary.strip()
    if not preheader:
        yield warning(
            "The email has no preheader: the titles of its stories stand for it.",
            "Write a sentence that the inbox shows after the subject.",
            material.field("preheader"),
        )
    elif not SHORTEST_PREHEADER <= len(preheader) <= LONGEST_PREHEADER:
        yield warning(
            f"The preheader has {len(preheader)} characters: “{preheader}”.",
            f"Between {SHORTEST_PREHEADER} and {LONGEST_PREHEADER} fill the inbox’s line and are shown in full.",
            material.field("preheader"),
        )


def html_is_small_enough(material: Material) -> Iterator[Finding]:
    size = mailed_bytes(material.email.html)
    kilobytes = f"{size / KILOBYTE:.0f} KB"
    if size > GMAIL_CLIPS:
        yield error(
            f"The email’s HTML has {kilobytes}. Gmail cuts it off at 102, before the link to unsubscribe.",
            "Put some stories back to the queue, or shorten them.",
            material.page,
        )
    elif size > NEAR_THE_CLIP:
        yield warning(
            f"The email’s HTML has {kilobytes}. Gmail cuts off what is longer than 102.",
            "Leave some room, as providers may add to it.",
            material.page,
            what=f"more than {NEAR_THE_CLIP}",
        )


def mailed_bytes(html: str) -> int:
    """The size of the HTML part, of the whole issue, once each reader's own links stand in it."""
    return len(whole_with(html, "x" * LONGEST_LINK).encode())


def css_is_known(material: Material) -> Iterator[Finding]:
    """Texts can't bring styles of their own, so this holds the templates to what mail programs know."""
    for rule in sorted(ignored_css(material.email.html)):
        yield warning(
            f"The email’s layout uses “{rule}”, which Gmail, Outlook or Yahoo ignore.",
            "Change the templates of the email: tables, margins and colours are understood everywhere.",
            material.page,
        )


def ignored_css(html: str) -> set[str]:
    styles = [double or single for double, single in STYLE_ATTRIBUTE.findall(html)]
    styles += [MEDIA_RULE.sub("", sheet) for sheet in STYLE_ELEMENT.findall(html)]
    return {match[0].rstrip(" :(").lower() for style in styles for match in IGNORED_CSS.finditer(style)}


def sender_has_an_address(material: Material) -> Iterator[Finding]:
    if not material.publication.postal_address.strip():
        yield error(
            "The publication has no postal address, which each email must show.",
            "Fill it in under Publication.",
            reverse("admin:issues_publication_change", args=[material.publication.pk]) + "#id_postal_address",
        )
