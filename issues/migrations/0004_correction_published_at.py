import datetime

import django.utils.timezone
from django.db import migrations, models


def take_the_date(apps, schema_editor):
    """Corrections from before this field were public from their date on."""
    corrections = apps.get_model("issues", "Correction").objects.all()
    for correction in corrections.iterator():
        correction.published_at = datetime.datetime.combine(correction.date, datetime.time(), datetime.UTC)
        correction.save(update_fields=["published_at"])


class Migration(migrations.Migration):
    dependencies = [("issues", "0003_search")]

    operations = [
        migrations.AddField(
            "correction",
            "published_at",
            models.DateTimeField(default=django.utils.timezone.now, editable=False),
        ),
        migrations.RunPython(take_the_date, migrations.RunPython.noop),
    ]
