from typing import Any

from django import forms
from django.contrib.auth.models import User

from accounts import second_factor

WRONG = "This code is not right. Wait for the next one; after wrong codes it takes longer and longer until one counts."


class CodeForm(forms.Form):
    code = forms.CharField(
        label="Code",
        max_length=40,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "autofocus": True, "inputmode": "text", "spellcheck": "false"}
        ),
    )


class ReplaceForm(CodeForm):
    """Shows both factors once more, before either is changed. The code only where there is one."""

    field_order = ["password", "code"]
    password = forms.CharField(
        label="Your password", strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.fields["code"].widget.attrs.pop("autofocus")
        if not second_factor.has_one(user):
            del self.fields["code"]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if not self.user.check_password(cleaned.get("password", "")):
            raise forms.ValidationError("The password or the code is not right.")
        if "code" in self.fields and not second_factor.verify(self.user, cleaned.get("code", "")):
            raise forms.ValidationError("The password or the code is not right.")
        return cleaned
