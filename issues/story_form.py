"""The form that a story is written in. It refuses to overwrite what somebody else has saved, and loses nothing typed."""

from typing import Any

from django import forms
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import ValidationError
from django.http import QueryDict

from issues.forms import LINE, SENTENCES, markdown_area, try_markdown
from issues.merging_versions import Conflict, merge
from issues.models import Issue, Story, StoryState
from issues.published_changes import PublishedChangeForm
from issues.reviewing import Step, steps_from
from issues.revising import current_number, form_values
from issues.sources import source_pasted
from issues.story_rows import PapersField, ResourcesField, Rows
from issues.writing import hold, next_position
from papers.errors import PapersError
from papers.models import Paper

# What an editor types, and what drafts, conflicts and revisions are made of.
CONTENT = ("title", "slug", "section", "issue", "position", "summary", "body", "topics", "papers", "resources")
THEIRS = "theirs"


class StoryForm(PublishedChangeForm):
    papers = PapersField(required=False)
    resources = ResourcesField(required=False)
    paste = forms.CharField(
        label="Add papers and resources",
        required=False,
        widget=forms.Textarea(attrs={"rows": 1, "spellcheck": "false", "autocomplete": "off"}),
        help_text="An arXiv id, DOI, ISBN or address; several on lines of their own.",
    )
    comment = forms.CharField(
        required=False, widget=forms.Textarea(attrs={"rows": 2}), help_text="For those who work on the story."
    )
    step = forms.CharField(required=False)
    note = forms.CharField(label="What changed", required=False, max_length=200, help_text="For the list of revisions.")
    seen_revision = forms.IntegerField(required=False, widget=forms.HiddenInput)  # the newest when the form was drawn
    window = forms.CharField(required=False, max_length=36, widget=forms.HiddenInput)  # which keeps the draft

    user: User | AnonymousUser = AnonymousUser()  # set by the admin
    conflict: Conflict | None = None

    class Meta:
        model = Story
        fields = ["title", "slug", "section", "issue", "position", "summary", "body", "topics"]
        widgets = {"title": LINE, "slug": LINE, "summary": SENTENCES, "body": markdown_area(30)}
        help_texts = {"topics": "By their names, or other names that they have."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        story = self.instance
        self.fields["seen_revision"].initial = current_number(story)
        if story.pk is not None:
            self.initial["papers"] = [str(row.paper_id) for row in story.story_papers.all()]
            self.initial["resources"] = [
                [str(row.resource_id), row.title, row.resource.kind]
                for row in story.story_resources.select_related("resource")
            ]
        if self.is_bound:
            sent: QueryDict = self.data  # type: ignore[assignment]
            self.data = sent.copy()  # A conflict fills in what only others have changed.
            self.take_theirs()

    def typed(self) -> dict[str, Any]:
        """What was sent for each field of the content, as it was typed."""
        data: QueryDict = self.data  # type: ignore[assignment]
        values = {
            name: self.fields[name].widget.value_from_datadict(data, self.files, name)
            for name in CONTENT
            if name in self.fields and name != "topics"
        }
        return values | {"topics": sorted(data.getlist("topics"))}  # whatever widget the admin gives them

    def put(self, name: str, value: Any) -> None:
        """Let the form be one in which this value was typed."""
        data: QueryDict = self.data  # type: ignore[assignment]  # A copy, which may be changed.
        widget = self.fields[name].widget
        if isinstance(widget, Rows):
            widget.put(data, name, value)
        elif isinstance(value, list):
            data.setlist(name, value)
        else:
            data[name] = value

    # Two people at once

    def take_theirs(self) -> None:
        """Carry out what was chosen after a conflict: the fields for which the other's version was wanted."""
        wanted = [name for name in CONTENT if name in self.fields and self.data.get(f"keep-{name}") == THEIRS]
        seen = self.data.get("seen_revision", "")
        if wanted and self.instance.pk and seen.isdecimal():
            revision = self.instance.revisions.filter(number=int(seen)).first()
            values = form_values(revision) if revision else {}
            for name in wanted:
                if name in values:
                    self.put(name, values[name])

    def check_version(self) -> None:
        """If somebody saved in between: take over what only they have changed, and ask about what both have."""
        if self.instance.pk is None:
            return
        newest = self.instance.revisions.select_related("editor").order_by("-number").first()
        seen = self.cleaned_data.get("seen_revision") or 0
        if newest is None or seen == newest.number:
            return
        base = self.instance.revisions.filter(number=seen).first()
        self.conflict = merge(form_values(base) if base else {}, newest, form_values(newest), self.typed())
        for name, value in self.conflict.taken.items():
            self.put(name, value)
        self.put("seen_revision", str(newest.number))
        self.add_error(None, self.conflict.sentence)

    # Checks

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        self.check_version()
        if self.conflict:  # What follows will be checked when it is saved.
            return cleaned
        self.add_pasted()
        issue = cleaned.get("issue", self.instance.issue)
        if "position" in cleaned:
            cleaned["position"] = self.find_position(issue)
        if "body" in cleaned:
            self.check_body(issue)
        self.check_change()
        return cleaned

    def clean_issue(self) -> Issue | None:
        """One that is published from now on waits until the story is saved."""
        issue: Issue | None = self.cleaned_data["issue"]
        if issue and not hold(Issue.objects.to_come().filter(pk=issue.pk)):
            raise ValidationError("This issue was published in this moment. Choose another one.")
        return issue

    def clean_step(self) -> Step | None:
        name = self.cleaned_data["step"]
        if not name:
            return None
        step = next((step for step in steps_from(self.instance, self.user) if step.name == name), None)
        if step is None:
            raise ValidationError("This step is not open to you, or not from the state that the story has now.")
        return step

    def add_pasted(self) -> None:
        """Add to the lists what was pasted and not yet added, as when there is no JavaScript."""
        for line in filter(str.strip, self.cleaned_data.get("paste", "").splitlines()):
            try:
                source = source_pasted(line, self.user)
            except PapersError as error:
                self.add_error("paste", f"{line.strip()[:80]}: {error}")
                continue
            name = "papers" if isinstance(source, Paper) else "resources"
            row = source if isinstance(source, Paper) else (source, "", source.kind)
            rows = self.cleaned_data.get(name, [])
            if row not in rows and source not in [each[0] for each in rows if isinstance(each, tuple)]:
                self.cleaned_data[name] = [*rows, row]

    def find_position(self, issue: Issue | None) -> int | None:
        """The position as typed if it is free; the last one if it was left empty, or was meant for another issue."""
        position: int | None = self.cleaned_data["position"]
        if issue is None:
            return None
        if position is None or ("issue" in self.changed_data and "position" not in self.changed_data):
            return next_position(issue.pk)
        other = issue.stories.filter(position=position).exclude(pk=self.instance.pk).first()
        if other:
            self.add_error(
                "position",
                f"Position {position} of issue #{issue.number} is that of “{other}”. Leave this empty for the last "
                "position, or arrange the stories on the page of the issue.",
            )
        return position

    def check_body(self, issue: Issue | None) -> None:
        """Refuse what can't be rendered, and in an approved story also what can't be published."""
        try:
            rendered = try_markdown(self.cleaned_data["body"], self.cleaned_data.get("slug", ""), issue)
        except ValidationError as error:
            self.add_error("body", error)
            return
        step = self.cleaned_data.get("step")
        if (step.ends if step else self.instance.state) == StoryState.APPROVED:
            for sentence in rendered.errors:
                self.add_error("body", sentence)

    def show(self, values: dict[str, Any]) -> None:
        """Draw an empty or stored form with these values in it: a draft's, or those of an earlier revision."""
        self.initial.update({name: value for name, value in values.items() if name in self.fields})
