"""What a program of --serve is given, and which of its lines are answers."""

import json
import time
from pathlib import Path

import pytest

from docs.markdown import marked
from queueworker.handlers.serve_protocol import (
    Answer,
    AnswerKind,
    ProtocolError,
    check_ready,
    encode_extension,
    encode_message,
    parse_answer,
)
from queueworker.model import MAX_VISIBILITY_SECONDS, Message

ROOT = Path(__file__).parents[3]

EVERY_CHARACTER = "".join(map(chr, (*range(0xD800), *range(0xE000, 0x11000, 1), 0x1F4E6, 0x10FFFF)))
"""All of the first plane, and two beyond it."""


def test_a_message_is_one_line_of_ascii_with_all_that_a_handler_sees() -> None:
    message = Message(
        "id-1",
        EVERY_CHARACTER,
        "handle",
        3,
        {"size": "42", "raw": b"\x00\xff", "traceparent": "00-1-2-01"},
        group="g",
        sent_timestamp=1_700_000_000.25,
        trace_header="Root=1",
        attribute_types={"size": "Number", "raw": "Binary.png", "traceparent": "String"},
        queue_url="https://sqs.eu-west-1.amazonaws.com/123456789012/jobs",
    )
    line = encode_message(message)
    assert line.isascii()
    assert (line.count(b"\n"), line[-1:]) == (1, b"\n")
    found = json.loads(line)
    assert found.pop("deadline") == pytest.approx(time.time() + MAX_VISIBILITY_SECONDS, abs=5)
    assert found == {
        "id": "id-1",
        "body": EVERY_CHARACTER,
        "attributes": {
            "size": {"type": "Number", "value": "42"},
            "raw": {"type": "Binary.png", "base64": "AP8="},
            "traceparent": {"type": "String", "value": "00-1-2-01"},
        },
        "receiveCount": 3,
        "group": "g",
        "sentTimestamp": 1_700_000_000.25,
        "queueUrl": "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs",
        "traceContext": {"traceparent": "00-1-2-01", "X-Amzn-Trace-Id": "Root=1"},
    }


def test_what_a_message_has_not_is_null() -> None:
    found = json.loads(encode_message(Message("id", "", "handle")))
    assert (found["group"], found["sentTimestamp"], found["attributes"]) == (None, None, {})


def test_a_confirmation_has_the_deadline_as_it_is_now() -> None:
    found = json.loads(encode_extension(Message("id", "", "handle"), extended=False))
    assert found.pop("deadline") == pytest.approx(time.time() + MAX_VISIBILITY_SECONDS, abs=5)
    assert found == {"id": "id", "extended": False}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"id":"m","success":true}', Answer(AnswerKind.SUCCESS)),
        ('{"id":"m","failure":""}', Answer(AnswerKind.FAILURE)),
        ('{"id":"m","failure":"päper"}', Answer(AnswerKind.FAILURE, text="päper")),
        ('{"id":"m","retry":0}', Answer(AnswerKind.RETRY)),
        ('{"id":"m","retry":1.5}', Answer(AnswerKind.RETRY, seconds=1.5)),
        ('{"id":"m","retry":1e999}', Answer(AnswerKind.RETRY, seconds=MAX_VISIBILITY_SECONDS)),
        ('{"id":"m","retry":1' + 400 * "0" + "}", Answer(AnswerKind.RETRY, seconds=MAX_VISIBILITY_SECONDS)),
        ('{"id":"m","reject":"\\ud800"}', Answer(AnswerKind.REJECT, text="\ud800")),
        ('  {"extend": 60, "id": "m", "note": "more is ignored"}\r', Answer(AnswerKind.EXTEND, seconds=60.0)),
    ],
)
def test_an_answer_says_one_thing(line: str, expected: Answer) -> None:
    assert parse_answer(line.encode(), "m") == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(b"hello", "it wrote a line that is no JSON object in UTF-8: 'hello'", id="a stray print"),
        pytest.param(b"", "no JSON object in UTF-8: ''", id="an empty line"),
        pytest.param(b"[1]", "no JSON object", id="a list"),
        pytest.param(b"[" * 60_000, "no JSON object", id="lists in lists"),
        pytest.param(b'{"id":"m","failure":"\xff"}', "no JSON object in UTF-8: .*�", id="not in UTF-8"),
        pytest.param(b"x" * 5000, f"'{'x' * 200}'$", id="the beginning of a long line"),
        pytest.param(b'{"success":true}', "it has message m, and answers another", id="no id"),
        pytest.param(b'{"id":"n","success":true}', "it has message m, and answers another", id="another id"),
        pytest.param(b'{"id":"m"}', "one of the keys success, failure, retry, reject, extend", id="nothing"),
        pytest.param(b'{"id":"m","success":true,"retry":1}', "one of the keys", id="two things"),
        pytest.param(b'{"id":"m","success":false}', "success is true", id="no success"),
        pytest.param(b'{"id":"m","failure":null}', "failure is a text", id="a failure without text"),
        pytest.param(b'{"id":"m","reject":7}', "reject is a text", id="a number as reason"),
        pytest.param(b'{"id":"m","retry":-1}', "retry is the seconds", id="a retry in the past"),
        pytest.param(b'{"id":"m","retry":true}', "retry is the seconds", id="a truth as time"),
        pytest.param(b'{"id":"m","retry":NaN}', "retry is the seconds", id="no number"),
        pytest.param(b'{"id":"m","extend":"60"}', "extend is the seconds", id="a text as time"),
        pytest.param(b'{"id":"m","retry":' + b"9" * 5000 + b"}", "no JSON object", id="too many digits"),
    ],
)
def test_any_other_line_is_no_answer(line: bytes, expected: str) -> None:
    with pytest.raises(ProtocolError, match=expected):
        parse_answer(line, "m")


def test_the_lines_of_the_page_are_those_of_the_protocol() -> None:
    (block,) = marked((ROOT / "docs" / "serve.md").read_text(), "test: lines")
    ready, message, extend, confirmation, success = block.text.splitlines()
    check_ready(ready.removeprefix("< ").encode())
    fields = json.loads(message.removeprefix("> "))
    known = Message(fields["id"], fields["body"], "handle", sent_timestamp=1.0, queue_url=fields["queueUrl"])
    assert list(fields) == list(json.loads(encode_message(known)))
    assert parse_answer(extend.removeprefix("< ").encode(), known.id) == Answer(AnswerKind.EXTEND, seconds=600)
    assert list(json.loads(confirmation.removeprefix("> "))) == list(json.loads(encode_extension(known, extended=True)))
    assert parse_answer(success.removeprefix("< ").encode(), known.id) == Answer(AnswerKind.SUCCESS)


@pytest.mark.parametrize("line", [b'{"ready":1}', b"{}", b"hello"])
def test_a_program_is_ready_when_it_says_so(line: bytes) -> None:
    check_ready(b'{"ready": true, "version": 1}')
    with pytest.raises(ProtocolError):
        check_ready(line)
