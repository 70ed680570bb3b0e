import logging
import sys

import pytest

from dynamically_typed.logging import OneLineFormatter


def test_what_strangers_send_cannot_pass_for_a_line_of_the_log():
    record = logging.LogRecord(
        "test", logging.WARNING, "", 0, "Refused %s", ("a\r\n2026-01-01 INFO all is well",), None
    )
    assert OneLineFormatter("{message}", style="{").format(record) == "Refused a\\r\\n2026-01-01 INFO all is well"


def test_a_traceback_holds_no_address_nor_token_and_no_line_of_it_passes_for_one_of_the_log():
    """Databases and mail servers name what they complain of."""
    try:
        raise ValueError(
            "Key (lower(email))=(ada@example.org) exists; <bob@example.org>: /preferences/AQ-1.x/\n2026-01-01 INFO all is well"
        )
    except ValueError:
        record = logging.LogRecord("test", logging.ERROR, "", 0, "It failed.", (), sys.exc_info())
    first, *lines = OneLineFormatter("{message}", style="{").format(record).splitlines()
    assert first == "It failed."
    assert lines[-2] == "    ValueError: Key (lower(email))=((address)) exists; <(address)>: /preferences/…/"
    assert lines[-1] == "    2026-01-01 INFO all is well"
    assert all(line.startswith("    ") for line in lines)


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/unsubscribe/AQ.x-y_z/", "/unsubscribe/…/"),
        ("/preferences/AQ-1.x/pause/", "/preferences/…/pause/"),
        ("/preferences/confirm-address/AQ.1.x/", "/preferences/confirm-address/…/"),
        ("/subscribe/confirm/AQ-1:2.x/", "/subscribe/confirm/…/"),
        ("/subscribe/check-your-mailbox/", "/subscribe/check-your-mailbox/"),
    ],
)
def test_no_line_of_the_log_holds_the_token_of_a_readers_link(path, shown):
    record = logging.LogRecord("django.request", logging.WARNING, "", 0, "Bad Request: %s", (path,), None)
    assert OneLineFormatter("{message}", style="{").format(record) == f"Bad Request: {shown}"
