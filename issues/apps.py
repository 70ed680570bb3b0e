from django.apps import AppConfig
from django.db.models.signals import post_migrate


class IssuesConfig(AppConfig):
    name = "issues"
    verbose_name = "Digest"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from issues.groups import fill_groups

        post_migrate.connect(fill_groups, sender=self, dispatch_uid="issues.fill_groups")
