"""Changing what readers have seen: a slip of the pen is mended, what was wrong is owned up to."""

from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.db import models

from audit.models import Action
from audit.recording import record
from issues.models import IssueState, Publication, Story

READ = ("title", "summary", "body")  # in these a change has to be called one or the other


class Change(models.TextChoices):
    TYPO = "typo", "A typo: nobody can have taken it wrongly"
    CORRECTION = "correction", "A correction: it was wrong, and readers are told"


class PublishedChangeForm(forms.ModelForm):  # type: ignore[type-arg]  # Parameters exist in the types only.
    """What the form of a story asks in addition once it is published."""

    change = forms.ChoiceField(
        label="What kind of change is it?", choices=Change.choices, required=False, widget=forms.RadioSelect
    )
    correction = forms.CharField(
        label="What was wrong, and what is right",
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="In plain words. It stands on the story’s page under today’s date, in the feeds and in the list of "
        "corrections.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not is_published(self.instance):
            del self.fields["change"], self.fields["correction"]

    @property
    def is_asked(self) -> bool:
        """Whether an answer is missing, or contradicts itself: then it is asked for at the top of the page."""
        return bool({"change", "correction"} & self.errors.keys())

    def check_change(self) -> None:
        """Ask for the kind of change where readers would notice one, and for a correction's words."""
        if "change" not in self.fields:
            return
        change, text = self.cleaned_data.get("change"), self.cleaned_data.get("correction", "").strip()
        seen = {name: str(self.initial[name]).strip() for name in READ}
        changed = any(self.cleaned_data.get(name, was).strip() != was for name, was in seen.items())
        if changed and not change:
            self.add_error("change", "Readers have seen this text. Say what kind of change it is, then save again.")
        if change == Change.CORRECTION and not text:
            self.add_error("correction", "Tell readers what was wrong and what is right.")
        if text and change == Change.TYPO:
            self.add_error("correction", "A typo is mended without a note. Choose “a correction”, or empty this.")


def is_published(story: Story | None) -> bool:
    return story is not None and story.issue is not None and story.issue.state == IssueState.PUBLISHED


def keep_change(story: Story, answers: dict[str, Any], *, by: User) -> str:
    """Publish the correction, if it is one. Returns what the revision is to be called."""
    if answers.get("change") != Change.CORRECTION:
        return "Typo" if answers.get("change") == Change.TYPO else ""
    text = answers["correction"].strip()
    story.corrections.create(text=text, date=Publication.objects.current().today())
    record(Action.CORRECTED, story, by=by, note=text)
    return f"Correction: {text}"
