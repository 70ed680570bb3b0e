"""The Celery application; `__main__.py` runs it."""

import gc
import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_before_create_process

from dynamically_typed import folder_broker

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dynamically_typed.settings")

folder_broker.register()
app = Celery("dynamically_typed")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


def keep_logging_of_django(**kwargs: Any) -> None:
    """Do nothing: a receiver of this signal is how Celery is told that logging is already set up."""


setup_logging.connect(keep_logging_of_django)


def keep_shared(**kwargs: Any) -> None:
    """Leave what is loaded by now to all children: else each one's collector writes into it, and so copies it.

    Source: https://docs.python.org/3/library/gc.html#gc.freeze
    """
    gc.collect()
    gc.freeze()


worker_before_create_process.connect(keep_shared)
