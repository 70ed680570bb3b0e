from django.db import migrations, models

# What the search reads and Django has no models for: issues/search/sqlite.py and postgresql.py say how it is used.
SQLITE = (
    """
    CREATE VIRTUAL TABLE issues_searchindex USING fts5(
        labels, title, summary, extra, text, tokenize="ascii tokenchars ':'"
    )
    """,
    """
    CREATE VIRTUAL TABLE issues_searchwordtrigrams USING fts5(word, content='', tokenize='trigram')
    """,
    """
    CREATE TRIGGER issues_searchword_added AFTER INSERT ON issues_searchword BEGIN
        INSERT INTO issues_searchwordtrigrams (rowid, word) VALUES (new.id, '  ' || new.word || ' ');
    END
    """,
    """
    CREATE TRIGGER issues_searchword_deleted AFTER DELETE ON issues_searchword BEGIN
        INSERT INTO issues_searchwordtrigrams (issues_searchwordtrigrams, rowid, word)
        VALUES ('delete', old.id, '  ' || old.word || ' ');
    END
    """,
)
POSTGRESQL = (
    "CREATE EXTENSION IF NOT EXISTS pg_trgm",  # trusted: the owner of the database may
    # Vectors lie outside the rows, uncompressed: rows are passed over quickly, and vectors are read without unpacking.
    "CREATE TABLE issues_searchindex (id bigint PRIMARY KEY, recent boolean NOT NULL, vector tsvector NOT NULL)"
    " WITH (toast_tuple_target = 128)",
    "ALTER TABLE issues_searchindex ALTER vector SET STORAGE EXTERNAL",
    "CREATE INDEX issues_searchindex_all ON issues_searchindex USING gin (vector) WITH (fastupdate = off)",
    "CREATE INDEX issues_searchindex_recent ON issues_searchindex USING gin (vector) WITH (fastupdate = off)"
    " WHERE recent",
    "CREATE INDEX issues_searchindex_older ON issues_searchindex (id) WHERE NOT recent",
    "CREATE INDEX issues_searchword_trigrams ON issues_searchword USING gin (word gin_trgm_ops)",
)
TABLES = {"sqlite": ("issues_searchwordtrigrams", "issues_searchindex"), "postgresql": ("issues_searchindex",)}


def make_index(apps, schema_editor):
    for statement in {"sqlite": SQLITE, "postgresql": POSTGRESQL}[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def drop_index(apps, schema_editor):
    for table in TABLES[schema_editor.connection.vendor]:
        schema_editor.execute(f"DROP TABLE {table}")


class Migration(migrations.Migration):

    dependencies = [
        ('issues', '0002_publication_description_html'),
    ]

    operations = [
        migrations.CreateModel(
            name='SearchWord',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('word', models.CharField(max_length=40, unique=True)),
                ('stem', models.CharField(db_index=True, max_length=40)),
                ('count', models.PositiveIntegerField(help_text='In how many entries it stands.')),
            ],
            options={
                'ordering': ['word'],
            },
        ),
        migrations.CreateModel(
            name='SearchEntry',
            fields=[
                ('id', models.BigIntegerField(help_text='Sorts by date: see issues/search/documents.py.', primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('story', 'Stories'), ('paper', 'Papers'), ('topic', 'Topics'), ('resource', 'Resources')], max_length=10)),
                ('object_id', models.BigIntegerField()),
                ('public_from', models.DateTimeField(db_index=True)),
                ('labels', models.TextField(help_text='What it is counted under, separated by spaces: t:12 s:3 y:2020 k:story.')),
                ('text', models.TextField()),
            ],
            options={
                'verbose_name_plural': 'search entries',
                'constraints': [models.CheckConstraint(condition=models.Q(('kind__in', ['story', 'paper', 'topic', 'resource'])), name='search_kind_known'), models.UniqueConstraint(fields=('kind', 'object_id'), name='one_search_entry_each')],
            },
        ),
        migrations.RunPython(make_index, drop_index),
    ]
