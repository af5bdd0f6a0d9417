"""SQS answers with success, and the answer makes no sense: the counts stay unknown."""

import json

import pytest

from queueworkerpool.errors import QueueAnswerInvalidError
from tests.adapters.operator import faulty as faults
from tests.adapters.operator.conftest import Connect
from tests.adapters.operator.faulty import SECRET, Script
from tests.adapters.operator.sqs_failures import QUEUE, Serve, counting, failure

NONSENSE: dict[str, Script] = {
    "an empty body": faults.answering(200, b""),
    "a page": faults.answering(200, f"<html>{SECRET}"),
    "a page that says so": faults.answering(200, f"<html>{SECRET}", {"Content-Type": "text/html"}),
    "half a body": faults.half(json.dumps({"Attributes": {}}).encode()),
    "half a JSON": faults.answering(200, b'{"Attributes": {"Approx'),
    "not UTF-8": faults.answering(200, b'{"Attributes": "\xff\xfe"}'),
    "null": faults.answering(200, b"null"),
    "a list": faults.answering(200, b"[1]"),
    "a number": faults.answering(200, b"42"),
    "a text": faults.answering(200, json.dumps(SECRET)),
    "an empty object": faults.answering(200, {}),
    "nested deeply": faults.answering(200, b"[" * 100_000),
    "attributes nested deeply": faults.answering(200, b'{"Attributes": ' + b'{"a":' * 50_000),
    "another operation's answer": faults.answering(200, {"QueueUrls": [SECRET]}),
    "no attributes": faults.answering(200, {"Attributes": {}}),
    "null for attributes": faults.answering(200, {"Attributes": None}),
    "a list for attributes": faults.answering(200, {"Attributes": [1]}),
    "a text for attributes": faults.answering(200, {"Attributes": SECRET}),
    "a count left out": counting(visible=None),
    "a negative count": counting(visible="-1"),
    "a count with a fraction": counting(visible="1.5"),
    "a text for a count": counting(visible=SECRET),
    "an empty count": counting(visible=""),
    "a count with spaces": counting(visible=" 1 "),
    "a count with an underscore, which int() takes": counting(visible="1_0"),
    "a count in digits of another script, which int() takes": counting(visible="٣"),
    "a count in powers": counting(visible="1e3"),
    "a huge count": counting(visible="9" * 13),
    "a count too long for Python": counting(visible="9" * 5000),
    "infinitely many": counting(visible="Infinity"),
    "a list for a count": counting(visible=["1"]),
    "an object for a count": counting(visible={"a": 1}),
    "true for a count": counting(visible=True),
    "a number for a count": counting(visible=1),
}


@pytest.mark.parametrize("script", NONSENSE.values(), ids=NONSENSE)
async def test_nonsense(faulty: Serve, connect: Connect, script: Script) -> None:
    assert type(await failure(connect, faulty(script).endpoint)) is QueueAnswerInvalidError


async def test_the_largest_count_that_makes_sense_is_taken(faulty: Serve, connect: Connect) -> None:
    reading = await connect(faulty(counting(visible="9" * 12)).endpoint).read(QUEUE)
    assert reading.visible == 10**12 - 1
