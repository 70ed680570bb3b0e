"""`make document-settings`: write the table of variables where operators read it."""

from dataclasses import fields
from typing import Any, NamedTuple, get_type_hints

from django.core.management.base import BaseCommand

from dynamically_typed.environment import BASE_DIR, Environment, Meaning

ENV_EXAMPLE = BASE_DIR / ".env.example"
SETTINGS_PAGE = BASE_DIR / "docs" / "settings.md"


class Command(BaseCommand):
    help = "Write .env.example and docs/settings.md from the table in dynamically_typed/environment.py."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        for path, text in ((ENV_EXAMPLE, env_example()), (SETTINGS_PAGE, settings_page())):
            path.write_text(text)
            self.stdout.write(f"Wrote {path.relative_to(BASE_DIR)}")


class Row(NamedTuple):
    name: str
    default: str  # as an operator would write it
    sentence: str
    is_value: bool  # False where `default` tells of another variable


def table() -> list[Row]:
    """The variables in their order, for `.env.example` and `docs/settings.md`."""
    types = get_type_hints(Environment, include_extras=True)
    rows = []
    for each in fields(Environment):
        meaning: Meaning = types[each.name].__metadata__[0]
        default = each.default
        written = str(default).lower() if isinstance(default, bool) else "" if default in ((), None) else str(default)
        rows.append(Row(each.name, meaning.shown or written, meaning.sentence, is_value=not meaning.shown))
    return rows


COMPOSE = """
# Only for docker-compose.yml: the password of its PostgreSQL, of letters and digits.
#POSTGRES_PASSWORD=
"""


def env_example() -> str:
    lines = [
        "# Copy this file to .env and uncomment what differs. Variables of the environment itself win over the file."
    ]
    for row in table():
        lines += ["", f"# {row.sentence}"]
        if not row.is_value:
            lines.append(f"# Default: {row.default}")
        lines.append(f"#{row.name}={row.default if row.is_value else ''}")
    return "\n".join(lines) + "\n" + COMPOSE


def settings_page() -> str:
    lines = [
        "# Settings",
        "",
        "Every variable that is read from the environment, or from a file `.env` beside `manage.py`; the environment",
        "wins. With none of them set the project runs on a laptop. `make document-settings` writes this page and",
        "`.env.example` from `dynamically_typed/environment.py`.",
        "",
        "| Variable | Default | Meaning |",
        "|---|---|---|",
    ]
    for row in table():
        default = f"`{row.default}`" if row.default else "none"
        lines.append(f"| `{row.name}` | {default} | {row.sentence} |")
    return "\n".join(lines) + "\n"
