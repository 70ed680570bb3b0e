from django.db.models import Model
from django.urls import reverse


def change_page(thing: Model) -> str:
    """The address at which the admin changes a row. Raises NoReverseMatch if it has no such page."""
    return reverse(f"admin:{thing._meta.app_label}_{thing._meta.model_name}_change", args=[thing.pk])
