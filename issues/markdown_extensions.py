"""What our Markdown makes of the tree: figures, attributed quotes, comparisons, references, mathematics.

Everything works on the element tree: no step builds HTML from strings, and raw HTML in a text is shown as text.
"""

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element, SubElement

from markdown import Markdown
from markdown.extensions import Extension
from markdown.inlinepatterns import InlineProcessor
from markdown.treeprocessors import Treeprocessor
from markdown.util import AtomicString

from issues import images, mathematics
from issues.markdown_blocks import OPEN
from issues.render_context import STORY_PATTERN, ProblemKind, RenderContext, issue_pattern, reference_key
from issues.sidenotes import number_footnotes, shape_sidenotes

DECORATIVE = "decorative"
HEADINGS = {"h1": "h3", "h2": "h3", "h3": "h4", "h4": "h5", "h5": "h5", "h6": "h5"}  # h1 and h2 belong to the page


class ReferenceProcessor(InlineProcessor):
    """“DT #41”, `[[slug]]` and `[[slug|words]]` become links where the target is known, and stay text where not."""

    ANCESTOR_EXCLUDES = ("a",)

    def __init__(self, pattern: str, md: Markdown, context: RenderContext) -> None:
        super().__init__(pattern, md)
        self.context = context

    def handleMatch(  # type: ignore[override]  # noqa: N802
        self, match: re.Match[str], data: str
    ) -> tuple[Element, int, int] | tuple[None, None, None]:
        key, found = reference_key(match), match.groupdict()
        target = self.context.targets.get(key)
        if target is None:
            self.context.references.setdefault(key, match.group(0) if "number" in found else f"[[{key}")
            return None, None, None
        link = Element("a", {"class": "reference", "href": self.context.absolute(target.url), "title": target.title})
        link.text = found.get("words") or AtomicString(match.group(0) if "number" in found else target.title)
        self.context.references.setdefault(key, link.text)
        return link, match.start(0), match.end(0)


class ShapeTree(Treeprocessor):
    """Shapes the finished tree: each step looks for one thing."""

    def __init__(self, md: Markdown, context: RenderContext) -> None:
        super().__init__(md)
        self.context = context

    def run(self, root: Element) -> None:
        for heading in root.iter():
            heading.tag = HEADINGS.get(heading.tag, heading.tag)
        self.shape_quotes(root)
        self.shape_figures(root)
        self.shape_comparisons(root)
        self.check_blocks(root)
        self.shape_tables(root)
        self.shape_mathematics(root)
        number_footnotes(root)
        if self.context.medium == "email":
            self.shape_for_email(root)
        else:
            shape_sidenotes(root)

    def shape_quotes(self, root: Element) -> None:
        """A last paragraph that begins with a dash is who said it."""
        for parent, quote in pairs(root, "blockquote"):
            last = quote[-1] if len(quote) > 1 else None
            if last is None or last.tag != "p" or not re.match(r"\s*(—|--)\s*\S", last.text or ""):
                continue
            quote.remove(last)
            last.tag = "figcaption"
            last.text = re.sub(r"^\s*(—|--)\s*", "", last.text or "")
            figure = Element("figure", {"class": "quote"})
            replace(parent, quote, figure)
            figure.extend([quote, last])

    def shape_figures(self, root: Element) -> None:
        """Resolve every picture; one that is a paragraph by itself becomes a figure with its title as caption."""
        for parent, picture in pairs(root, "img"):
            caption = picture.attrib.pop("title", "")
            if not self.resolve_picture(picture):
                replace(parent, picture, missing_picture(picture))
            elif (
                parent.tag == "p"
                and len(parent) == 1
                and not (parent.text or "").strip()
                and not (picture.tail or "").strip()
            ):
                parent.tag, parent.text, picture.tail = "figure", None, None
                parent.set("class", "figure")
                if caption:
                    SubElement(parent, "figcaption").text = caption

    def resolve_picture(self, picture: Element) -> bool:
        """Give the element its addresses and size; False if there is no such picture."""
        source, alt = picture.get("src", ""), picture.get("alt", "").strip()
        image = self.context.images.get(source)
        if image is None:
            self.context.report(ProblemKind.PICTURE, f"There is no picture “{source}”. Upload it, or correct the name.")
            return False
        if not alt:
            self.context.report(
                ProblemKind.WORDS,
                f"The picture “{source}” has no alternative text. Say what is to be seen: ![…]({source}), or mark it as "
                f"decoration: ![{DECORATIVE}]({source}).",
            )
        picture.attrib.clear()
        picture.attrib.update(images.attributes(image, self.context.medium))
        picture.set("alt", "" if alt.lower() == DECORATIVE else alt)
        return True

    def shape_comparisons(self, root: Element) -> None:
        """Gather the answers of a comparison in one element, so that they can stand side by side."""
        for figure in [figure for figure in root.iter("figure") if figure.get("class") == "comparison"]:
            answers = [child for child in figure if child.get("class") == "comparison-answer"]
            if len(answers) < 2:
                self.context.report(
                    ProblemKind.BLOCK,
                    "A comparison has fewer than two answers. Each is a block of its own: //// answer | name of the model",
                )
            group = Element("div", {"class": "comparison-answers"})
            for answer in answers:
                figure.remove(answer)
                group.append(answer)
            figure.append(group)

    def check_blocks(self, root: Element) -> None:
        for parent in root.iter():
            if name := parent.attrib.pop(OPEN, None):
                self.context.report(
                    ProblemKind.BLOCK,
                    f"A block “{name}” is never closed. Close it with as many slashes as it was opened with, and leave "
                    "a blank line before and after them.",
                )
            for child in parent:
                is_part = child.get("class") in {"comparison-prompt", "comparison-answer"}
                if is_part and parent.get("class") not in {"comparison", "comparison-answers"}:
                    self.context.report(
                        ProblemKind.BLOCK,
                        "A prompt or an answer stands outside of a comparison. Put /// comparison before it.",
                    )

    def shape_tables(self, root: Element) -> None:
        """Alignment as classes, and a frame that scrolls by itself in a narrow window."""
        for cell in [*root.iter("td"), *root.iter("th")]:
            alignment = cell.attrib.pop("align", None)
            if alignment:
                cell.set("class", f"align-{alignment}")
        for header in root.iter("th"):
            header.set("scope", "col")
        if self.context.medium == "web":
            for parent, table in pairs(root, "table"):
                wrap(parent, table, scrolling("table-scroll", "Table"))

    def shape_mathematics(self, root: Element) -> None:
        for tag, display in (("span", False), ("div", True)):
            for parent, element in pairs(root, tag):
                if element.get("class") == "arithmatex":
                    tex = (element.text or "")[2:-2].strip()
                    replace(parent, element, self.formula(tex, display=display))

    def formula(self, tex: str, *, display: bool) -> Element:
        if self.context.medium == "email":
            shown = Element("p" if display else "em", {"class": "math"})
            shown.text = mathematics.to_unicode(tex)
            return shown
        try:
            math = mathematics.to_mathml(tex, display=display)
        except ValueError as error:
            self.context.warnings.append(f"The formula “{tex}” is shown as its source: {error}.")
            source = Element("code", {"class": "math-source"})
            source.text = tex
            return source
        if not display:
            return math
        block = scrolling("math-block", "Formula")
        block.append(math)
        return block

    def shape_for_email(self, root: Element) -> None:
        """Whole addresses; no links within the mail, which mail programs handle badly."""
        for element in root.iter():
            element.attrib.pop("id", None)
            if "href" in element.attrib:
                element.set("href", self.context.absolute(element.get("href", "")))
        for parent, link in pairs(root, "a"):
            if link.get("class") == "footnote-backref":
                replace(parent, link, None)
            elif link.get("href", "").startswith("#"):
                link.tag = "span"
                link.attrib.pop("href")


