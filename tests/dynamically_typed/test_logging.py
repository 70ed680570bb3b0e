import logging

from dynamically_typed.logging import OneLineFormatter


def test_what_strangers_send_cannot_pass_for_a_line_of_the_log():
    record = logging.LogRecord(
        "test", logging.WARNING, "", 0, "Refused %s", ("a\r\n2026-01-01 INFO all is well",), None
    )
    assert OneLineFormatter("{message}", style="{").format(record) == "Refused a\\r\\n2026-01-01 INFO all is well"
