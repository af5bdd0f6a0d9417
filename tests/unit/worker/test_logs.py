"""What a log line looks like."""

import contextvars
import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from queueworker.context import CURRENT
from queueworker.logs import JsonFormatter, MessageFields, TextFormatter
from queueworker.model import Message

ROOT = Path(__file__).parents[3]


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


TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize(
    ("current", "fields"),
    [
        pytest.param(None, {"message_id": "m-1", "seconds": 0.25}, id="no message is handled"),
        pytest.param(
            Message("m-2", "body", "receipt", attributes={"traceparent": TRACEPARENT}, queue_url="https://sqs/1/q"),
            {"message_id": "m-1", "seconds": 0.25, "queue": "https://sqs/1/q", "traceparent": TRACEPARENT},
            id="the message's queue and trace beside what the line says",
        ),
        pytest.param(
            Message(
                "m-2",
                "body",
                "receipt",
                attributes={"seconds": "1"},
                queue_url="https://sqs/1/q",
                trace_header="Root=1",
            ),
            {"message_id": "m-1", "seconds": 0.25, "queue": "https://sqs/1/q", "X-Amzn-Trace-Id": "Root=1"},
            id="X-Ray's trace",
        ),
    ],
)
def test_a_line_says_during_which_message_it_was_written(current: Message | None, fields: dict[str, object]) -> None:
    def written() -> dict[str, object]:
        CURRENT.set(current)
        line = record()
        assert MessageFields().filter(line)
        return dict(json.loads(JsonFormatter().format(line)))

    line = contextvars.copy_context().run(written)
    assert {name: line[name] for name in line.keys() - {"time", "level", "logger", "message", "traceback"}} == fields


def test_what_a_line_says_itself_stays() -> None:
    def written() -> logging.LogRecord:
        CURRENT.set(Message("m-2", "body", "receipt", queue_url="https://sqs/1/q"))
        line = record()
        line.__dict__["queue"] = "https://sqs/1/another"
        assert MessageFields().filter(line)
        return line

    line = contextvars.copy_context().run(written)
    assert (line.__dict__["message_id"], line.__dict__["queue"]) == ("m-1", "https://sqs/1/another")


@pytest.mark.parametrize("close", ["", "os.close(1); ", "sys.stdout = None; "])
def test_output_that_nobody_reads_does_not_change_the_exit_code(close: str) -> None:
    code = f"import os, sys; from queueworker import logs; print('late', end=''); {close}logs.exit_process(3)"
    read_end, write_end = os.pipe()
    os.close(read_end)
    paths = os.pathsep.join(str(ROOT / folder) for folder in ("worker", "common"))
    with os.fdopen(write_end, "wb") as output:
        ended = subprocess.run([sys.executable, "-c", code], stdout=output, env={"PYTHONPATH": paths}, check=False)
    assert ended.returncode == 3
