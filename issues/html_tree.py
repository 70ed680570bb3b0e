"""HTML as a tree of elements, for code that reads it. The HTML is ours, sanitised, hence balanced."""

import html.parser
from collections.abc import Iterator
from dataclasses import dataclass, field

VOID_TAGS = {"br", "hr", "img"}
DEEPEST = 60  # levels: what lies deeper is kept as text, so that nobody who walks the tree runs out of stack


def parse(html: str) -> "Element":
    """Return a <div> that holds it."""
    builder = TreeBuilder()
    builder.feed(html)
    builder.close()
    return builder.root


@dataclass
class Element:
    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list["Element | str"] = field(default_factory=list)

    @property
    def classes(self) -> list[str]:
        return self.attributes.get("class", "").split()

    @property
    def elements(self) -> list["Element"]:
        return [child for child in self.children if isinstance(child, Element)]

    @property
    def text(self) -> str:
        return "".join(child if isinstance(child, str) else child.text for child in self.children)

    def find(self, *tags: str) -> Iterator["Element"]:
        """Elements with one of the tags, at any depth, in the order of the text."""
        for element in self.elements:
            if element.tag in tags:
                yield element
            else:
                yield from element.find(*tags)


class TreeBuilder(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("div")
        self.open_elements = [self.root]
        self.ignored_tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if len(self.open_elements) > DEEPEST and tag not in VOID_TAGS:
            self.ignored_tags.append(tag)
            self.handle_data(" ")
            return
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open_elements[-1].children.append(element)
        if tag not in VOID_TAGS:
            self.open_elements.append(element)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.ignored_tags:
            self.ignored_tags.remove(tag)
        elif any(element.tag == tag for element in self.open_elements[1:]):
            while self.open_elements.pop().tag != tag:
                pass

    def handle_data(self, data: str) -> None:
        self.open_elements[-1].children.append(data)
