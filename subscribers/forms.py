from typing import Any

from django import forms

from subscribers import signup
from subscribers.addresses import normalise
from subscribers.errors import AlreadyKnown, BadAddress
from subscribers.models import Subscriber


class AddSubscriberForm(forms.ModelForm):  # type: ignore[type-arg]  # Django has the parameter in its types only.
    """An editor adds somebody who agreed elsewhere."""

    # Not an EmailField: the sentences about addresses are ours.
    email = forms.CharField(label="Address", max_length=320, widget=forms.TextInput(attrs={"class": "vTextField"}))
    consent = forms.CharField(
        label="How they agreed",
        widget=forms.Textarea(attrs={"rows": 3, "class": "vLargeTextField"}),
        help_text="When and where this person agreed to get the digest, and to which words. It is kept as the proof; "
        "leave out whatever else names them.",
    )

    class Meta:
        model = Subscriber
        fields = ["email"]

    def clean_email(self) -> str:
        try:
            address = normalise(self.cleaned_data["email"])
            signup.refuse_known(address)
        except (BadAddress, AlreadyKnown) as error:
            raise forms.ValidationError(str(error)) from error
        return address

    def save(self, commit: bool = True) -> Any:
        """Add at once, whatever `commit` says: the row and its line in the consent history belong together."""
        subscriber = signup.add(self.cleaned_data["email"], consent=self.cleaned_data["consent"], source="admin")
        self.instance = subscriber
        return subscriber

    def save_m2m(self) -> None:
        """The admin calls this after `save(commit=False)`; there is nothing left to save."""
