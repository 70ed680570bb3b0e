"""PapersError
├── BadIdentifier: show the sentence beside the field; nothing was stored.
├── BadRecord: a bibliographic record can't be read; show the sentence with the record's place.
├── NothingToLookUp: show the sentence and the form, with the `address` filled in.
└── SourceError: a service of metadata gave nothing; show the sentence, and use what the others gave.
    ├── PaperNotFound: it doesn't know the paper; asking again soon is no use.
    ├── BadAnswer: it answered with what can't be read, or with another paper.
    └── SourceUnavailable: it is down, slow or overrun; ask again later, if it said so after `seconds`.
        └── NotOurTurn: others are asking it just now; ask again after `seconds`.
"""


class PapersError(Exception):
    """Base of what the papers app raises; its text is a sentence for the person who typed the input."""


class BadIdentifier(PapersError, ValueError):
    pass


class BadRecord(PapersError, ValueError):
    pass


class NothingToLookUp(PapersError):
    def __init__(self, sentence: str, *, address: str = "") -> None:
        super().__init__(sentence)
        self.address = address


class SourceError(PapersError):
    pass


class PaperNotFound(SourceError):
    pass


class BadAnswer(SourceError):
    pass


class SourceUnavailable(SourceError):
    def __init__(self, sentence: str, *, seconds: float = 0) -> None:
        super().__init__(sentence)
        self.seconds = seconds


class NotOurTurn(SourceUnavailable):
    pass
