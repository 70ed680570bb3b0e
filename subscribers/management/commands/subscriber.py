import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from subscribers import erasure, signup
from subscribers.addresses import normalise
from subscribers.errors import BadAddress
from subscribers.models import Subscriber

SOURCE = "command line"


class Command(BaseCommand):
    help = "Show, unsubscribe or erase the subscriber with an address."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["show", "unsubscribe", "erase"])
        parser.add_argument("address")
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *, action: str, address: str, **options: Any) -> None:
        subscriber = _find(address)
        changed = False
        if action == "unsubscribe":
            changed = signup.unsubscribe(subscriber, source=SOURCE)
        elif action == "erase":
            changed = erasure.erase(subscriber, source=SOURCE)
        facts = {**_facts(subscriber), "changed": changed}
        self.stdout.write(json.dumps(facts, ensure_ascii=False) if options["json"] else _sentences(facts))


def _find(address: str) -> Subscriber:
    try:
        return Subscriber.objects.with_address(normalise(address)).get()
    except BadAddress as error:
        raise CommandError(str(error)) from error
    except Subscriber.DoesNotExist as error:
        raise CommandError("Nobody in the list has this address.") from error


def _facts(subscriber: Subscriber) -> dict[str, Any]:
    return {
        "address": subscriber.email,
        "state": subscriber.state,
        "since": subscriber.created_at.isoformat(),
        "history": [
            {"at": event.created_at.isoformat(), "what": event.kind, "source": event.source, "wording": event.wording}
            for event in subscriber.consent_events.all()
        ],
    }


def _sentences(facts: dict[str, Any]) -> str:
    lines = [f"{facts['address'] or 'Erased'}: {facts['state']}, since {facts['since']}"]
    lines += [
        f"  {event['at']}  {event['what']} ({event['source']})" + (f": {event['wording']}" if event["wording"] else "")
        for event in facts["history"]
    ]
    return "\n".join(lines)
