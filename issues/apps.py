from django.apps import AppConfig
from django.core.checks import register
from django.db.models.signals import post_migrate


class IssuesConfig(AppConfig):
    name = "issues"
    verbose_name = "Digest"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from issues import site_version
        from issues.groups import fill_groups
        from issues.search import checks, receivers

        post_migrate.connect(fill_groups, sender=self, dispatch_uid="issues.fill_groups")
        register(checks.full_text_is_there)
        receivers.connect()
        site_version.watch(self)