class DigestExtension(Extension):
    """Our own syntax, and no raw HTML."""

    def __init__(self, context: RenderContext) -> None:
        super().__init__()
        self.context = context

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802
        md.preprocessors.deregister("html_block")
        md.inlinePatterns.deregister("html")
        # After code (190), escapes (180) and links (170 to 125), so that no link stands within a link.
        md.inlinePatterns.register(ReferenceProcessor(STORY_PATTERN, md, self.context), "story_reference", 122)
        md.inlinePatterns.register(
            ReferenceProcessor(issue_pattern(self.context.short_name), md, self.context), "issue_reference", 75
        )
        # After inline patterns (20), smart quotes (6) and footnotes have done their work.
        md.treeprocessors.register(ShapeTree(md, self.context), "shape_tree", 1)


def pairs(root: Element, tag: str) -> Iterator[tuple[Element, Element]]:
    """Each element of this tag with its parent, from a list made beforehand, so that the tree may be changed."""
    return iter([(parent, child) for parent in root.iter() for child in parent if child.tag == tag])


def replace(parent: Element, old: Element, new: Element | None) -> None:
    """Put `new`, or nothing, where `old` stands, keeping the text after it."""
    index = list(parent).index(old)
    parent.remove(old)
    tail, old.tail = old.tail, None
    if new is not None:
        new.tail = tail
        parent.insert(index, new)
    elif index:
        parent[index - 1].tail = (parent[index - 1].tail or "") + (tail or "")
    else:
        parent.text = (parent.text or "") + (tail or "")


def wrap(parent: Element, element: Element, wrapper: Element) -> None:
    replace(parent, element, wrapper)
    wrapper.append(element)


def scrolling(name: str, label: str) -> Element:
    """A frame that can be scrolled sideways, by keyboard too (WCAG 2.1.1), and says what it is."""
    return Element("div", {"class": name, "role": "region", "aria-label": label, "tabindex": "0"})


def missing_picture(picture: Element) -> Element:
    """Words in place of a picture that there is not."""
    words = Element("em")
    words.text = f"[{picture.get('alt') or picture.get('src')}]"
    return words
