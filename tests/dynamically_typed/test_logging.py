import logging

import pytest

from dynamically_typed.logging import OneLineFormatter


def test_what_strangers_send_cannot_pass_for_a_line_of_the_log():
    record = logging.LogRecord(
        "test", logging.WARNING, "", 0, "Refused %s", ("a\r\n2026-01-01 INFO all is well",), None
    )
    assert OneLineFormatter("{message}", style="{").format(record) == "Refused a\\r\\n2026-01-01 INFO all is well"


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
