from django.db import migrations, models

# Each entry stands in one of two indexes of vectors, so that writing it takes half the time. What was written last is
# looked through word by word until it fills 256 kB or an issue is published, then sorted in.
GIN = "USING gin (vector) WITH (fastupdate = on, gin_pending_list_limit = 256)"
FORWARDS = (
    f"CREATE INDEX issues_searchindex_earlier ON issues_searchindex {GIN} WHERE NOT recent",
    "DROP INDEX issues_searchindex_all",
    "ALTER INDEX issues_searchindex_recent SET (fastupdate = on, gin_pending_list_limit = 256)",
    # Of an expression, or the planner takes it for whole words, which takes a thousand times as long as the other index.
    "DROP INDEX issues_searchword_trigrams",
    "CREATE INDEX issues_searchword_trigrams ON issues_searchword USING gin (lower(word) gin_trgm_ops)",
)
BACKWARDS = (
    "CREATE INDEX issues_searchindex_all ON issues_searchindex USING gin (vector) WITH (fastupdate = off)",
    "DROP INDEX issues_searchindex_earlier",
    "SELECT gin_clean_pending_list('issues_searchindex_recent')",
    "ALTER INDEX issues_searchindex_recent SET (fastupdate = off)",
    "ALTER INDEX issues_searchindex_recent RESET (gin_pending_list_limit)",
    "DROP INDEX issues_searchword_trigrams",
    "CREATE INDEX issues_searchword_trigrams ON issues_searchword USING gin (word gin_trgm_ops)",
)


def split_index(apps, schema_editor):
    execute(schema_editor, FORWARDS)


def join_index(apps, schema_editor):
    execute(schema_editor, BACKWARDS)


def execute(schema_editor, statements):
    if schema_editor.connection.vendor == "postgresql":
        for statement in statements:
            schema_editor.execute(statement)


class Migration(migrations.Migration):

    dependencies = [
        ('issues', '0010_waivers'),
    ]

    operations = [
        migrations.AlterField(
            model_name='searchword',
            name='count',
            field=models.PositiveIntegerField(help_text='In how many entries it stands; more or less, if in many.'),
        ),
        migrations.RunPython(split_index, join_index),
    ]
