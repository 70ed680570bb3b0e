"""Header fields as they stand on the wire: ASCII, encoded words where needed (RFC 2047), never a line break from input."""

import re
from email.header import Header
from email.utils import formataddr

from deliveries.errors import BadAddress

CRLF = "\r\n"
# RFC 2047 allows encoded words of 75 characters in lines of 76; the library, given 76, makes words of 76.
LINE = 75
BREAKS = re.compile(r"[\r\n\x00]")
# What nearly all addresses look like; they need no closer look.
PLAIN_ADDRESS = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@(?:[A-Za-z0-9-]{1,63}\.)*[A-Za-z0-9-]{1,63}", re.ASCII)
NOT_IN_AN_ADDRESS = re.compile(r'[\s<>()\[\],;:"\\]')


def field(name: str, value: str) -> str:
    """One field with its CRLF. `value` is ready for the wire; raises ValueError if it would open another field."""
    if BREAKS.search(value.replace(f"{CRLF} ", "")) or not value.isascii():
        raise ValueError(f"The header {name} can't hold {value!r}.")
    return f"{name}: {value}\r\n"


def text(name: str, value: str) -> str:
    """Free text, such as a subject: as it is if it is short and plain, else folded, in encoded words of ≤ 75 characters.

    Text that would be taken for an encoded word is encoded. The old `Header` is used on purpose: the new policies of
    Python's email package write empty encoded words for some subjects with dashes.
    """
    value = BREAKS.sub(" ", value)
    charset = "us-ascii" if _is_plain(value) else "utf-8"
    return Header(value, charset, maxlinelen=LINE, header_name=name).encode(linesep=CRLF)


def mailbox(name: str, phrase: str, address: str) -> str:
    """`phrase <address>`, as in From and List-Id; the phrase quoted or in encoded words."""
    phrase = BREAKS.sub(" ", phrase)
    if _is_plain(phrase):
        return formataddr((phrase, address))
    words = Header(phrase, "utf-8", maxlinelen=LINE, header_name=name).encode(linesep=CRLF)
    return f"{words}{CRLF} <{address}>"


def _is_plain(value: str) -> bool:
    """Whether it can stand as it is, and be folded at its spaces."""
    longest_word = max(map(len, value.split(" ")))
    return value.isascii() and value.isprintable() and "=?" not in value and longest_word < LINE // 2


def ascii_address(address: str) -> str:
    """The address as SMTP takes it without SMTPUTF8: its domain in A-labels.

    Raises BadAddress if the part before the @ is not ASCII, or if there is a character that would end the address in a
    command or a header, such as a space, a control character or an angle bracket.
    """
    if PLAIN_ADDRESS.fullmatch(address):
        return address
    local_part, _, domain = address.rpartition("@")
    try:
        domain = domain.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise BadAddress("The domain of this address can't be written in ASCII.") from error
    if not local_part.isascii():
        raise BadAddress("Mail servers take this address only with SMTPUTF8, which is not used here.")
    if not local_part or not domain or not address.isprintable() or NOT_IN_AN_ADDRESS.search(address):
        raise BadAddress("This is not an address that mail can be sent to.")
    return f"{local_part}@{domain}"
