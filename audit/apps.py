from django.apps import AppConfig
from django.db.models.signals import post_save


class AuditConfig(AppConfig):
    name = "audit"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from audit.recording import record_admin_entry

        post_save.connect(record_admin_entry, sender="admin.LogEntry", dispatch_uid="audit.record_admin_entry")
