from datetime import timedelta
from typing import Any

from django import forms
from django.utils import timezone

from subscribers.addresses import normalise
from subscribers.errors import BadAddress

LONGEST_PAUSE = timedelta(days=366)


class PauseForm(forms.Form):
    """A number of weeks, from a button, or a day."""

    weeks = forms.IntegerField(min_value=1, max_value=52, required=False)
    until = forms.DateField(required=False)

    def clean(self) -> dict[str, Any]:
        today = timezone.now().date()
        if weeks := self.cleaned_data.get("weeks"):
            self.cleaned_data["until"] = today + timedelta(weeks=weeks)
        until = self.cleaned_data.get("until")
        if until is None or not today < until <= today + LONGEST_PAUSE:
            raise forms.ValidationError("Choose a day after today, and within a year.")
        return self.cleaned_data


class AddressForm(forms.Form):
    email = forms.CharField(max_length=320, error_messages={"required": "Write the new address."})

    def clean_email(self) -> str:
        try:
            return normalise(self.cleaned_data["email"])
        except BadAddress as error:
            raise forms.ValidationError(str(error)) from error
