from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction
from tqdm import tqdm

from issues.models import Issue, Publication, Story, Topic
from issues.writing import render_stories_again, save_issue, save_publication, save_topic

BATCH = 100  # stories in one transaction


class Command(BaseCommand):
    help = "Write the HTML of all texts anew from their Markdown: after a change of the renderer. Sent mails stay as they were."

    def handle(self, **options: Any) -> None:
        stories = list(Story.objects.order_by("pk").values_list("pk", flat=True))
        others = [*Issue.objects.all(), *Topic.objects.all()]
        save_publication(Publication.objects.current())
        with tqdm(total=len(stories) + len(others), unit="text", disable=None, leave=False) as bar:
            for start in range(0, len(stories), BATCH):
                batch = list(Story.objects.filter(pk__in=stories[start : start + BATCH]))
                with transaction.atomic():
                    render_stories_again(batch)
                bar.update(len(batch))
            for text in others:
                save_issue(text) if isinstance(text, Issue) else save_topic(text)
                bar.update()
        self.stdout.write(f"{len(stories) + len(others) + 1} texts are rendered anew.")
