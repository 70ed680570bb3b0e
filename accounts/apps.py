from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class AccountsConfig(AppConfig):
    default = True  # the other is named in full
    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"


class StaffAdminConfig(admin_apps.AdminConfig):
    """Stands in INSTALLED_APPS for Django's own, and brings the site with the second factor."""

    default = False
    default_site = "accounts.site.StaffSite"
