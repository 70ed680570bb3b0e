"""Errors of this app.

BadAddress            the address can't be written to; show the sentence to whoever typed it
BadToken              the link is forged, cut off or not ours; show the page that says what to do
├── ExpiredToken      the link is ours, but too old
└── UsedToken         the link is ours, but something happened since: most often it was used
AlreadyKnown          the address is in the list, or its owner was erased; only they can sign up again
BadFile               the file can't be imported as a whole; show the sentence to the operator
BadRow                one row of it can't; put the sentence beside the row, and go on
ListChanged           somebody was erased while an import ran; nothing was changed, import again
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


class BadFile(ValueError):
    """Its text is a sentence for the operator, naming file or line."""


class BadRow(ValueError):
    """Its text is a sentence for whoever mends the file, naming the column."""


class ListChanged(Exception):
    """Its text is a sentence for the operator."""
