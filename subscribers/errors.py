"""Errors of this app.

BadAddress            the address can't be written to; show the sentence to whoever typed it
BadToken              the link is forged, cut off or not ours; show the page that says what to do
├── ExpiredToken      the link is ours, but too old
└── UsedToken         the link is ours, but something happened since: most often it was used
AlreadyKnown          the address is in the list, or its owner was erased; only they can sign up again
MailServerUnavailable nothing left; try again later
"""


class BadAddress(ValueError):
    """Its text is a sentence for the person who typed the address."""


class BadToken(Exception):
    pass


class ExpiredToken(BadToken):
    pass


class UsedToken(BadToken):
    pass


class AlreadyKnown(ValueError):
    """Its text is a sentence for the editor."""


class MailServerUnavailable(Exception):
    pass
