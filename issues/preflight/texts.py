"""Checks of intro, outro and the stories' texts, as they are rendered."""

from collections.abc import Iterator
from itertools import zip_longest

from django.core.files.storage import default_storage

from issues.html_tree import Element
from issues.images import fallback_name
from issues.preflight.findings import Finding, error, warning
from issues.preflight.material import Material, Text, capitalised
from issues.proofreading import PLACEHOLDER
from issues.render_context import ProblemKind
from issues.rendering import CODE

HEAVY_PICTURE = 1_000_000  # bytes, as mailed: some ten seconds at 1 Mbit/s
HEAVY_PICTURES = 4_000_000  # bytes, of all together
HEADINGS = {"h3", "h4", "h5"}


def texts_can_be_rendered(material: Material) -> Iterator[Finding]:
    yield from problems(material, ProblemKind.BLOCK)


def pictures_are_there(material: Material) -> Iterator[Finding]:
    """In the database, and the file that mails show in the storage."""
    yield from problems(material, ProblemKind.PICTURE)
    for image, text in material.pictures():
        if not default_storage.exists(fallback_name(image.file.name or "", image.width)):
            yield error(
                f"The file of the picture “{image.source}” is missing, which {text.name} shows.",
                "Put the file back from a backup, or upload the picture again under another name.",
                text.address,
            )


def pictures_have_words(material: Material) -> Iterator[Finding]:
    yield from problems(material, ProblemKind.WORDS)


def problems(material: Material, kind: ProblemKind) -> Iterator[Finding]:
    """What the renderer reports says what to do, too."""
    for text in material.texts:
        for problem in text.rendered.problems:
            if problem.kind == kind:
                yield error(f"In {text.name}: {problem.sentence}", "", text.address)


def pictures_are_light(material: Material) -> Iterator[Finding]:
    total = 0
    for image, text in material.pictures():
        name = fallback_name(image.file.name or "", image.width)
        size = default_storage.size(name) if default_storage.exists(name) else 0
        total += size
        if size > HEAVY_PICTURE:
            yield warning(
                f"The picture “{image.source}” in {text.name} has {size / 1e6:.1f} MB as mailed.",
                "Save it smaller or as JPEG, and upload it under another name.",
                text.address,
            )
    if total > HEAVY_PICTURES:
        yield warning(
            f"All pictures together have {total / 1e6:.1f} MB as mailed.",
            "Leave some out, or save them smaller: many readers are on the phone.",
            material.page,
            what=f"more than {HEAVY_PICTURES}",
        )


def texts_say_what_they_mean(material: Material) -> Iterator[Finding]:
    """What the renderer shows otherwise than it was probably meant: HTML as text, formulas as their source."""
    for text in material.texts:
        for sentence in text.rendered.warnings:
            yield warning(f"In {text.name}: {sentence}", "", text.address)


def nothing_is_to_come(material: Material) -> Iterator[Finding]:
    """TK, by which journalists mark what is still to come, and its relatives; not in code."""
    for name, words, address in material.words():
        found = placeholders(words)
        if found:
            yield error(f"{name} still has “{'”, “'.join(found)}”.", "Write what is meant to stand there.", address)


def placeholders(text: str) -> list[str]:
    """Those that stand in the text outside of code, each once, in their order."""
    return list(dict.fromkeys(match[0] for match in PLACEHOLDER.finditer(CODE.sub("", text))))


def references_lead_somewhere(material: Material) -> Iterator[Finding]:
    for text in material.texts:
        for reference in text.rendered.references:
            if reference.key in material.surroundings.targets:
                continue
            if reference.key.startswith("#"):
                yield warning(
                    f"{capitalised(text.name)} refers to issue {reference.key}, which readers can’t see.",
                    "Correct the number, or leave it as plain text.",
                    text.address,
                )
            else:
                yield error(
                    f"{capitalised(text.name)} refers to [[{reference.key}]], which is no story that readers can see.",
                    "Correct the name, or take the brackets out: they would be shown.",
                    text.address,
                )


def links_have_words(material: Material) -> Iterator[Finding]:
    for text in material.texts:
        for link in text.tree.find("a"):
            if not link.text.strip() and not any(image.attributes.get("alt") for image in link.find("img")):
                yield warning(
                    f"In {text.name}, the link to {link.attributes.get('href', '')} has no words.",
                    "Write them between its square brackets.",
                    text.address,
                )


def headings_have_a_text(material: Material) -> Iterator[Finding]:
    """A heading with nothing under it, be it at the end or before another of its level."""
    for text in material.texts:
        for heading in empty_headings(text):
            yield warning(
                f"In {text.name}, nothing stands under the heading “{heading.text.strip()}”.",
                "Write something, or remove the heading.",
                text.address,
            )


def empty_headings(text: Text) -> Iterator[Element]:
    blocks = text.tree.elements
    for block, following in zip_longest(blocks, blocks[1:]):
        if block.tag in HEADINGS and (following is None or (following.tag in HEADINGS and following.tag <= block.tag)):
            yield block
