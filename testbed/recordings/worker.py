"""The handler of recorded workers: it takes as long as its message says, and writes down when.

`queueworker` runs it. Each line of the journal is an event, a message's number, the pod's name and the monotonic time:
`loaded` when the worker can begin to receive, `begun`, `done` and `failed` of messages. It starts as slowly as it is
told, and fails as often.
"""

import json
import os
import random
import time

from queueworker import Message

_descriptor = os.open(os.environ["RECORDING_JOURNAL"], os.O_WRONLY | os.O_APPEND)
_pod = os.environ["RECORDING_POD"]
_failing = float(os.environ["RECORDING_FAILING"])


def handle(message: Message) -> None:
    """Work on one message."""
    body = json.loads(message.body)
    _write("begun", body["number"])
    time.sleep(body["seconds"])
    if random.random() < _failing:
        _write("failed", body["number"])
        raise RuntimeError("this attempt fails, as told")
    _write("done", body["number"])


def _write(event: str, number: int) -> None:
    os.write(_descriptor, f"{event} {number} {_pod} {time.monotonic():.3f}\n".encode())


time.sleep(random.uniform(*map(float, os.environ["RECORDING_STARTUP"].split())))
_write("loaded", -1)
