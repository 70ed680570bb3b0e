"""Where a story speaks of a paper."""

import re
from html import unescape

from issues.models import Story
from issues.text_blocks import SENTENCE_END, sentence_around, text_blocks
from papers.errors import BadIdentifier
from papers.identifiers import looks_like_arxiv, parse_arxiv_id, parse_doi
from papers.models import Paper

LINK = re.compile(r'<a\b[^>]*\bhref="([^"]*)"[^>]*>.*?(?=</a>)', re.DOTALL)
MARK = "\ue000"  # of private use: it can't be in a text


def sentence_about(paper: Paper, story: Story) -> str:
    """The sentence of the story's text that links to the paper, or has its title; empty if there is none."""
    for link in LINK.finditer(story.body_html):
        if leads_to(unescape(link[1]), paper):
            marked = story.body_html[: link.end()] + MARK + story.body_html[link.end() :]
            block = next((block for block in text_blocks(marked) if MARK in block), "")
            return next((text for text in SENTENCE_END.split(block) if MARK in text), "").replace(MARK, "")
    return sentence_around(paper.title, text_blocks(story.body_html)) if paper.title else ""


def leads_to(address: str, paper: Paper) -> bool:
    """Whether an address is one of the paper's: at arXiv, of its DOI, its own, or its page here."""
    if address == paper.get_absolute_url() or (paper.url and address == paper.url):
        return True
    if looks_like_arxiv(address):
        return parse_arxiv_id(address).id == paper.arxiv_id
    try:
        return bool(paper.doi) and "doi.org/" in address and parse_doi(address) == paper.doi
    except BadIdentifier:
        return False
