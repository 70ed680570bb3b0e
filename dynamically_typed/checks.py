"""What `manage.py check --deploy` says besides Django's own."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register


@register(Tags.security, deploy=True)
def mail_leaves_the_machine(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if settings.EMAIL_HOST or settings.EMAIL_BACKEND.startswith("anymail."):
        return []
    return [
        Warning(
            "No mail leaves this machine, and yet issues would count as sent.",
            hint="Set EMAIL_URL to your mail server or provider: docs/sending-setup.md.",
            id="dynamically_typed.W001",
        )
    ]


@register(Tags.security, deploy=True)
def log_ins_ask_for_a_second_factor(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if settings.REQUIRE_SECOND_FACTOR:
        return []
    return [
        Warning(
            "A stolen password is enough to log in as an editor.",
            hint="Leave REQUIRE_SECOND_FACTOR out, or set it to true.",
            id="dynamically_typed.W002",
        )
    ]
