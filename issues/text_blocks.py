"""The plain words of rendered HTML, block by block: for counting, and for the sentence around a link."""

import re
from html.parser import HTMLParser

INLINE = {"a", "abbr", "code", "del", "em", "span", "strong", "sub", "sup", "kbd", "s"}
SKIPPED = {"math", "pre"}
SENTENCE_END = re.compile(r"(?<=[.!?…])[”’\")\]]*\s+(?=[“‘\"(\[]?[A-Z0-9])")


class BlockReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[str] = [""]
        self.skipping = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in SKIPPED:
            self.skipping += 1
        elif tag not in INLINE:
            self.blocks.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in SKIPPED:
            self.skipping -= 1
        elif tag not in INLINE:
            self.blocks.append("")

    def handle_data(self, data: str) -> None:
        if not self.skipping:
            self.blocks[-1] += data


def text_blocks(html: str) -> list[str]:
    """Return the text of each paragraph, heading, cell … of sanitised HTML, white space collapsed, no empty ones."""
    reader = BlockReader()
    reader.feed(html)
    reader.close()
    return [text for text in (" ".join(block.split()) for block in reader.blocks) if text]


def count_words(blocks: list[str]) -> int:
    return sum(len(re.findall(r"\w[\w’'.,·-]*", block)) for block in blocks)


def sentence_around(words: str, blocks: list[str]) -> str:
    """Return the first sentence that holds `words`, whatever its quotes and emphasis; empty if none does."""
    pattern = re.compile(rf"(?<!\w){re.escape(without_marks(words))}(?!\w)")
    for block in blocks:
        if pattern.search(without_marks(block)):
            sentences = SENTENCE_END.split(block)
            return next((sentence for sentence in sentences if pattern.search(without_marks(sentence))), block)
    return ""


def without_marks(text: str) -> str:
    return re.sub(r"[*_`'\"‘’“”]", "", text)
