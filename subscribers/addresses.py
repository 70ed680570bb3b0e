"""Email addresses: read as people type them, kept as mail servers take them, shown so that they don't mislead."""

import unicodedata

import idna
from django.conf import settings
from django.utils.crypto import salted_hmac
from email_validator import EmailNotValidError, validate_email

from subscribers.errors import BadAddress

LONGEST_INPUT = 320  # characters; the standard's limits are below that
INVISIBLE = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}  # control, bidirectional, zero-width, unassigned …
JAPANESE = {"CJK", "HIRAGANA", "KATAKANA"}  # written together
EXAMPLE = "such as ada@example.org"


def normalise(text: str) -> str:
    """Return the address as it is stored: ASCII, the local part as typed, the domain in lower case as A-labels.

    At most 64 octets before the @ and 254 in all (RFC 5321 §4.5.3). Quoted local parts, comments, display names and
    domain literals are refused, and so are local parts outside ASCII, which need SMTPUTF8 (RFC 6531) all the way.
    Raises BadAddress with a sentence for the person who typed it.
    """
    text = text.strip()
    if reason := _refusal(text):
        raise BadAddress(reason)
    try:
        address = validate_email(text, allow_smtputf8=False, strict=True, check_deliverability=False).ascii_email
    except EmailNotValidError as error:
        raise BadAddress(f"This address can’t be right. {error}") from error
    if address is None:  # The types allow it; without SMTPUTF8 it does not happen.
        raise BadAddress(f"This address can’t be written in ASCII. Write one {EXAMPLE}.")
    return address


def _refusal(text: str) -> str:
    """Why the text is refused, where our words are plainer than the library's; empty if it is not."""
    local, _, domain = text.rpartition("@")
    if not text:
        return f"Write your email address, {EXAMPLE}."
    if len(text) > LONGEST_INPUT:
        return "This is too long for an email address."
    if any(unicodedata.category(character) in INVISIBLE for character in text):
        return "There is an invisible character in this address. Type it by hand instead of pasting it."
    if any(character.isspace() for character in text):
        return "There is a space in this address. Write one address without spaces."
    if any(character in '<>,;"()\\' for character in text):
        return f"Write one plain address, {EXAMPLE}: no name, comma, quote or bracket."
    if not local or not domain or "@" in local:
        return f"An address has one @ with something before and after it, {EXAMPLE}."
    if not local.isascii():
        return (
            "Before the @ this address has a letter that most mail servers can’t deliver to. "
            "Write an address with plain letters there."
        )
    return ""


def shown(address: str) -> str:
    """Return a stored address as people know it: letters of other scripts in the domain, unless they are mixed.

    A domain that mixes scripts may be made to look like another, so it stays as A-labels.
    """
    local, _, domain = address.rpartition("@")
    try:
        readable = idna.decode(domain)
    except idna.IDNAError:
        return address
    return address if any(map(_mixes_scripts, readable.split("."))) else f"{local}@{readable}"


def masked(address: str) -> str:
    """Return enough of an address for its owner to know it, and too little for others: a•••@example.org."""
    return f"{address[0]}•••@{shown(address).rpartition('@')[2]}" if address else ""


def _mixes_scripts(label: str) -> bool:
    scripts = {unicodedata.name(letter, "unknown").split()[0] for letter in label if letter.isalpha()}
    return len(scripts) > 1 and not scripts <= JAPANESE


def suppression_hashes(address: str) -> list[str]:
    """Return the keyed hashes that an erased address may have left, the one by today's key first.

    The keys are SECRET_KEY and SECRET_KEY_FALLBACKS: a key that is dropped from both takes its suppressions along.
    """
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    folded = address.lower()
    return [salted_hmac("subscribers.suppression", folded, secret=key, algorithm="sha256").hexdigest() for key in keys]
