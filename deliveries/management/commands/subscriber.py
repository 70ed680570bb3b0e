import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from deliveries.preferences.personal_data import personal_data
from subscribers import erasure, signup
from subscribers.addresses import normalise
from subscribers.errors import BadAddress
from subscribers.models import Subscriber

SOURCE = "command line"


class Command(BaseCommand):
    help = "Show, unsubscribe or erase the subscriber with an address, or export all that is kept of them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["show", "unsubscribe", "erase", "export"])
        parser.add_argument("address")
        parser.add_argument("--json", action="store_true", help="Print one JSON object; export always does.")

    def handle(self, *, action: str, address: str, **options: Any) -> None:
        subscriber = _find(address)
        changed = False
        if action == "unsubscribe":
            changed = signup.unsubscribe(subscriber, source=SOURCE)
        elif action == "erase":
            changed = erasure.erase(subscriber, source=SOURCE)
        facts = personal_data(subscriber)
        if action == "export":
            self.stdout.write(json.dumps(facts, ensure_ascii=False, indent=2))
        elif options["json"]:
            self.stdout.write(json.dumps({**facts, "changed": changed}, ensure_ascii=False))
        else:
            self.stdout.write(_sentences(facts))


def _find(address: str) -> Subscriber:
    try:
        return Subscriber.objects.with_address(normalise(address)).get()
    except BadAddress as error:
        raise CommandError(str(error)) from error
    except Subscriber.DoesNotExist as error:
        raise CommandError("Nobody in the list has this address.") from error


def _sentences(facts: dict[str, Any]) -> str:
    lines = [f"{facts['address'] or 'Erased'}: {facts['state']}, since {facts['since']}"]
    if facts["paused_until"]:
        lines.append(f"  Gets nothing before {facts['paused_until']}")
    if facts["chosen"]:
        lines.append(f"  Gets only {' '.join(facts['chosen'])}")
    if facts["new_address"]:
        lines.append(f"  Asked for the address {facts['new_address']}, which has not confirmed")
    lines += [
        f"  {event['at']}  {event['what']} ({event['source']})" + (f": {event['wording']}" if event["wording"] else "")
        for event in facts["history"]
    ]
    lines += [
        f"  {delivery['at'] or 'not yet':32}  issue {delivery['issue']}: {delivery['state']}"
        + (f" ({delivery['reason']})" if delivery["reason"] else "")
        for delivery in facts["deliveries"]
    ]
    lines += [f"  {event['at']}  {event['what']}: {event['words']}" for event in facts["reports"]]
    return "\n".join(lines)
