"""What an address alone says of what is there: a first kind and title, until somebody writes better ones."""

import re
from urllib.parse import unquote, urlsplit

from papers.models import ResourceKind

KINDS = [
    (r"(github|gitlab|bitbucket|codeberg)\.\w+/", ResourceKind.CODE),
    (r"gist\.github\.com/", ResourceKind.CODE),
    (r"(huggingface\.co|kaggle\.com)/datasets/", ResourceKind.DATASET),
    (r"(zenodo\.org|figshare\.com|openml\.org)/", ResourceKind.DATASET),
    (r"huggingface\.co/spaces/", ResourceKind.DEMO),
    (r"(colab\.research\.google\.com|replicate\.com|[\w-]+\.streamlit\.app)/", ResourceKind.DEMO),
    (r"huggingface\.co/[\w.-]+/", ResourceKind.MODEL_CARD),
    (r"(youtube\.com|youtu\.be|vimeo\.com)/", ResourceKind.VIDEO),
    (r"(twitter\.com|x\.com|bsky\.app|news\.ycombinator\.com|reddit\.com|mastodon\.\w+)/", ResourceKind.THREAD),
    (r"(blog\.|[\w.-]+/blogs?/|[\w.-]+\.(substack|wordpress|github)\.(com|io)/|medium\.com/)", ResourceKind.BLOG_POST),
]
REPOSITORY = re.compile(r"/([\w.-]+/[\w.-]+)/?")
LONGEST_TITLE = 300


def guess_kind(url: str) -> ResourceKind:
    parts = urlsplit(url)
    place = f"{(parts.hostname or '').removeprefix('www.')}{parts.path or '/'}"
    return next((kind for pattern, kind in KINDS if re.match(pattern, place)), ResourceKind.OTHER)


def guess_title(url: str) -> str:
    """“owner/name” of a repository, the words of the last part of a path, else the address without what all have."""
    parts = urlsplit(url)
    host, path = (parts.hostname or "").removeprefix("www."), unquote(parts.path)
    if guess_kind(url) == ResourceKind.CODE and (found := REPOSITORY.match(path)):
        return found[1][:LONGEST_TITLE]
    last = re.sub(r"\.\w{2,5}$", "", path.rstrip("/").rpartition("/")[2])
    words = [word for word in re.split(r"[-_+ ]+", last) if word]
    if len(words) > 1 and re.search(r"[a-z]", last, re.I):
        return f"{words[0][:1].upper()}{' '.join(words)[1:]}"[:LONGEST_TITLE]
    return f"{host}{path.rstrip('/')}"[:LONGEST_TITLE]
