"""DeliveriesError
├── MailingError: the step is not possible now; show the sentence to the editor.
│   └── ApprovalVoid: the issue has changed since it was approved; void the approval.
├── BadReport: this mail tells nothing that can be acted on; put it aside, with the sentence for the operator.
├── MailboxUnavailable: the bounce mailbox can't be read; show the sentence to the operator, and try again later.
├── BadAddress: no mail can be made for this reader; the delivery fails with this reason, the others go on.
└── TransportError: a mail was not accepted, and this is what is known about it; its text has the server's words.
    ├── Refused: the server said no for good; the delivery fails.
    ├── Deferred: the server said not now; try this one later.
    ├── Lost: the connection broke before the mail was complete, so nothing was delivered; try this one later.
    ├── Unavailable: the server can't be used at all; put back what is left and try the server later.
    │   └── Misconfigured: nor will it later; pause and tell the editor.
    └── InDoubt: the connection broke when the mail was complete; it may have been delivered. Never repeat it unasked.
"""


class DeliveriesError(Exception):
    pass


class MailingError(DeliveriesError):
    pass


class ApprovalVoid(MailingError):
    pass


class BadReport(DeliveriesError):
    pass


class MailboxUnavailable(DeliveriesError):
    pass


class BadAddress(DeliveriesError, ValueError):
    pass


class TransportError(DeliveriesError):
    pass


class Refused(TransportError):
    pass


class Deferred(TransportError):
    pass


class Lost(TransportError):
    pass


class Unavailable(TransportError):
    pass


class Misconfigured(Unavailable):
    pass


class InDoubt(TransportError):
    pass
