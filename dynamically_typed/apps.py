from django.apps import AppConfig


class WiringConfig(AppConfig):
    name = "dynamically_typed"

    def ready(self) -> None:
        from dynamically_typed import checks  # noqa: F401  # It registers them.
