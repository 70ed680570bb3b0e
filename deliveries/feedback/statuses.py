"""What a server's answer means for the reader: by its status code, never by its words (RFC 3463, RFC 5321 §4.2)."""

import re
from typing import NamedTuple

from deliveries.models import Verdict

# 5.1.1 behind a reply code, in brackets, or alone; not a part of an IP address or of a version.
ENHANCED = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?!\.?\d)")
REPLY = re.compile(r"(?<![\d.#])([45]\d\d)(?=[ \-]|$)")

# The first that fits counts. Where the address is right and the mailbox or its server is in trouble, the reader may be
# back next week; what is said of the sender, the message or a policy says nothing about the reader.
VERDICTS = (
    (r"4\.", Verdict.SOFT),
    (r"5\.7\.", Verdict.OURS),  # security or policy
    (r"5\.6\.", Verdict.OURS),  # content
    (r"5\.1\.[78]$", Verdict.OURS),  # the sender's address
    (r"5\.(2\.3|3\.4)$", Verdict.OURS),  # too long
    (r"5\.2\.2$", Verdict.SOFT),  # the mailbox is full
    (r"5\.3\.[12]$", Verdict.SOFT),  # the system is full, or takes no mail now
    (r"5\.4\.[67]$", Verdict.SOFT),  # a loop between their servers; time ran out
    (r"5\.", Verdict.HARD),
)
# For answers without an enhanced code: no such mailbox, moved, no such name, no such domain.
HARD_REPLIES = {"550", "551", "553", "556"}


class Answer(NamedTuple):
    verdict: Verdict
    status: str  # the enhanced code; empty if there was none


def judge(words: str, status: str = "") -> Answer:
    """Judge a final failure by `status` if it is specific, else by the codes in the server's words.

    5.0.0 alone counts as hard; no code at all as soft, and so does a bare 5xx that may mean anything, such as 554.
    """
    if not status or status.endswith(".0.0"):
        found = ENHANCED.search(words)
        status = found[1] if found and not found[1].endswith(".0.0") else status
    if status and not status.endswith(".0.0"):
        return Answer(_verdict(status), status)
    if reply := REPLY.search(words):
        return Answer(Verdict.HARD if reply[1] in HARD_REPLIES else Verdict.SOFT, status)
    return Answer(_verdict(status), status)


def _verdict(status: str) -> Verdict:
    return next((verdict for pattern, verdict in VERDICTS if re.match(pattern, status)), Verdict.SOFT)
