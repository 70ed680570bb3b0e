"""Writing the audit trail: one call beside each thing that somebody answers for."""

from typing import Any

from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model

from audit.models import Action, Entry

Actor = AbstractBaseUser | AnonymousUser | str  # a user, or in words what acted without one

COMMAND_LINE = "the command line"
SCHEDULE = "the schedule"
WORKER = "a worker"

ACTIONS_OF_ADMIN = {ADDITION: Action.ADDED, CHANGE: Action.CHANGED, DELETION: Action.DELETED}


def record(action: Action, thing: Model | str, *, by: Actor, note: str = "") -> Entry:
    """Add one entry. One INSERT; call it in the transaction of what it tells of, so that both hold or neither.

    `thing` may be the name of something that is no row. A model whose names are private has an attribute
    `name_in_audit` for this.
    """
    user = person(by)
    entry = Entry(user_id=user.pk if user else None, action=action, object_name=_name(thing)[:200], note=note)
    entry.who = user.get_username() if user else by if isinstance(by, str) else "nobody"
    if isinstance(thing, Model):
        entry.content_type, entry.object_id = ContentType.objects.get_for_model(thing), str(thing.pk)
    entry.save()
    return entry


def person(actor: Actor) -> AbstractBaseUser | None:
    return actor if isinstance(actor, AbstractBaseUser) else None


def record_admin_entry(instance: LogEntry, created: bool, **kwargs: Any) -> None:
    """Take over what Django's admin writes of itself: its entries go when their user is deleted, ours stay."""
    kind = instance.content_type.model_class() if instance.content_type else None
    thing = kind(pk=instance.object_id) if kind and hasattr(kind, "name_in_audit") else None
    if created:
        Entry.objects.create(
            at=instance.action_time,
            user_id=instance.user_id,
            who=instance.user.get_username(),
            action=ACTIONS_OF_ADMIN[instance.action_flag],
            content_type_id=instance.content_type_id,
            object_id=instance.object_id or "",
            object_name=_name(thing) if thing else instance.object_repr,
            note=instance.get_change_message(),
        )


def _name(thing: Model | str) -> str:
    return str(getattr(thing, "name_in_audit", thing))
