"""What is kept beside the stories while they are written: what is typed and not saved yet, and what is said about them."""

from django.conf import settings
from django.db import models

from issues.models.story import Story, StoryState


class Draft(models.Model):
    """What an editor has typed into the form of a story, or of a new one, and not saved: never shown to anybody else.

    It holds the form's fields, the revision that they were begun from (0 for a new story), and the key of the window
    that keeps it, so that a second window doesn't write over it.
    """

    story = models.ForeignKey(Story, models.CASCADE, related_name="drafts", null=True, blank=True)
    editor = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    revision = models.PositiveIntegerField()
    window = models.CharField(max_length=36)
    fields = models.JSONField()
    kept_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-kept_at"]
        constraints = [
            models.UniqueConstraint(fields=["story", "editor"], name="one_draft_per_story_and_editor"),
            models.UniqueConstraint(
                fields=["editor"], condition=models.Q(story=None), name="one_draft_of_a_new_story_per_editor"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.story or 'New story'}, {self.kept_at:%Y-%m-%d %H:%M}"


class Comment(models.Model):
    """What somebody said about a story on the way to its approval, and the state that it was given with these words."""

    story = models.ForeignKey(Story, models.CASCADE, related_name="comments")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, related_name="+", null=True, blank=True)
    text = models.TextField(blank=True)
    state = models.CharField(max_length=10, choices=StoryState, blank=True, help_text="Empty: it stayed as it was.")
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["made_at", "pk"]
        constraints = [
            models.CheckConstraint(condition=models.Q(state__in=["", *StoryState.values]), name="comment_state_known"),
            models.CheckConstraint(condition=~models.Q(text="", state=""), name="comment_says_something"),
        ]

    def __str__(self) -> str:
        return self.text[:60] or self.get_state_display()
