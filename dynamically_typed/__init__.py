"""The wiring of the project; no app imports it."""

from dynamically_typed.celery import app as celery_app

__all__ = ["celery_app"]
