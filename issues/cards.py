"""The picture that stands for a story or an issue where its address is shared (https://ogp.me): its name and its file."""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import timedelta

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone
from django.utils.dateformat import format as format_date

from issues.models import Issue, Publication, Story

WIDTH, HEIGHT = 1200, 630  # pixels
END_OF_PNG = b"IEND\xaeB`\x82"  # the name and the checksum of a PNG's last chunk, which is always empty
FOLDER = "cards"
KEPT_FOR = timedelta(days=90)
DESIGN = 1  # another number, another picture of everything


@dataclass(frozen=True)
class Card:
    """All that the picture shows, so that its name follows from it."""

    publication: str
    number: int
    title: str
    details: str
    accent: str

    @property
    def digest(self) -> str:
        facts = json.dumps([DESIGN, asdict(self)], sort_keys=True)
        return hashlib.sha256(facts.encode()).hexdigest()[:16]

    @property
    def alternative(self) -> str:
        return f"{self.publication} #{self.number}: {self.title}"


def card_of(publication: Publication, thing: Story | Issue) -> Card:
    """The card of something with an issue: no query if that is there."""
    issue = thing.issue if isinstance(thing, Story) else thing
    if issue is None:
        raise ValueError("A story without an issue has no card.")
    date = format_date(issue.date, "j F Y")
    details = f"{date} · {thing.section}" if isinstance(thing, Story) else date
    title = thing.title or f"Issue {issue.number}"
    return Card(publication.name, issue.number, title, details, publication.accent_light)


def drawn(card: Card) -> bytes:
    """The card's PNG from the storage, where it is put when it is first asked for."""
    name = f"{FOLDER}/{card.digest}.png"
    try:
        with default_storage.open(name) as file:
            content = bytes(file.read())
    except FileNotFoundError:
        content = b""
    if content.endswith(END_OF_PNG):
        return content  # If not, it is being written at this moment, or its writing was broken off.
    from issues.card_drawing import draw  # Pillow takes 3 MB of each process, and each card is drawn once.

    content = draw(card)
    default_storage.delete(name)
    default_storage.save(name, ContentFile(content))
    return content


def forget_old() -> None:
    """Delete what was drawn long ago: most titles that it shows are there no more, and the others are drawn again."""
    if not default_storage.exists(FOLDER):
        return
    for file in default_storage.listdir(FOLDER)[1]:
        if timezone.now() - default_storage.get_modified_time(f"{FOLDER}/{file}") > KEPT_FOR:
            default_storage.delete(f"{FOLDER}/{file}")
