"""Footnotes: numbered in the order of the text, and on pages set as side notes.

A side note stands right after the block that refers to it first, where everybody meets it without a script. Where there
is room, the style sheet sets it in the margin beside that block; elsewhere it follows below. Works on the element tree,
before that is sanitised.
"""

from xml.etree.ElementTree import Element

from markdown.extensions.footnotes import NBSP_PLACEHOLDER

LINK, BACKLINK = "footnote-ref", "footnote-backref"


def number_footnotes(root: Element) -> None:
    """Number and sort them as the text refers to them, however they were defined; what it never refers to comes last."""
    listed = root.find("./div[@class='footnote']/ol")
    if listed is None:
        return
    notes = {f"#{item.get('id')}": item for item in listed}
    links = [link for link in root.iter("a") if link.get("class") == LINK]
    order = list(dict.fromkeys([*(link.get("href", "") for link in links), *notes]))
    for link in links:
        link.text = str(order.index(link.get("href", "")) + 1)
    listed[:] = [notes[address] for address in order if address in notes]
    for number, item in enumerate(listed, start=1):
        for link in backlinks(item):
            link.set("title", f"Back to where note {number} belongs")


def shape_sidenotes(root: Element) -> None:
    """Move the notes from the end of the text to where they belong; those that nothing refers to stay there."""
    end = root.find("./div[@class='footnote']")
    listed = end.find("ol") if end is not None else None
    if end is None or listed is None:
        return
    notes = {f"#{item.get('id')}": item for item in listed}
    for block in [child for child in root if child is not end]:
        aside = Element("div", {"class": "sidenotes"})
        for link in block.iter("a"):
            address = link.get("href", "")
            if link.get("class") == LINK and address in notes and backlinks(notes[address]):  # an empty note has none
                item = notes.pop(address)
                listed.remove(item)
                aside.append(sidenote(item, number=link.text or ""))
        if len(aside):
            root.insert(list(root).index(block) + 1, aside)
    if not notes:
        root.remove(end)


def sidenote(item: Element, number: str) -> Element:
    """The note, beginning with its number, which is the link back; each further reference has a link at its end."""
    back, *others = backlinks(item)
    last = item[-1]
    last.remove(back)
    if not others:
        drop_space(last)
        if not len(last) and not last.text:  # the note ends with a list or code
            item.remove(last)
    if not len(item) or item[0].tag != "p":
        item.insert(0, Element("p"))
    first = item[0]
    back.text, back.tail, first.text = number, f" {first.text or ''}", None
    first.insert(0, back)
    note = Element("div", {"class": "sidenote", "role": "note", "id": item.get("id", "")})
    note.extend(item)
    return note


def drop_space(paragraph: Element) -> None:
    """Without the space that stood before the link back."""
    for element in paragraph.iter():
        element.text = (element.text or "").replace(NBSP_PLACEHOLDER, "")
        element.tail = (element.tail or "").replace(NBSP_PLACEHOLDER, "")


def backlinks(item: Element) -> list[Element]:
    return [link for link in item.iter("a") if link.get("class") == BACKLINK]
