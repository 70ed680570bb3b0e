from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from tqdm import tqdm

from issues.errors import BadMarkdown
from issues.models import Issue, Publication, Story, Topic
from issues.writing import render_stories_again, save_issue, save_publication, save_topic


class Command(BaseCommand):
    help = "Write the HTML of all texts anew from their Markdown: after a change of the renderer. Sent mails stay as they were."

    def handle(self, **options: Any) -> None:
        """Each text is locked and read just before it is written, so that nothing is overwritten that is saved meanwhile."""
        kinds: dict[Any, Callable[[Any], object]] = {
            Publication: save_publication,
            Story: lambda story: render_stories_again([story]),
            Issue: save_issue,
            Topic: save_topic,
        }
        texts = [(kind, pk) for kind in kinds for pk in kind.objects.order_by("pk").values_list("pk", flat=True)]
        refused = 0
        for kind, pk in tqdm(texts, unit="text", disable=None, leave=False):
            with transaction.atomic():
                for text in kind.objects.select_for_update().filter(pk=pk).order_by("pk"):
                    try:
                        kinds[kind](text)
                    except BadMarkdown as error:
                        refused += 1
                        self.stderr.write(self.style.ERROR(f"refused: {kind._meta.verbose_name} “{text}”: {error}"))
        self.stdout.write(f"{len(texts) - refused} texts are rendered anew.")
        if refused:
            raise CommandError(f"{refused} refused. They stay as they were: mend what is named above in the admin.")
