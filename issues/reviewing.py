"""A story's way to approval: its steps, who may take them, and what was said at each."""

from dataclasses import dataclass

from django.contrib.auth.models import AnonymousUser, User
from django.db import transaction

from audit.models import Action
from audit.recording import record
from issues import tasks
from issues.models import Comment, IssueState, Story, StoryState


@dataclass(frozen=True)
class Step:
    name: str
    label: str
    begins: frozenset[str]  # states
    ends: StoryState
    permission: str
    revision_note: str


STEPS = (
    Step(
        "review",
        "Send to review",
        frozenset({StoryState.DRAFT}),
        StoryState.IN_REVIEW,
        "issues.change_story",
        "Sent to review",
    ),
    Step(
        "approve",
        "Approve",
        frozenset({StoryState.DRAFT, StoryState.IN_REVIEW}),
        StoryState.APPROVED,
        "issues.approve_story",
        "Approved",
    ),
    Step(
        "back",
        "Back to draft",
        frozenset({StoryState.IN_REVIEW, StoryState.APPROVED}),
        StoryState.DRAFT,
        "issues.change_story",
        "Back to draft",
    ),
)


def steps_from(story: Story, user: User | AnonymousUser) -> list[Step]:
    """The steps that this user may take from the story's state. What is published stays approved.

    Taking back an approval is for those who may give it.
    """
    if story.issue is not None and story.issue.state == IssueState.PUBLISHED:
        return []
    if story.state == StoryState.APPROVED and not user.has_perm("issues.approve_story"):
        return []
    return [step for step in STEPS if story.state in step.begins and user.has_perm(step.permission)]


def keep_comment(story: Story, text: str, step: Step | None, *, by: User) -> None:
    """Keep what was said, with the step that was taken, if one was; the state itself is saved with the story.

    Of a step, those whom it concerns are told by mail, by the next worker.
    """
    if not (text or step):
        return
    comment = Comment.objects.create(story=story, author=by, text=text, state=step.ends if step else "")
    if step:
        transaction.on_commit(lambda: tasks.tell_of_step.delay(comment.pk), robust=True)
        record(Action.STATE_CHANGED, story, by=by, note=f"{step.ends.label}. {text}".strip())
