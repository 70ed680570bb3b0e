"""`celery -A benchmarks.worker worker`: the project's workers, which also know the tasks to compare with."""

import django

django.setup()

from benchmarks import tasks  # noqa: E402, its models need the set-up
from dynamically_typed.celery import app  # noqa: E402

__all__ = ["app", "tasks"]
