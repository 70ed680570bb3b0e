"""What readers would notice between two renderings of an issue: part by part, in words."""

from dataclasses import dataclass, field
from typing import Any

from deliveries.models import Mailing
from issues.comparing import Piece, changed_paragraphs

NAMES_OF_FIELDS = {
    "subject": "Subject",
    "sender": "Sender’s name",
    "from_email": "Sender’s address",
    "reply_to": "Reply address",
    "list_name": "Name of the list",
    "list_id": "List-Id",
}


@dataclass(frozen=True)
class Difference:
    name: str
    paragraphs: list[list[Piece]] = field(default_factory=list)
    note: str = ""


def differences(then: Mailing, now: Mailing) -> list[Difference]:
    """What changed in headers and text; a change of nothing but the layout is named as one. Empty: the same mail."""
    if then.fingerprint == now.fingerprint:
        return []
    found = differences_of_headers(then, now) + differences_of_parts(then.parts, now.parts)
    if not found and then.stories != now.stories:
        note = "They decide who gets a story of those readers who chose only some."
        found = [Difference("Sections and topics", note=note)]
    if not found:
        note = "The stories have the same words. What is around them changed: layout, colours, links or addresses."
        found = [Difference("The email’s frame", note=note)]
    return found


def differences_of_headers(then: Mailing, now: Mailing) -> list[Difference]:
    pairs = ((name, getattr(then, field), getattr(now, field)) for field, name in NAMES_OF_FIELDS.items())
    return [Difference(name, changed_paragraphs(old, new)) for name, old, new in pairs if old != new]


def differences_of_parts(then: list[dict[str, Any]], now: list[dict[str, Any]]) -> list[Difference]:
    """Stories are followed by their row, whatever they are called and wherever they stand."""
    old, new = ({_key(part): part for part in parts} for parts in (then, now))
    found = []
    for key, part in new.items():
        if key not in old:
            found.append(Difference(part["name"], note="It has been added."))
        elif paragraphs := changed_paragraphs(old[key]["text"], part["text"]):
            found.append(Difference(part["name"], paragraphs))
    found += [Difference(part["name"], note="It is no longer there.") for key, part in old.items() if key not in new]
    if [key for key in old if key in new] != [key for key in new if key in old]:
        found.append(Difference("The order of the stories", note="They stand in another order."))
    return found


def _key(part: dict[str, Any]) -> str:
    return str(part["story"] or part["name"])
