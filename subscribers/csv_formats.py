"""The exports of other newsletter systems, known by their columns; docs/subscribers.md says where each was seen.

Column names are compared in lower case with _ for spaces and hyphens, cells in lower case.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from subscribers.csv_files import as_written
from subscribers.errors import BadFile, BadRow
from subscribers.models import SubscriberState

ACTIVE, UNSUBSCRIBED = SubscriberState.ACTIVE.value, SubscriberState.UNSUBSCRIBED.value
BOUNCED, COMPLAINED = SubscriberState.BOUNCED.value, SubscriberState.COMPLAINED.value
# What is neither taken in nor wrong.
UNCONFIRMED = "not confirmed there"
ERASED = "erased there"
SPAM = "held to be spam there"
# Where columns or rows disagree, the first in these orders holds.
STATES = [COMPLAINED, BOUNCED, UNSUBSCRIBED, ACTIVE]
VERDICTS = [COMPLAINED, BOUNCED, UNSUBSCRIBED, ERASED, SPAM, UNCONFIRMED, ACTIVE]
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
GO_DATE = re.compile(r"(.+) ([+-]\d{4}) \S+")  # 2024-01-15 10:30:00.123 +0000 UTC


class Entry(NamedTuple):
    address: str  # as it stands in the file
    verdict: str  # one of VERDICTS
    since: datetime | None
    proof: str  # what the file says of the consent, beyond `since`


@dataclass(frozen=True)
class Format:
    name: str
    signatures: tuple[frozenset[str], ...]  # any of these sets of columns tells that a file is of this format
    address: tuple[str, ...] = ("email",)
    since: tuple[str, ...] = ("created_at",)  # the first that is filled in
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # column: {cell: verdict}
    departures: Mapping[str, str] = field(default_factory=dict)  # column with the date of a departure: verdict
    # Some services export those who left as a file of their own. A file with a column of departures is taken for such a
    # one, and everybody in it for departed, even where the cell is empty; unless the file has this column, too.
    departures_unless: str = ""
    proof: Callable[[Mapping[str, str]], str] | None = None


def columns(*names: str) -> frozenset[str]:
    return frozenset(names)


def _own_proof(row: Mapping[str, str]) -> str:
    facts = {name: as_written(row.get(f"consent{name}", "")) for name in ("", "_at", "_source", "_wording")}
    if not facts[""]:
        return ""
    wording = f": “{facts['_wording']}”" if facts["_wording"] else ""
    return f"{facts[''].capitalize()} there on {facts['_at'][:10]} ({facts['_source']}){wording}."


LISTMONK_WORDS = {"enabled": ACTIVE, "disabled": UNSUBSCRIBED, "blocklisted": UNSUBSCRIBED}
KNOWN_WORDS = {
    **dict.fromkeys(("active", "subscribed", "confirmed", "enabled", "regular"), ACTIVE),
    **dict.fromkeys(("unsubscribed", "disabled", "blocklisted", "inactive", "removed", "blocked"), UNSUBSCRIBED),
    **dict.fromkeys(("bounced", "cleaned", "unreachable", "undeliverable"), BOUNCED),
    **dict.fromkeys(("complained", "complaint"), COMPLAINED),
    **dict.fromkeys(("pending", "unconfirmed", "unactivated", "nonsubscribed", "transactional"), UNCONFIRMED),
    "erased": ERASED,
    "spam": SPAM,
    "spammy": SPAM,
}
BUTTONDOWN_WORDS = {
    **dict.fromkeys(
        ("regular", "premium", "trialed", "unpaid", "gifted", "churning", "churned", "paused", "past_due"), ACTIVE
    ),
    **dict.fromkeys(("unsubscribed", "removed", "blocked"), UNSUBSCRIBED),
    "undeliverable": BOUNCED,
    "complained": COMPLAINED,
    "unactivated": UNCONFIRMED,
    "spammy": SPAM,
}
FORMATS = [
    Format(
        "this project’s export",
        (columns("email", "state", "since", "consent_wording"),),
        since=("since",),
        words={"state": {**{state: state for state in STATES}, "pending": UNCONFIRMED, "erased": ERASED}},
        proof=_own_proof,
    ),
    Format(
        "listmonk",
        (columns("email", "status", "attributes"), columns("email", "status", "uuid")),
        words={
            "status": LISTMONK_WORDS,
            "subscription_status": {
                "confirmed": ACTIVE,
                "unconfirmed": UNCONFIRMED,
                "unsubscribed": UNSUBSCRIBED,
            },
        },
    ),
    Format(
        "Ghost",
        (columns("email", "subscribed_to_emails"),),
        words={"subscribed_to_emails": {"true": ACTIVE, "false": UNSUBSCRIBED}},
        departures={"deleted_at": UNSUBSCRIBED},
        departures_unless="subscribed_to_emails",
    ),
    Format(
        "Substack",
        (
            columns("email", "active_subscription"),
            columns("email", "email_disabled"),
            columns("email", "start_date", "type"),
            columns("email", "start_date", "subscription_type"),
        ),
        since=("created_at", "start_date"),
        words={"email_disabled": {"true": UNSUBSCRIBED, "false": ACTIVE, "": ACTIVE}},
    ),
    Format(
        "Buttondown",
        tuple(
            columns(address, kind, "creation_date")
            for address in ("email", "email_address")
            for kind in ("subscriber_type", "type")
        ),
        address=("email", "email_address"),
        since=("creation_date",),
        words={"subscriber_type": BUTTONDOWN_WORDS, "type": BUTTONDOWN_WORDS},
        departures={"unsubscription_date": UNSUBSCRIBED},
        departures_unless="creation_date",
    ),
    Format(
        "Mailchimp",
        (columns("email_address", "member_rating"), columns("email_address", "optin_time")),
        address=("email_address",),
        since=("confirm_time", "optin_time"),
        words={"status": KNOWN_WORDS},
        # The files of those who left have no LAST_CHANGED, which the one of subscribers has.
        departures={"unsub_time": UNSUBSCRIBED, "clean_time": BOUNCED},
        departures_unless="last_changed",
    ),
    Format(
        "Keila",
        (columns("email", "first_name", "last_name", "data"), columns("email", "first_name", "last_name", "status")),
        words={"status": {"active": ACTIVE, "": ACTIVE, "unsubscribed": UNSUBSCRIBED, "unreachable": BOUNCED}},
    ),
    Format(
        "plain CSV",
        tuple(columns(address) for address in ("email", "e_mail", "email_address", "e_mail_address", "mail")),
        address=("email", "e_mail", "email_address", "e_mail_address", "mail"),
        since=("subscribed_at", "created_at", "since", "date"),
        words={"status": KNOWN_WORDS, "state": KNOWN_WORDS},
    ),
]


def recognise(header: Sequence[str]) -> Format:
    """Return the first format of which the header has a signature. Raises BadFile."""
    names = set(_names(header))
    for known in FORMATS:
        if any(signature <= names for signature in known.signatures):
            return known
    raise BadFile(
        "The first line names no column “email”. It has to name the columns, as in the exports of "
        f"{', '.join(each.name for each in FORMATS[1:-1])}. It begins: {', '.join(header)[:80] or 'with nothing'}"
    )


def entry_reader(format: Format, header: Sequence[str], now: datetime) -> Callable[[list[str]], Entry]:
    """Return the function that reads a row of such a file. It raises BadRow."""
    names = _names(header)
    width = len(names)
    place = {name: names.index(name) for name in reversed(names)}
    address = next(place[name] for name in format.address if name in place)
    since = [(header[place[name]], place[name]) for name in format.since if name in place]
    words = [(header[place[name]], place[name], words) for name, words in format.words.items() if name in place]
    departures = [(place[name], verdict) for name, verdict in format.departures.items() if name in place]
    everybody_left = bool(departures) and format.departures_unless not in place
    latest = now + timedelta(days=1)

    def read(row: list[str]) -> Entry:
        if len(row) != width:
            row = _fit(row, width)
        verdict = ACTIVE
        for column, at, verdicts in words:
            found = verdicts.get(row[at]) or _verdict(column, row[at], verdicts)
            if found != verdict:
                verdict = min(found, verdict, key=VERDICTS.index)
        for at, departed in departures:
            if row[at] or everybody_left:
                verdict = min(departed, verdict, key=VERDICTS.index)
        date = None
        for column, at in since:
            if row[at]:
                date = _date(column, row[at], latest)
                break
        proof = format.proof(dict(zip(names, row, strict=True))) if format.proof else ""
        return Entry(as_written(row[address]), verdict, date, proof)

    return read


def _names(header: Sequence[str]) -> list[str]:
    return [re.sub(r"[ -]+", "_", as_written(name).strip().lower()) for name in header]


def _fit(row: list[str], width: int) -> list[str]:
    if any(row[width:]):
        raise BadRow(f"The row has {len(row)} cells, the first line names {width} columns. Is a quote missing?")
    return [*row[:width], *[""] * (width - len(row))]


def _verdict(column: str, cell: str, verdicts: Mapping[str, str]) -> str:
    word = as_written(cell).strip().lower()
    if word not in verdicts:
        said = f"is “{word[:40]}”" if word else "is empty"
        raise BadRow(f"{column} {said}. Write one of: {', '.join(filter(None, verdicts))}.")
    return verdicts[word]


def _date(column: str, cell: str, latest: datetime) -> datetime:
    """Read an ISO date, or Go's; without a zone it is taken for UTC."""
    try:
        date = datetime.fromisoformat(cell.removesuffix(" UTC"))
    except ValueError:
        date = _unusual_date(column, cell)
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    if not EARLIEST <= date <= latest:
        raise BadRow(f"{column} is {cell[:40]}: no time at which somebody can have signed up.")
    return date


def _unusual_date(column: str, cell: str) -> datetime:
    cell = as_written(cell).strip()
    in_go = GO_DATE.fullmatch(cell)
    try:
        return datetime.fromisoformat(f"{in_go[1]}{in_go[2]}" if in_go else cell)
    except ValueError:
        raise BadRow(f"{column} is “{cell[:40]}”. Write it like 2021-04-03 or 2021-04-03 10:30:00.") from None
