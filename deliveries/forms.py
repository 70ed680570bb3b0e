from django import forms


class ScheduleForm(forms.Form):
    at = forms.DateTimeField(
        label="Start at", widget=forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    )


class SampleForm(forms.Form):
    to = forms.EmailField(label="Address", max_length=254)
