import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('issues', '0004_correction_published_at'),
    ]

    operations = [
        migrations.CreateModel(
            name='SearchText',
            fields=[
                ('entry', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='text_row', serialize=False, to='issues.searchentry')),
                ('text', models.TextField()),
            ],
        ),
        migrations.RunSQL(
            "INSERT INTO issues_searchtext (entry_id, text) SELECT id, text FROM issues_searchentry",
            migrations.RunSQL.noop,
        ),
        migrations.RemoveField(
            model_name='searchentry',
            name='text',
        ),
    ]
