from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import JSONField, QuerySet, Subquery
from django.db.models.functions import JSONObject
from django.db.models.sql.compiler import SQLCompiler


class JSONRows(Subquery):
    """An annotation: the rows of a subquery as a list of dicts, in its order.

    For the short lists in a line of a page, such as the topics of a story: they come with the row that they belong
    to, where `prefetch_related` would make one query more for each kind of list. `fields` maps keys to expressions.
    """

    template = "(SELECT JSON_GROUP_ARRAY(JSON(listed.fields)) FROM (%(subquery)s) AS listed)"
    postgresql_template = "(SELECT COALESCE(JSONB_AGG(listed.fields), '[]') FROM (%(subquery)s) AS listed)"

    def __init__(self, queryset: QuerySet[Any], **fields: str) -> None:
        super().__init__(queryset.values(fields=JSONObject(**fields)), output_field=JSONField())

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, Any]:
        return self.as_sql(compiler, connection, template=self.postgresql_template)
