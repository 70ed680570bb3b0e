"""Checks of the date that the issue carries."""

import datetime
from collections.abc import Iterator

from django.utils import dateformat

from issues.preflight.findings import Finding, warning
from issues.preflight.material import Material

LATE = datetime.timedelta(days=14)
FAR = datetime.timedelta(days=60)
USUAL = 4  # issues in a row on the same day of the week


def year_is_this_one(material: Material) -> Iterator[Finding]:
    """In January one types last year's."""
    date, today = material.issue.date, material.today
    if date.year < today.year and today - date > LATE:
        yield warning(
            f"The issue’s date is {in_words(date)}, in a year that is over.",
            f"Should it be {today.year}? Correct it.",
            material.field("date"),
        )


def date_follows_the_last_issue(material: Material) -> Iterator[Finding]:
    last = next((issue for issue in material.recent if issue.number < material.issue.number), None)
    if last and material.issue.date <= last.date:
        yield warning(
            f"The issue’s date, {in_words(material.issue.date)}, is not after that of issue #{last.number}, "
            f"{in_words(last.date)}.",
            "Correct the date or the number.",
            material.field("date"),
        )


def date_is_near(material: Material) -> Iterator[Finding]:
    distance = material.issue.date - material.today
    if distance > FAR or -distance > FAR:
        yield warning(
            f"The issue’s date, {in_words(material.issue.date)}, is more than {FAR.days} days "
            f"{'away' if distance > FAR else 'ago'}.",
            "Are day and month mixed up? Correct it.",
            material.field("date"),
            what=str(material.issue.date),
        )


def weekday_is_the_usual_one(material: Material) -> Iterator[Finding]:
    days = {issue.date.weekday() for issue in material.recent[:USUAL]}
    if len(material.recent) >= USUAL and len(days) == 1 and material.issue.date.weekday() not in days:
        usual = dateformat.format(material.recent[0].date, "l")
        yield warning(
            f"The issue’s date is a {dateformat.format(material.issue.date, 'l')}; the last {USUAL} came on a {usual}.",
            "Are day and month mixed up? Correct it, or say why it is another day.",
            material.field("date"),
        )


def in_words(date: datetime.date) -> str:
    return dateformat.format(date, "j F Y")
