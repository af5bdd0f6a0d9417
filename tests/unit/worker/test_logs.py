"""What a log line looks like."""

import json
import logging
import sys

from queueworker.logs import JsonFormatter, TextFormatter


def record() -> logging.LogRecord:
    try:
        raise RuntimeError("out of paper")  # noqa: TRY301 -- the test needs a traceback
    except RuntimeError:
        made = logging.LogRecord(
            "queueworker.handlers.work", logging.ERROR, "f", 1, "the %s failed", ("handler",), sys.exc_info()
        )
    made.__dict__ |= {"message_id": "m-1", "seconds": 0.25}
    return made


def test_a_line_of_json_contains_everything_in_one_line() -> None:
    text = JsonFormatter().format(record())
    line = json.loads(text)
    assert "\n" not in text
    assert (line["level"], line["message"], line["message_id"]) == ("ERROR", "the handler failed", "m-1")
    assert line["traceback"].endswith("RuntimeError: out of paper")
    assert set(line) == {"time", "level", "logger", "message", "message_id", "seconds", "traceback"}


def test_a_line_for_people_contains_the_pairs_too() -> None:
    assert "ERROR   the handler failed message_id=m-1 seconds=0.25\nTraceback" in TextFormatter().format(record())
