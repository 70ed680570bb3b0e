"""PapersError
├── BadIdentifier: show the sentence beside the field; nothing was stored.
└── BadRecord: a bibliographic record can't be read; show the sentence with the record's place.
"""


class PapersError(Exception):
    """Base of what the papers app raises; its text is a sentence for the person who typed the input."""


class BadIdentifier(PapersError, ValueError):
    pass


class BadRecord(PapersError, ValueError):
    pass
