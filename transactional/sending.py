"""Handing over a mail to one person, by a mail server or a provider's API, and telling whether it may be tried again."""

import smtplib

from django.core.mail import EmailMessage, get_connection

# A provider's answers (HTTP) after which nothing has left: the key is wrong, there were too many calls, it is down.
NOT_TAKEN = {401, 403, 404, 429, 503}
NOT_REACHED = {"ConnectTimeout", "NewConnectionError", "NameResolutionError"}  # classes of requests and urllib3
HANDED_OVER = "mail"


class MailServerUnavailable(Exception):
    """Nothing left; try again later. Its cause is what the backend raised."""


def send(message: EmailMessage) -> str:
    """Hand the mail over; return what became of it, in a few words, and then the same mail must not be sent again.

    Raises MailServerUnavailable when nothing left: the server or provider was not reached, or said "not now".
    """
    connection = get_connection()
    try:
        connection.open()
    except OSError as error:  # Every SMTPException is one.
        raise MailServerUnavailable from error
    try:
        connection.send_messages([message])
    except _errors() as error:
        if _nothing_left(error):
            raise MailServerUnavailable from error
        return f"mail, {_what_happened(error)}"
    finally:
        connection.close()
    return HANDED_OVER


def was_not_reached(error: BaseException) -> bool:
    """Whether a provider's API could not be called at all. Anymail keeps the error of requests, this that of urllib3."""
    cause = error.__cause__ or error.__context__
    reason = getattr(cause.args[0], "reason", None) if cause and cause.args else None
    return not NOT_REACHED.isdisjoint({type(cause).__name__, type(reason).__name__})


def _errors() -> tuple[type[Exception], ...]:
    """What backends raise: every SMTPException is an OSError; Anymail, an extra, has an error of its own."""
    try:
        from anymail.exceptions import AnymailError
    except ImportError:
        return (OSError,)
    return (OSError, AnymailError)


def _nothing_left(error: Exception) -> bool:
    if codes := _reply_codes(error):
        return any(400 <= code < 500 for code in codes)
    status = getattr(error, "status_code", None)  # a provider's answer to the call
    return status in NOT_TAKEN if status else was_not_reached(error)


def _what_happened(error: Exception) -> str:
    status = getattr(error, "status_code", None)
    if codes := _reply_codes(error) or [code for code in [status] if code and code < 500]:
        return f"refused with {codes[0]}"
    return "lost its connection on the way" if isinstance(error, OSError) else "not taken by the provider"


def _reply_codes(error: Exception) -> list[int]:
    """The codes of SMTP in a server's answer, one for each reader whom it refused."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return [code for code, _ in error.recipients.values()]
    return [error.smtp_code] if isinstance(error, smtplib.SMTPResponseException) else []
