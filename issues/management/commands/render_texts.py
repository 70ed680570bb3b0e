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
        """Each text is locked and read just before it is written, so that nothing is overwritten that is saved meanwhile."""
        story_ids = list(Story.objects.order_by("pk").values_list("pk", flat=True))
        issue_ids = list(Issue.objects.order_by("pk").values_list("pk", flat=True))
        topic_ids = list(Topic.objects.order_by("pk").values_list("pk", flat=True))
        total = len(story_ids) + len(issue_ids) + len(topic_ids)
        save_publication(Publication.objects.current())
        with tqdm(total=total, unit="text", disable=None, leave=False) as bar:
            for start in range(0, len(story_ids), BATCH):
                batch = story_ids[start : start + BATCH]
                render_stories_again(Story.objects.filter(pk__in=batch).only("pk"))
                bar.update(len(batch))
            for issue_id in issue_ids:
                with transaction.atomic():
                    for issue in Issue.objects.select_for_update().filter(pk=issue_id):
                        save_issue(issue)
                bar.update()
            for topic_id in topic_ids:
                with transaction.atomic():
                    for topic in Topic.objects.select_for_update().filter(pk=topic_id):
                        save_topic(topic)
                bar.update()
        self.stdout.write(f"{total + 1} texts are rendered anew.")
