"""What became of a digest's files, and what is rolled back with a file that is refused."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from django.db import transaction

from issues import images
from issues.errors import BadFile, IssuesError
from issues.models import Image
from papers.errors import PapersError

Outcome = Literal["created", "updated", "unchanged"]


@dataclass
class Report:
    """What became of a digest: how many of each kind were created, updated and unchanged, and what was refused and why."""

    counts: Counter[tuple[str, Outcome]] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    known_images: set[int] = field(default_factory=set)
    new_images: list[Image] = field(default_factory=list)

    def add(self, kind: str, outcome: Outcome) -> None:
        self.counts[kind, outcome] += 1

    def add_image(self, image: Image) -> None:
        if image.pk in self.known_images:
            self.add("figure", "unchanged")
        else:
            self.known_images.add(image.pk)
            self.new_images.append(image)
            self.add("figure", "created")

    def discard_images(self, kept: int = 0) -> None:
        """Remove the files of the images stored last, whose rows are rolled back; the first `kept` stay."""
        for image in self.new_images[kept:]:
            images.delete_files(image)
            self.known_images.discard(image.pk)
        del self.new_images[kept:]

    @contextmanager
    def each(self, name: str) -> Iterator[None]:
        """Take in one thing in a transaction of its own; if it is refused, say so, leave no trace of it and go on."""
        counts, warnings, stored = self.counts.copy(), len(self.warnings), len(self.new_images)
        taken_in = False
        try:
            with transaction.atomic():
                yield
            taken_in = True
        except BadFile as error:
            self.refused.append(str(error))
        except (IssuesError, PapersError) as error:
            self.refused.append(f"{name}: {error}")
        finally:
            if not taken_in:
                self.counts = counts
                del self.warnings[warnings:]
                self.discard_images(kept=stored)
