from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.sql.compiler import SQLCompiler
from django.utils import timezone


class TimeOfAsking(models.Expression):
    """The moment at which a query is asked.

    To put a large query together takes longer than to ask it. With this in the place of a time, it can be put together
    once and asked again and again.
    """

    def __init__(self) -> None:
        super().__init__(output_field=models.DateTimeField())

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        return "%s", (self.output_field.get_db_prep_value(timezone.now(), connection),)
