import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from deliveries.clock import moment
from deliveries.errors import MailingError
from subscribers.models import Subscriber


class WallClockField(forms.DateTimeField):
    """A time as a clock on the wall shows it, in no time zone yet."""

    widget = forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")

    def to_python(self, value: Any) -> datetime.datetime | None:
        with timezone.override(datetime.UTC):
            time = super().to_python(value)
        return time.replace(tzinfo=None) if time else None


class ScheduleForm(forms.Form):
    """`at` is typed in the time zone, and comes out as a moment."""

    at = WallClockField(label="Start at")

    def __init__(self, data: Any = None, *, zone: ZoneInfo, at: datetime.datetime | None = None) -> None:
        shown = at.astimezone(zone).replace(tzinfo=None) if at else None
        super().__init__(data, initial={"at": shown})
        self.zone = zone

    def clean_at(self) -> datetime.datetime:
        try:
            return moment(self.cleaned_data["at"], self.zone)
        except MailingError as error:
            raise ValidationError(str(error)) from error


class TestForm(forms.Form):
    __test__ = False  # for pytest

    to = forms.EmailField(label="Send it to", max_length=254)
    reader = forms.EmailField(
        label="As this subscriber would get it",
        required=False,
        help_text="Empty: the whole issue. The links of their own in it lead nowhere, so that nobody can use them.",
    )

    def __init__(self, data: Any = None, *, may_choose_reader: bool, to: str = "") -> None:
        super().__init__(data, initial={"to": to})
        if not may_choose_reader:
            del self.fields["reader"]

    def clean_reader(self) -> Subscriber | None:
        email = self.cleaned_data["reader"]
        if not email:
            return None
        reader = Subscriber.objects.with_address(email).first()
        if reader is None:
            raise ValidationError(f"Nobody has subscribed as {email}.")
        return reader
