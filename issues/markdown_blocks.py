"""Blocks of our Markdown: comparisons of answers, and footnotes."""

from xml.etree.ElementTree import Element, SubElement

from markdown import Markdown
from markdown.extensions.footnotes import FootnoteExtension
from pymdownx.blocks import BlocksExtension
from pymdownx.blocks.block import Block

OPEN = "open"  # The attribute of a block whose end was not found.


class DigestBlock(Block):
    """A block that takes no attributes from the text, and says if it was never closed."""

    def on_validate(self, parent: Element) -> bool:
        return not self.options["attrs"]

    def on_create(self, parent: Element) -> Element:
        element = self.begin(parent)
        element.set(OPEN, self.NAME)
        return element

    def begin(self, parent: Element) -> Element:
        raise NotImplementedError

    def on_end(self, block: Element) -> None:
        block.attrib.pop(OPEN)


class ComparisonBlock(DigestBlock):
    """/// comparison | title: holds one prompt and two or more answers."""

    NAME = "comparison"
    ARGUMENT = None

    def begin(self, parent: Element) -> Element:
        figure = SubElement(parent, "figure", {"class": "comparison"})
        if self.argument:
            SubElement(figure, "figcaption", {"class": "comparison-title"}).text = self.argument
        return figure


class PromptBlock(DigestBlock):
    """//// prompt: what the models were asked."""

    NAME = "prompt"
    ARGUMENT = None

    def begin(self, parent: Element) -> Element:
        prompt = SubElement(parent, "div", {"class": "comparison-prompt"})
        SubElement(prompt, "p", {"class": "comparison-label"}).text = self.argument or "Prompt"
        return prompt


class AnswerBlock(DigestBlock):
    """//// answer | model: what one model answered."""

    NAME = "answer"
    ARGUMENT = True

    def begin(self, parent: Element) -> Element:
        answer = SubElement(parent, "div", {"class": "comparison-answer"})
        SubElement(answer, "p", {"class": "comparison-label"}).text = self.argument
        return answer


class ComparisonExtension(BlocksExtension):
    def extendMarkdownBlocks(self, md: Markdown, block_manager: object) -> None:  # noqa: N802
        for block in (ComparisonBlock, PromptBlock, AnswerBlock):
            block_manager.register(block, self.getConfigs())  # type: ignore[attr-defined]


class NumberedFootnotes(FootnoteExtension):
    """Footnotes with numbers in their ids: a label may hold characters that no id may."""

    def makeFootnoteId(self, id: str) -> str:  # noqa: N802
        return super().makeFootnoteId(self.number_of(id))

    def makeFootnoteRefId(self, id: str, found: bool = False) -> str:  # noqa: N802
        return super().makeFootnoteRefId(self.number_of(id), found)

    def number_of(self, label: str) -> str:
        return str(list(self.footnotes).index(label) + 1)
