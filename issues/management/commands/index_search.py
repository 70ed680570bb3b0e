from typing import Any

from django.core.management.base import BaseCommand
from tqdm import tqdm

from issues.search.indexing import everything, rebuild


class Command(BaseCommand):
    help = (
        "Write anew what can be searched: after a change of how texts are read, or where rows were written without us."
    )

    def handle(self, **options: Any) -> None:
        total = sum(len(pks) for pks in everything().values())
        with tqdm(total=total, unit="entry", disable=None, leave=False) as bar:
            rebuild(progress=bar.update)
        self.stdout.write(f"{total} entries can be found.")
